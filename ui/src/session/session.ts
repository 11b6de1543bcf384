import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import { api, unwrap } from '../api/client'
import type { Permission, SessionOut, SessionSite } from '../api/schema'

type Session = SessionOut

export const SESSION = ['session'] as const

export function useSession() {
  return useQuery({ queryKey: SESSION, queryFn: () => unwrap(api.GET('/api/v1/session')), staleTime: 60_000 })
}

/** The session of a page that is only shown to who is signed in. */
export function useMe(): Session & { admin: NonNullable<Session['admin']> } {
  const { data } = useSession()
  if (!data?.admin) throw new Error('not signed in')
  return data as Session & { admin: NonNullable<Session['admin']> }
}

export function useSite(name: string | undefined): SessionSite | undefined {
  const { data } = useSession()
  return data?.sites.find((site) => site.name === name)
}

export function may(site: SessionSite | undefined, permission: Permission): boolean {
  return site?.permissions.includes(permission) ?? false
}

/** Go on as somebody else: nothing of what was loaded before stays. */
export function useNewSession(): (session: Session) => void {
  const queries = useQueryClient()
  return useCallback(
    (session) => {
      queries.removeQueries({ predicate: (query) => query.queryKey[0] !== SESSION[0] })
      queries.setQueryData(SESSION, session)
    },
    [queries],
  )
}

let lastSite: string | undefined

/** The site of the page, or the one that was looked at before; only one in which the person may do something. */
export function useCurrentSite(fromAddress: string | undefined): { sites: SessionSite[]; current: string | undefined } {
  const sites = useMe().sites.filter((site) => site.permissions.length > 0)
  if (fromAddress !== undefined) lastSite = fromAddress
  const known = sites.some((site) => site.name === lastSite)
  return { sites, current: fromAddress ?? (known ? lastSite : sites[0]?.name) }
}
