import { Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useAnnounce } from '../ui/Announcer'
import { Dialog, DialogForm } from '../ui/Dialog'
import { useSubmit } from '../ui/useSubmit'
import { changeDetails, useReplaceRow, type Secret } from './api'
import { asLocal, DetailFields, DETAILS, readExpiry, type Details } from './DetailFields'

interface Props {
  site: string
  secret: Secret | null
  onClose: () => void
}

export function EditDetailsDialog({ site, secret, onClose }: Props) {
  return (
    <Dialog opened={secret !== null} onClose={onClose} title="Edit details" size="lg">
      {secret && <Form site={site} secret={secret} onClose={onClose} />}
    </Dialog>
  )
}

function Form({ site, secret, onClose }: { site: string; secret: Secret; onClose: () => void }) {
  const [details, setDetails] = useState<Details>({ description: secret.description, expires: asLocal(secret.expires_ms) })
  const announce = useAnnounce()
  const replace = useReplaceRow(site)
  const form = useSubmit(async () => {
    // The field knows minutes only: untouched, the time must not lose its seconds.
    const touched = details.expires !== asLocal(secret.expires_ms)
    const change = { description: details.description, ...(touched ? { expires_ms: readExpiry(details.expires) } : {}) }
    replace(secret.id, await changeDetails(site, secret, change))
    announce(`Changed the details of ${secret.name}.`)
    onClose()
  })
  return (
    <DialogForm form={form} fields={DETAILS} verb="SAVE" onClose={onClose}>
      <TextInput label="Name" readOnly value={secret.name} variant="filled" />
      <DetailFields details={details} onChange={setDetails} form={form} autoFocus />
      <Text size="xs" c="dimmed">
        The value is not needed for this and stays as it is.
      </Text>
    </DialogForm>
  )
}
