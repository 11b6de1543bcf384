import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useAnnounce } from '../ui/Announcer'
import { Dialog } from '../ui/Dialog'
import { Problem } from '../ui/Problem'
import { useSubmit } from '../ui/useSubmit'
import { changeDetails, useReplaceRow, type Secret } from './api'
import { asLocal, DetailFields, readExpiry, type Details } from './DetailFields'

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
  const { busy, error, submit } = useSubmit(async () => {
    const change: { description: string; expires_ms?: number | null } = { description: details.description }
    // The field knows minutes only: untouched, the time must not lose its seconds.
    if (details.expires !== asLocal(secret.expires_ms)) change.expires_ms = readExpiry(details.expires)
    replace(secret.id, await changeDetails(site, secret, change))
    announce(`Changed the details of ${secret.name}.`)
    onClose()
  })
  return (
    <form onSubmit={submit} noValidate autoComplete="off">
      <Stack gap="md">
        <TextInput label="Name" readOnly value={secret.name} variant="filled" />
        <DetailFields details={details} onChange={setDetails} error={error} autoFocus withExpiry={secret.expires_ms !== undefined} />
        <Text size="xs" c="dimmed">
          The value is not needed for this and stays as it is.
        </Text>
        <Problem error={error} fields={['description', 'expires_ms']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy}>
            SAVE
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
