import { Button, Group, Text, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '../api/client'
import type { PasskeyOut } from '../api/schema'
import { addPasskey } from '../session/passkeys'
import { useAnnounce } from '../ui/Announcer'
import { ConfirmDialog } from '../ui/ConfirmDialog'
import { Dialog, DialogForm } from '../ui/Dialog'
import { List } from '../ui/List'
import { PasswordField } from '../ui/PasswordField'
import { fieldError } from '../ui/Problem'
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
        <List>
          {passkeys.map((key) => (
            <li key={key.id}>
              <Group justify="space-between" gap="sm" wrap="nowrap">
                <Text size="sm" fw={500} style={{ overflowWrap: 'anywhere' }}>
                  {key.name}{' '}
                  <Text span size="xs" c="dimmed">
                    {key.used_ms ? `used ${ago(key.used_ms)}` : 'never used'}
                  </Text>
                </Text>
                <Button variant="subtle" color="red" size="compact-sm" style={{ flexShrink: 0 }} aria-label={`Remove ${key.name}`} onClick={() => setRemoving(key)}>
                  Remove
                </Button>
              </Group>
            </li>
          ))}
        </List>
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
  const form = useSubmit(async () => {
    await addPasskey(name, password)
    announce(`Added ${name}.`)
    await queries.invalidateQueries({ queryKey: ['account'] })
    onClose()
  })
  return (
    <DialogForm form={form} fields={['name', 'password']} verb="Continue" disabled={name.trim() === '' || password === ''} onClose={onClose}>
      <TextInput label="Name" description="To tell it from others, as “phone” or “blue key”." required data-autofocus autoComplete="off" maxLength={64} value={name} onChange={(event) => setName(event.currentTarget.value)} error={fieldError(form.error, 'name')} />
      <PasswordField label="Password" description="A passkey is enough to sign in: the password shows that it is you who adds one." autoComplete="current-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)} error={fieldError(form.error, 'password')} />
    </DialogForm>
  )
}
