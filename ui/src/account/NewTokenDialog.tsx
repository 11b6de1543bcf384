import { Alert, Button, Checkbox, Group, MultiSelect, Select, Stack, Text, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '../api/client'
import { PERMISSIONS, SCRIPTS_EDIT_WARNING, SITE_PERMISSIONS } from '../session/permissions'
import { useMe } from '../session/session'
import { CopyLine } from '../ui/CopyLine'
import { Dialog } from '../ui/Dialog'
import { fieldError, Problem } from '../ui/Problem'
import { useSubmit } from '../ui/useSubmit'

const DAY_MS = 86_400_000
const LIFETIMES = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'One year' },
  { value: '', label: 'Never' },
]
// Tokens never carry it: see the permission table of the server.
const OFFERED = SITE_PERMISSIONS.filter((permission) => permission !== 'settings:edit')

export function NewTokenDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [token, setToken] = useState('')
  const close = () => {
    setToken('')
    onClose()
  }
  return (
    <Dialog opened={opened} onClose={close} title="New token" size="lg">
      {opened && (token ? <Made token={token} onClose={close} /> : <Form onMade={setToken} onClose={close} />)}
    </Dialog>
  )
}

function Made({ token, onClose }: { token: string; onClose: () => void }) {
  return (
    <Stack gap="md">
      <Alert color="green" title="The token is made">
        Copy it now: it is not shown again.
      </Alert>
      <CopyLine label="Token" text={token} />
      <Text size="xs" c="dimmed">
        Give it to programs as NIGHTDROP_TOKEN, or in the header Authorization: Bearer.
      </Text>
      <Group justify="flex-end">
        <Button onClick={onClose} data-autofocus>
          I have copied it
        </Button>
      </Group>
    </Stack>
  )
}

function Form({ onMade, onClose }: { onMade: (token: string) => void; onClose: () => void }) {
  const sites = useMe().sites.filter((site) => site.permissions.length > 0)
  const [name, setName] = useState('')
  const [chosen, setChosen] = useState<string[]>(sites.length === 1 ? [sites[0]!.id] : [])
  const [permissions, setPermissions] = useState<string[]>([])
  const [days, setDays] = useState('90')
  const queries = useQueryClient()
  // What is offered is what one has in each of the chosen sites.
  const held = (permission: string) => chosen.every((id) => sites.find((site) => site.id === id)?.permissions.some((one) => one === permission))
  const { busy, error, submit } = useSubmit(async () => {
    const body = { name, sites: chosen, permissions: permissions.filter(held), expires_ms: days ? Date.now() + Number(days) * DAY_MS : null }
    const made = await unwrap(api.POST('/api/v1/account/tokens', { body }))
    await queries.invalidateQueries({ queryKey: ['tokens'] })
    onMade(made.token)
  })
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <TextInput label="Name" description="What it is for." required data-autofocus autoComplete="off" value={name} onChange={(event) => setName(event.currentTarget.value)} error={fieldError(error, 'name')} />
        <MultiSelect label="Sites" required searchable data={sites.map((site) => ({ value: site.id, label: site.name }))} value={chosen} onChange={setChosen} error={fieldError(error, 'sites')} />
        <Checkbox.Group label="Permissions" required value={permissions} onChange={setPermissions} error={fieldError(error, 'permissions')}>
          <Stack gap="xs" mt="xs">
            {OFFERED.map((permission) => (
              <Checkbox key={permission} value={permission} disabled={!held(permission)} label={permission} description={PERMISSIONS[permission]} />
            ))}
          </Stack>
        </Checkbox.Group>
        {permissions.includes('scripts:edit') && (
          <Alert color="yellow" variant="light">
            {SCRIPTS_EDIT_WARNING}
          </Alert>
        )}
        <Select label="Expires after" data={LIFETIMES} value={days} allowDeselect={false} onChange={(next) => setDays(next ?? '')} maw={220} error={fieldError(error, 'expires_ms')} />
        <Problem error={error} fields={['name', 'sites', 'permissions', 'expires_ms']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={name.trim() === '' || chosen.length === 0 || !permissions.some(held)}>
            Make token
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
