import { List as Items, Text } from '@mantine/core'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { useAnnounce } from '../ui/Announcer'
import { Dialog, DialogForm } from '../ui/Dialog'
import { InputError } from '../ui/InputError'
import { useSubmit } from '../ui/useSubmit'
import { createScript, useScriptsChanged } from './api'
import { NameFields } from './NameFields'

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
  const [names, setNames] = useState({ name: '', description: '' })
  const navigate = useNavigate()
  const changed = useScriptsChanged(site)
  const form = useSubmit(async () => {
    if (!names.name.trim()) throw new InputError('name', 'Enter a name.')
    const made = await createScript(site, names.name.trim(), FIRST_CODE, names.description)
    changed()
    onClose()
    void navigate(`/sites/${site}/scripts/${made.id}`)
  })
  return (
    <DialogForm form={form} fields={['name', 'description']} verb="CREATE" onClose={onClose}>
      <NameFields value={names} onChange={setNames} form={form} />
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
