import { Switch, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useAnnounce } from '../ui/Announcer'
import { Dialog, DialogForm } from '../ui/Dialog'
import { fieldError } from '../ui/Problem'
import { useSubmit } from '../ui/useSubmit'
import type { ScriptOut } from '../api/schema'
import { changeScript, useScriptsChanged } from './api'

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
  const [name, setName] = useState(script.name)
  const [description, setDescription] = useState(script.description)
  const [idempotent, setIdempotent] = useState(script.idempotent)
  const announce = useAnnounce()
  const changed = useScriptsChanged(site)
  const form = useSubmit(async () => {
    await changeScript(site, script.id, { name, description, idempotent })
    changed()
    onChanged?.()
    announce(`Saved ${name}.`)
    onClose()
  })
  return (
    <DialogForm form={form} fields={['name', 'description']} verb="SAVE" onClose={onClose}>
      <TextInput
        label="Name"
        required
        data-autofocus
        autoComplete="off"
        spellCheck={false}
        maxLength={200}
        value={name}
        onChange={(event) => {
          setName(event.currentTarget.value)
          form.edited('name')
        }}
        error={fieldError(form.error, 'name')}
      />
      <Textarea label="Description" autosize minRows={2} value={description} onChange={(event) => setDescription(event.currentTarget.value)} error={fieldError(form.error, 'description')} />
      <Switch label="Running it twice does no harm" description="Only such a script is tried again after a failure, or after its host died." checked={idempotent} onChange={(event) => setIdempotent(event.currentTarget.checked)} />
    </DialogForm>
  )
}
