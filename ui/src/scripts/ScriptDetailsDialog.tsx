import { Switch } from '@mantine/core'
import { useState } from 'react'
import { useAnnounce } from '../ui/Announcer'
import { Dialog, DialogForm } from '../ui/Dialog'
import { useSubmit } from '../ui/useSubmit'
import type { ScriptOut } from '../api/schema'
import { changeScript, useScriptsChanged } from './api'
import { NameFields } from './NameFields'

interface Props {
  site: string
  script: ScriptOut | null
  onClose: () => void
  onChanged?: () => void
}

export function ScriptDetailsDialog({ site, script, onClose, onChanged }: Props) {
  return (
    <Dialog opened={script !== null} onClose={onClose} title="Edit details">
      {script && <Form site={site} script={script} onClose={onClose} onChanged={onChanged} />}
    </Dialog>
  )
}

function Form({ site, script, onClose, onChanged }: Props & { script: ScriptOut }) {
  const [names, setNames] = useState({ name: script.name, description: script.description })
  const [idempotent, setIdempotent] = useState(script.idempotent)
  const announce = useAnnounce()
  const changed = useScriptsChanged(site)
  const form = useSubmit(async () => {
    await changeScript(site, script.id, { ...names, idempotent })
    changed()
    onChanged?.()
    announce(`Saved ${names.name}.`)
    onClose()
  })
  return (
    <DialogForm form={form} fields={['name', 'description']} verb="SAVE" onClose={onClose}>
      <NameFields value={names} onChange={setNames} form={form} />
      <Switch label="Running it twice does no harm" description="Only such a script is tried again after a failure, or after its host died." checked={idempotent} onChange={(event) => setIdempotent(event.currentTarget.checked)} />
    </DialogForm>
  )
}
