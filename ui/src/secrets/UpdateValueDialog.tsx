import { Alert, Button, Group, Stack, TextInput } from '@mantine/core'
import { TriangleAlert } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { ValueError } from '../seal/format'
import { useAnnounce } from '../ui/Announcer'
import { Dialog } from '../ui/Dialog'
import { fieldError, Problem } from '../ui/Problem'
import { useSubmit } from '../ui/useSubmit'
import { updateValue, useReplaceRow, type Secret } from './api'
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
  const { busy, error, setError, submit } = useSubmit(async () => {
    const stored = await updateValue(site, secret, value.current?.read() ?? '')
    value.current?.clear()
    replace(secret.id, stored)
    announce(`Updated ${secret.name}.`)
    onClose()
  })
  useEffect(() => {
    if (error instanceof ValueError) value.current?.focus()
  }, [error])
  return (
    <form onSubmit={submit} noValidate autoComplete="off">
      <Stack gap="md">
        <TextInput label="Name" readOnly value={secret.name} variant="filled" />
        <ValueInput target={value} autoFocus error={fieldError(error, 'value')} onEdit={() => error instanceof ValueError && setError(null)} />
        <Alert color="yellow" variant="light" icon={<TriangleAlert aria-hidden />}>
          The previous value is overwritten at once and for good. There is no undo and no version history.
        </Alert>
        <KeyProblem error={error} />
        <Problem error={error} fields={['value']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy}>
            UPDATE
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
