import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import { api, everyPage, unwrap } from '../api/client'
import type { CronTimes, HookOut, MadeTriggerOut, NewTrigger, TriggerChange, TriggerOut } from '../api/schema'

export type Trigger = TriggerOut

/** Those of a script, or of the whole site. */
export function useTriggers(site: string, script?: string) {
  return useQuery({
    queryKey: ['triggers', site, script],
    queryFn: () => everyPage((query) => api.GET('/api/v1/sites/{site}/triggers', { params: { path: { site }, query: { ...query, script_id: script } } })),
  })
}

export function useTriggersChanged(site: string): () => Promise<void> {
  const queries = useQueryClient()
  return useCallback(() => queries.invalidateQueries({ queryKey: ['triggers', site] }), [queries, site])
}

export function createTrigger(site: string, trigger: NewTrigger): Promise<MadeTriggerOut> {
  return unwrap(api.POST('/api/v1/sites/{site}/triggers', { params: { path: { site } }, body: trigger }))
}

export function changeTrigger(site: string, id: string, change: Partial<TriggerChange>): Promise<Trigger> {
  return unwrap(api.PATCH('/api/v1/sites/{site}/triggers/{trigger}', { params: { path: { site, trigger: id } }, body: change as TriggerChange }))
}

export function deleteTrigger(site: string, id: string): Promise<void> {
  return unwrap(api.DELETE('/api/v1/sites/{site}/triggers/{trigger}', { params: { path: { site, trigger: id } } }))
}

export function renewAddress(site: string, id: string): Promise<HookOut> {
  return unwrap(api.POST('/api/v1/sites/{site}/triggers/{trigger}/address', { params: { path: { site, trigger: id } } }))
}

export function nextTimes(site: string, cron: string, zone: string): Promise<CronTimes> {
  return unwrap(api.POST('/api/v1/sites/{site}/triggers/upcoming', { params: { path: { site } }, body: { cron, zone, count: 5 } }))
}
