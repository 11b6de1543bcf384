import { Alert, Button, Checkbox, MultiSelect, Select, Stack, Text, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '../api/client'
import { PERMISSIONS, SITE_PERMISSIONS } from '../session/permissions'
import { ScriptsEditWarning } from '../session/ScriptsEditWarning'
import { useMe } from '../session/session'
import { CopyLine } from '../ui/CopyLine'
import { Dialog, DialogFooter, DialogForm } from '../ui/Dialog'
import { fieldError } from '../ui/Problem'
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
      <DialogFooter>
        <Button onClick={onClose} data-autofocus>
          I have copied it
        </Button>
      </DialogFooter>
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
  const form = useSubmit(async () => {
    const body = { name, sites: chosen, permissions: permissions.filter(held), expires_ms: days ? Date.now() + Number(days) * DAY_MS : null }
    const made = await unwrap(api.POST('/api/v1/account/tokens', { body }))
    await queries.invalidateQueries({ queryKey: ['tokens'] })
    onMade(made.token)
  })
  return (
    <DialogForm form={form} notice={permissions.includes('scripts:edit') && <ScriptsEditWarning />} fields={['name', 'sites', 'permissions', 'expires_ms']} verb="Make token" disabled={name.trim() === '' || chosen.length === 0 || !permissions.some(held)} onClose={onClose}>
      <TextInput label="Name" description="What it is for." required data-autofocus autoComplete="off" value={name} onChange={(event) => setName(event.currentTarget.value)} error={fieldError(form.error, 'name')} />
      <MultiSelect label="Sites" required searchable data={sites.map((site) => ({ value: site.id, label: site.name }))} value={chosen} onChange={setChosen} error={fieldError(form.error, 'sites')} />
      <Checkbox.Group label="Permissions" required value={permissions} onChange={setPermissions} error={fieldError(form.error, 'permissions')}>
        <Stack gap="xs" mt="xs">
          {OFFERED.map((permission) => (
            <Checkbox key={permission} value={permission} disabled={!held(permission)} label={permission} description={PERMISSIONS[permission]} />
          ))}
        </Stack>
      </Checkbox.Group>
      <Select label="Expires after" data={LIFETIMES} value={days} allowDeselect={false} onChange={(next) => setDays(next ?? '')} maw={220} error={fieldError(form.error, 'expires_ms')} />
    </DialogForm>
  )
}
