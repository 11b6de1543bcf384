import { Alert, Text, TextInput } from '@mantine/core'
import { TriangleAlert } from 'lucide-react'
import { useRef } from 'react'
import { useAnnounce } from '../ui/Announcer'
import { Dialog, DialogForm } from '../ui/Dialog'
import { useSubmit } from '../ui/useSubmit'
import { updateValue, useReplaceRow, type Secret } from './api'
import { hasExpired } from './Expiry'
import { KeyProblem } from './KeyProblem'
import type { ValueHandle } from './ValueField'
import { ValueInput } from './ValueInput'

interface Props {
  site: string
  secret: Secret | null
  onClose: () => void
}

export function UpdateValueDialog({ site, secret, onClose }: Props) {
  return (
    <Dialog opened={secret !== null} onClose={onClose} title="Update value" size="lg">
      {secret && <Form site={site} secret={secret} onClose={onClose} />}
    </Dialog>
  )
}

function Form({ site, secret, onClose }: { site: string; secret: Secret; onClose: () => void }) {
  const value = useRef<ValueHandle>(null)
  const announce = useAnnounce()
  const replace = useReplaceRow(site)
  const form = useSubmit(async () => {
    const stored = await updateValue(site, secret, value.current?.read() ?? '')
    value.current?.clear()
    replace(secret.id, stored)
    announce(`Updated ${secret.name}.`)
    onClose()
  })
  return (
    <DialogForm form={form} fields={['value']} verb="UPDATE" onClose={onClose}>
      <TextInput label="Name" readOnly value={secret.name} variant="filled" />
      <ValueInput target={value} form={form} autoFocus />
      <Alert color="yellow" variant="light" icon={<TriangleAlert aria-hidden />}>
        The previous value is overwritten at once and for good. There is no undo and no version history.
      </Alert>
      {hasExpired(secret) && <Text size="sm">It has expired, and a new value does not change that: set another time with Edit details.</Text>}
      <KeyProblem error={form.error} />
    </DialogForm>
  )
}
