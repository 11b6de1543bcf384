import { useCallback } from 'react'
import { useNavigate } from 'react-router'
import { useAnnounce } from '../ui/Announcer'
import { describe } from '../ui/Problem'
import { cloneScript, useScriptsChanged } from './api'

/** Copy a script and open the copy. */
export function useClone(site: string): (id: string) => Promise<void> {
  const announce = useAnnounce()
  const navigate = useNavigate()
  const changed = useScriptsChanged(site)
  return useCallback(
    async (id) => {
      try {
        const made = await cloneScript(site, id)
        changed()
        announce(`Made ${made.name}.`)
        void navigate(`/sites/${site}/scripts/${made.id}`)
      } catch (error) {
        announce(`It was not cloned. ${describe(error).title}`)
      }
    },
    [announce, changed, navigate, site],
  )
}
