import { Button, Group, PasswordInput, Stack, Table, Text, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '../api/client'
import type { PasskeyOut } from '../api/schema'
import { addPasskey } from '../session/passkeys'
import { useAnnounce } from '../ui/Announcer'
import { ConfirmDialog } from '../ui/ConfirmDialog'
import { Dialog } from '../ui/Dialog'
import { fieldError, Problem } from '../ui/Problem'
import { Section } from '../ui/Section'
import { ago } from '../ui/time'
import { useSubmit } from '../ui/useSubmit'

export function PasskeysSection({ passkeys, usable }: { passkeys: PasskeyOut[]; usable: boolean }) {
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<PasskeyOut | null>(null)
  const queries = useQueryClient()
  const announce = useAnnounce()
  const remove = async () => {
    await unwrap(api.DELETE('/api/v1/account/passkeys/{passkey}', { params: { path: { passkey: removing!.id } } }))
    announce(`Removed ${removing!.name}.`)
    await queries.invalidateQueries({ queryKey: ['account'] })
  }
  return (
    <Section
      title="Passkeys"
      aside={
        usable && (
          <Button variant="default" size="xs" onClick={() => setAdding(true)}>
            Add a passkey
          </Button>
        )
      }
    >
      {passkeys.length === 0 && (
        <Text size="sm">None. A passkey signs you in without a password: by fingerprint, face, PIN or a security key.{!usable && ' They cannot be used here: they need https, and a host name instead of an IP address.'}</Text>
      )}
      {passkeys.length > 0 && (
        <Table aria-label="Passkeys">
          <Table.Tbody>
            {passkeys.map((key) => (
              <Table.Tr key={key.id}>
                <Table.Th scope="row" style={{ overflowWrap: 'anywhere' }}>
                  {key.name}
                </Table.Th>
                <Table.Td>{key.used_ms ? `used ${ago(key.used_ms)}` : 'never used'}</Table.Td>
                <Table.Td ta="end">
                  <Button variant="subtle" color="red" size="compact-sm" aria-label={`Remove ${key.name}`} onClick={() => setRemoving(key)}>
                    Remove
                  </Button>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      <Dialog opened={adding} onClose={() => setAdding(false)} title="Add a passkey">
        {adding && <Add onClose={() => setAdding(false)} />}
      </Dialog>
      <ConfirmDialog opened={removing !== null} title="Remove this passkey?" verb="Remove" onConfirm={remove} onClose={() => setRemoving(null)}>
        {removing?.name} no longer signs you in.
      </ConfirmDialog>
    </Section>
  )
}

function Add({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const queries = useQueryClient()
  const announce = useAnnounce()
  const { busy, error, submit } = useSubmit(async () => {
    await addPasskey(name, password)
    announce(`Added ${name}.`)
    await queries.invalidateQueries({ queryKey: ['account'] })
    onClose()
  })
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <TextInput label="Name" description="To tell it from others, as “phone” or “blue key”." required data-autofocus autoComplete="off" maxLength={64} value={name} onChange={(event) => setName(event.currentTarget.value)} error={fieldError(error, 'name')} />
        <PasswordInput label="Password" description="A passkey is enough to sign in: the password shows that it is you who adds one." required autoComplete="current-password" visibilityToggleButtonProps={{ 'aria-label': 'Show or hide the password', tabIndex: 0 }} value={password} onChange={(event) => setPassword(event.currentTarget.value)} error={fieldError(error, 'password')} />
        <Problem error={error} fields={['name', 'password']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={name.trim() === '' || password === ''}>
            Continue
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
