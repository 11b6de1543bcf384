import { Select } from '@mantine/core'
import { useScripts } from '../scripts/api'
import { fieldError } from '../ui/Problem'
import type { FieldsProps, Typed } from './form'

const ENDS = [
  { value: 'succeeded', label: 'has succeeded' },
  { value: 'failed', label: 'has failed' },
  { value: 'ended', label: 'has ended, however' },
]

export function AfterFields({ site, self, typed, set, error }: FieldsProps & { site: string; self: string | undefined }) {
  const scripts = useScripts(site, '', 'name')
  const data = scripts.data?.pages.flatMap((page) => page.items).filter((one) => one.id !== self) ?? []
  return (
    <>
      <Select
        label="Script"
        description="The run finds what it ended with in Params."
        placeholder="Choose a script"
        searchable
        data={data.map((one) => ({ value: one.name, label: one.name }))}
        value={typed.script || null}
        onChange={(script) => set({ script: script ?? '' })}
        error={fieldError(error, 'script')}
      />
      <Select label="Run when it" data={ENDS} value={typed.on} allowDeselect={false} onChange={(on) => on && set({ on: on as Typed['on'] })} />
    </>
  )
}
