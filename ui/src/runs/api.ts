import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { api, unwrap } from '../api/client'
import type { NewRun, RunOut, RunState } from '../api/schema'

export type Run = RunOut
export type State = RunState

const PAGE = 50
const REFRESH_MS = 5000

export interface RunFilter {
  state?: State | undefined
  script_id?: string | undefined
  trigger_id?: string | undefined
  since_ms?: number | undefined
}

export function useRuns(site: string, filter: RunFilter) {
  return useInfiniteQuery({
    queryKey: ['runs', site, filter],
    queryFn: ({ pageParam, signal }) =>
      unwrap(api.GET('/api/v1/sites/{site}/runs', { params: { path: { site }, query: { ...filter, limit: PAGE, cursor: pageParam ?? undefined } }, signal })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: (previous, query) => (query?.queryKey[1] === site ? previous : undefined),
    // Only while the newest page is all that is shown: a long list is not loaded anew under the eyes.
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 1) === 1 ? REFRESH_MS : false),
  })
}

/** How many runs ended in each span of `hours` since then. */
export function useCounts(site: string, days: number) {
  const hours = days > 2 ? 24 : 1
  return useQuery({
    queryKey: ['run-counts', site, days],
    queryFn: () => unwrap(api.GET('/api/v1/sites/{site}/runs/counts', { params: { path: { site }, query: { since_ms: beginning(days), hours } } })),
    select: (data) => data.items,
    refetchInterval: 60_000,
  })
}

/** Where the first of so many days begins, in whole days of this browser's time zone; for two days and less, hours ago. */
export function beginning(days: number, now = Date.now()): number {
  if (days <= 2) return now - (days * 24 - 1) * 3_600_000
  const start = new Date(now)
  start.setHours(0, 0, 0, 0)
  start.setDate(start.getDate() - days + 1)
  return start.getTime()
}

export function useRun(id: string) {
  return useQuery({
    queryKey: ['run', id],
    queryFn: () => unwrap(api.GET('/api/v1/runs/{run}', { params: { path: { run: id } } })),
    refetchInterval: (query) => (query.state.data && hasEnded(query.state.data.state) ? false : REFRESH_MS),
  })
}

export function startRun(site: string, run: Partial<NewRun>): Promise<Run> {
  return unwrap(api.POST('/api/v1/sites/{site}/runs', { params: { path: { site } }, body: run as NewRun }))
}

export function cancelRun(id: string): Promise<Run> {
  return unwrap(api.POST('/api/v1/runs/{run}/cancel', { params: { path: { run: id } } }))
}

export function hasEnded(state: State): boolean {
  return state !== 'queued' && state !== 'running'
}
