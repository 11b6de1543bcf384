import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import { api, ApiError, everyPage, unwrap } from '../api/client'
import type { CheckOut, LeakOut, ListedScript, MovedLiteral, ScriptCodeOut, ScriptOut } from '../api/schema'

export type Script = ScriptCodeOut
export type Listed = ListedScript
export type Leak = LeakOut
export type Check = CheckOut
export type Sort = 'name' | 'updated' | 'ran'

const PAGE = 100

export function useScripts(site: string, q: string, sort: Sort) {
  return useInfiniteQuery({
    queryKey: ['scripts', site, q, sort],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET('/api/v1/sites/{site}/scripts', {
          params: { path: { site }, query: { q: q || undefined, sort, limit: PAGE, cursor: pageParam ?? undefined } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: (previous, query) => (query?.queryKey[1] === site ? previous : undefined),
  })
}

/** A script with its code and the tag that a change has to name. */
export interface Opened {
  script: Script
  tag: string
}

export function useScript(site: string, id: string) {
  return useQuery({
    queryKey: ['script', site, id],
    queryFn: () => openScript(site, id),
    // What is being edited is not replaced under the hands; a save that comes too late is told so.
    staleTime: Infinity,
    gcTime: 0,
  })
}

export async function openScript(site: string, id: string): Promise<Opened> {
  const answer = await api.GET('/api/v1/sites/{site}/scripts/{script}', { params: { path: { site, script: id } } })
  const script = await unwrap(Promise.resolve(answer))
  return { script, tag: answer.response.headers.get('ETag') ?? '' }
}

/** After a change: what is shown of scripts anywhere is asked for anew, but the code that is open stays. */
export function useScriptsChanged(site: string): () => void {
  const queries = useQueryClient()
  return useCallback(() => {
    for (const kind of ['scripts', 'versions', 'leaks']) void queries.invalidateQueries({ queryKey: [kind, site] })
  }, [queries, site])
}

export function createScript(site: string, name: string, code: string, description: string): Promise<ScriptOut> {
  return unwrap(api.POST('/api/v1/sites/{site}/scripts', { params: { path: { site } }, body: { name, code, description } }))
}

/** Store a new version. @throws ApiError `precondition_failed` when somebody else has stored one meanwhile. */
export function saveScript(site: string, id: string, tag: string, code: string, moved: MovedLiteral[] = []): Promise<ScriptOut> {
  const params = { path: { site, script: id }, header: { 'if-match': tag } }
  return unwrap(api.PUT('/api/v1/sites/{site}/scripts/{script}', { params, body: { code, moved } }))
}

export function changeScript(site: string, id: string, change: { name?: string; description?: string; idempotent?: boolean }): Promise<ScriptOut> {
  return unwrap(api.PATCH('/api/v1/sites/{site}/scripts/{script}', { params: { path: { site, script: id } }, body: change }))
}

export function deleteScript(site: string, id: string): Promise<void> {
  return unwrap(api.DELETE('/api/v1/sites/{site}/scripts/{script}', { params: { path: { site, script: id } } }))
}

export function cloneScript(site: string, id: string): Promise<ScriptOut> {
  return unwrap(api.POST('/api/v1/sites/{site}/scripts/{script}/clone', { params: { path: { site, script: id } }, body: {} }))
}

export function checkCode(site: string, code: string): Promise<Check> {
  return unwrap(api.POST('/api/v1/sites/{site}/scripts/check', { params: { path: { site } }, body: { code } }))
}

/** The first names of secrets that hold a text. */
export async function secretNamesWith(site: string, text: string): Promise<string[]> {
  const query = { q: text || undefined, sort: 'name' as const, limit: 100 }
  const page = await unwrap(api.GET('/api/v1/sites/{site}/secrets', { params: { path: { site }, query } }))
  return page.items.map((one) => one.name)
}

export function useVersions(site: string, id: string) {
  return useInfiniteQuery({
    queryKey: ['versions', site, id],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET('/api/v1/sites/{site}/scripts/{script}/versions', { params: { path: { site, script: id }, query: { limit: 50, cursor: pageParam ?? undefined } } })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  })
}

export function useVersionCode(site: string, id: string, number: number | null) {
  return useQuery({
    queryKey: ['version', site, id, number],
    enabled: number !== null,
    queryFn: () => unwrap(api.GET('/api/v1/sites/{site}/scripts/{script}/versions/{number}', { params: { path: { site, script: id, number: number! } } })),
    gcTime: 0,
  })
}

export function restoreVersion(site: string, id: string, number: number, tag: string): Promise<ScriptOut> {
  const params = { path: { site, script: id, number }, header: { 'if-match': tag } }
  return unwrap(api.POST('/api/v1/sites/{site}/scripts/{script}/versions/{number}/restore', { params }))
}

/** Every script of the site in which something like a password stands. */
export function useLeaks(site: string, wanted: boolean) {
  return useQuery({
    queryKey: ['leaks', site],
    enabled: wanted,
    // Every script of the site is looked through for it.
    staleTime: 300_000,
    queryFn: () => everyPage((query) => api.GET('/api/v1/sites/{site}/leaks', { params: { path: { site }, query } })),
  })
}

export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 412
}
