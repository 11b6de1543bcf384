import { useInfiniteQuery, useQueryClient, type InfiniteData } from '@tanstack/react-query'
import { useCallback } from 'react'
import { api, ApiError, unwrap } from '../api/client'
import type { PageSecretOut, SecretOut } from '../api/schema'
import { sealValue } from '../seal/seal'

export type Secret = SecretOut
export type Sort = 'name' | '-name' | 'updated' | '-updated' | 'used' | '-used'
type Pages = InfiniteData<PageSecretOut, string | null>

const PAGE = 200
// Reloading a long list costs a request for each page: after a change this many are loaded anew, the rest on demand.
const KEPT_PAGES = 3
const ATTEMPTS = 4

export function useSecrets(site: string, q: string, sort: Sort) {
  return useInfiniteQuery({
    queryKey: ['secrets', site, q, sort],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET('/api/v1/sites/{site}/secrets', {
          params: { path: { site }, query: { q: q || undefined, sort, limit: PAGE, cursor: pageParam ?? undefined } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: (previous, query) => (query?.queryKey[1] === site ? previous : undefined),
    refetchOnWindowFocus: false,
  })
}

/** Load the list anew after something was stored: what is shown is what the server has. */
export function useReload(site: string): () => Promise<void> {
  const queries = useQueryClient()
  return useCallback(async () => {
    queries.setQueriesData<Pages>({ queryKey: ['secrets', site] }, (data) =>
      data && { pages: data.pages.slice(0, KEPT_PAGES), pageParams: data.pageParams.slice(0, KEPT_PAGES) },
    )
    await queries.invalidateQueries({ queryKey: ['secrets', site] })
  }, [queries, site])
}

/** Put what the server answered in the place of a row; `null` takes the row away. */
export function useReplaceRow(site: string): (id: string, row: Secret | null) => void {
  const queries = useQueryClient()
  return useCallback(
    (id, row) => {
      const put = (items: SecretOut[]) => items.flatMap((one) => (one.id !== id ? [one] : row ? [{ ...one, ...row }] : []))
      queries.setQueriesData<Pages>({ queryKey: ['secrets', site] }, (data) =>
        data && { ...data, pages: data.pages.map((page) => ({ ...page, items: put(page.items) })) },
      )
    },
    [queries, site],
  )
}

interface Details {
  description?: string
  /** `null` is never. */
  expires_ms?: number | null
}

export function createSecret(site: string, name: string, value: string, details: Details = {}): Promise<Secret> {
  return again(async () => {
    const sealed = await sealValue(value, name, await sealingKey(site, name))
    return unwrap(api.POST('/api/v1/sites/{site}/secrets', { params: { path: { site } }, body: { name, ...details, ...sealed } }))
  })
}

export function updateValue(site: string, secret: Secret, value: string): Promise<Secret> {
  return again(async () => {
    const sealed = await sealValue(value, secret.name, await sealingKey(site, secret.name))
    const path = { site, secret: secret.id }
    return unwrap(api.PUT('/api/v1/sites/{site}/secrets/{secret}/value', { params: { path }, body: sealed }))
  })
}

/** Change description or expiry. The value is neither needed nor touched. */
export function changeDetails(site: string, secret: Secret, change: Details): Promise<Secret> {
  return unwrap(api.PATCH('/api/v1/sites/{site}/secrets/{secret}', { params: { path: { site, secret: secret.id } }, body: change }))
}

/** Delete for good; `confirmed` says that the name was typed, which the server wants where scripts use it. */
export function deleteSecret(site: string, secret: Secret, confirmed: boolean): Promise<void> {
  const query = confirmed ? { confirm: secret.name } : {}
  return unwrap(api.DELETE('/api/v1/sites/{site}/secrets/{secret}', { params: { path: { site, secret: secret.id }, query } }))
}

/** The secret of exactly this name. */
export async function findSecret(site: string, name: string): Promise<Secret | undefined> {
  const page = await unwrap(api.GET('/api/v1/sites/{site}/secrets', { params: { path: { site }, query: { name, limit: 1 } } }))
  return page.items[0]
}

function sealingKey(site: string, name: string) {
  return unwrap(api.GET('/api/v1/sites/{site}/sealing-key', { params: { path: { site }, query: { name } } }))
}

/** A revision is taken by who comes first; the others ask for the next one. */
async function again(attempt: () => Promise<Secret>): Promise<Secret> {
  for (let left = ATTEMPTS; ; left--) {
    try {
      return await attempt()
    } catch (error) {
      const stale = error instanceof ApiError && ['revision_conflict', 'epoch_conflict'].includes(error.code)
      if (!stale || left <= 1) throw error
    }
  }
}
