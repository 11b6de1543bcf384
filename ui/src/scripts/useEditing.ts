import { useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, useState, type RefObject } from 'react'
import { ApiError } from '../api/client'
import { createSecret } from '../secrets/api'
import type { MovedLiteral } from '../api/schema'
import { isConflict, openScript, saveScript, useScriptsChanged, type Leak, type Opened } from './api'
import type { EditorHandle } from './editor/Editor'
import { textOfLiteral } from './editor/literal'
import { moveToSecret, storedLiteral } from './editor/move'

// What was typed and not saved survives going to another page, until this one is reloaded.
const drafts = new Map<string, string>()
const NAMES_TRIED = 20

interface Given {
  site: string
  opened: Opened
  editor: RefObject<EditorHandle | null>
  reload: () => void
}

/** What changes the stored script: saving, moving a literal to the secrets, and what happens when two do it at once. */
export function useEditing({ site, opened, editor, reload }: Given) {
  const { script, tag } = opened
  const key = `${site}/${script.id}`
  const [begin] = useState(() => drafts.get(key) ?? script.code)
  const [dirty, setDirty] = useState(begin !== script.code)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [conflict, setConflict] = useState<Opened | null>(null)
  // A secret that was made for a value, when saving the script failed after it: trying again makes no second one.
  const made = useRef(new Map<string, string>())
  const queries = useQueryClient()
  const changed = useScriptsChanged(site)
  const stored = useRef(opened)
  useEffect(() => {
    stored.current = opened
  }, [opened])

  const onChange = useCallback(
    (code: string) => {
      const differs = code !== stored.current.script.code
      setDirty(differs)
      if (differs) drafts.set(key, code)
      else drafts.delete(key)
    },
    [key],
  )
  useEffect(() => {
    if (!dirty) return
    const ask = (event: BeforeUnloadEvent) => event.preventDefault()
    window.addEventListener('beforeunload', ask)
    return () => window.removeEventListener('beforeunload', ask)
  }, [dirty])

  const show = (next: Opened) => {
    stored.current = next
    queries.setQueryData(['script', site, script.id], next)
  }
  const guarded = async (act: () => Promise<void>): Promise<boolean> => {
    if (busy) return false
    setBusy(true)
    setError(null)
    try {
      await act()
      return true
    } catch (caught) {
      if (isConflict(caught)) setConflict(await openScript(site, script.id))
      else setError(caught)
      return false
    } finally {
      setBusy(false)
    }
  }
  const store = async (code: string, moved: MovedLiteral[], on: string) => {
    await saveScript(site, script.id, on, code, moved)
    show(await openScript(site, script.id))
    onChange(editor.current?.code() ?? code)
    changed()
  }
  const save = (on = tag) => guarded(() => store(editor.current?.code() ?? script.code, [], on))

  /** Make a secret of a literal, and a new version that reads it; the literal is taken out of all versions. */
  const move = async (leak: Leak, leaks: Leak[]): Promise<string | null> => {
    const code = editor.current?.code() ?? script.code
    let name = ''
    const worked = await guarded(async () => {
      const source = code.slice(leak.start, leak.end)
      name = await secretFor(site, code, leak, made.current)
      const moved = moveToSecret(code, leak, leaks, name)!
      await saveScript(site, script.id, tag, moved.code, storedLiteral(script.code, script.version, source, name))
      made.current.clear()
      drafts.delete(key)
      show(await openScript(site, script.id))
      // With a new history: to take the last step back must not bring the value back.
      editor.current?.reset(moved.code)
      setDirty(false)
      void queries.invalidateQueries({ queryKey: ['secrets', site] })
      changed()
    })
    return worked ? name : null
  }

  return {
    begin,
    dirty,
    busy,
    error,
    conflict,
    onChange,
    move,
    save: () => save(),
    forget: () => drafts.delete(key),
    forgetConflict: () => setConflict(null),
    takeTheirs: () => {
      if (!conflict) return
      show(conflict)
      editor.current?.reset(conflict.script.code)
      onChange(conflict.script.code)
      setConflict(null)
    },
    keepMine: async () => {
      if (!conflict) return
      const over = conflict.tag
      setConflict(null)
      await save(over)
    },
    restored: async () => {
      const next = await openScript(site, script.id)
      show(next)
      editor.current?.reset(next.script.code)
      onChange(next.script.code)
      changed()
      reload()
    },
  }
}

/** Store the value of a literal under the first free name that suits it. */
async function secretFor(site: string, code: string, leak: Leak, made: Map<string, string>): Promise<string> {
  const value = textOfLiteral(code.slice(leak.start, leak.end)) ?? ''
  const known = made.get(value)
  if (known) return known
  for (let number = 1; ; number++) {
    const name = number === 1 ? leak.suggestion : `${leak.suggestion}-${number}`
    try {
      await createSecret(site, name, value)
      made.set(value, name)
      return name
    } catch (error) {
      const taken = error instanceof ApiError && error.status === 409 && error.field === 'name'
      if (!taken || number >= NAMES_TRIED) throw error
    }
  }
}
