import { List as Items, Text, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { useAnnounce } from '../ui/Announcer'
import { Dialog, DialogForm } from '../ui/Dialog'
import { InputError } from '../ui/InputError'
import { fieldError } from '../ui/Problem'
import { useSubmit } from '../ui/useSubmit'
import { createScript, useScriptsChanged } from './api'

const FIRST_CODE = `{
  Log("Hello from nightdrop");
}
`

interface Props {
  site: string
  /** Files to make scripts of; without any, one is begun. */
  files: File[]
  opened: boolean
  onClose: () => void
}

export function NewScriptDialog({ site, files, opened, onClose }: Props) {
  return (
    <Dialog opened={opened} onClose={onClose} title={files.length ? 'Import scripts' : 'New script'}>
      {files.length ? <Import site={site} files={files} onClose={onClose} /> : <Form site={site} onClose={onClose} />}
    </Dialog>
  )
}

function Form({ site, onClose }: { site: string; onClose: () => void }) {
  const [name, setName] = useState('')
  const [description, setDescription] = useState('')
  const navigate = useNavigate()
  const changed = useScriptsChanged(site)
  const form = useSubmit(async () => {
    if (!name.trim()) throw new InputError('name', 'Enter a name.')
    const made = await createScript(site, name.trim(), FIRST_CODE, description)
    changed()
    onClose()
    void navigate(`/sites/${site}/scripts/${made.id}`)
  })
  return (
    <DialogForm form={form} fields={['name', 'description']} verb="CREATE" onClose={onClose}>
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
    </DialogForm>
  )
}

function Import({ site, files, onClose }: { site: string; files: File[]; onClose: () => void }) {
  const announce = useAnnounce()
  const changed = useScriptsChanged(site)
  const [left, setLeft] = useState(files)
  const form = useSubmit(async () => {
    for (const file of left) {
      await createScript(site, nameOf(file), await file.text(), '')
      setLeft((before) => before.filter((one) => one !== file))
      changed()
    }
    announce(`Imported ${files.length === 1 ? nameOf(files[0]!) : `${files.length} scripts`}.`)
    onClose()
  })
  return (
    <DialogForm form={form} verb="IMPORT" onClose={onClose}>
      <Text size="sm">{left.length === 1 ? 'This file becomes a script:' : 'Each of these files becomes a script:'}</Text>
      <Items size="sm">
        {left.map((file) => (
          <Items.Item key={file.name}>{nameOf(file)}</Items.Item>
        ))}
      </Items>
    </DialogForm>
  )
}

/** The name of the script that a file becomes. */
function nameOf(file: File): string {
  return file.name.replace(/\.(m?js|txt)$/i, '')
}
