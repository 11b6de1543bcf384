import { Select } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import { useScripts, type Listed } from '../scripts/api'

interface Props {
  site: string
  chosen: { id: string } | undefined
  onChoose: (script: Listed | undefined) => void
  error: string | null | undefined
}

/** Chooses one of any number of scripts. */
export function ScriptSelect({ site, chosen, onChoose, error }: Props) {
  const [typed, setTyped] = useState('')
  const [q] = useDebouncedValue(typed, 150)
  const found = useScripts(site, q, 'name').data?.pages.flatMap((page) => page.items) ?? []
  return (
    <Select
      label="Script"
      placeholder="Choose a script"
      required
      searchable
      data-autofocus
      nothingFoundMessage="No script is called so."
      // The server has searched; what it found may match by its description.
      filter={({ options }) => options}
      data={found.map((one) => ({ value: one.id, label: one.name }))}
      value={chosen?.id ?? null}
      searchValue={typed}
      onSearchChange={setTyped}
      onChange={(id) => onChoose(found.find((one) => one.id === id))}
      error={error}
    />
  )
}
