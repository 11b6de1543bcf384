import { Fieldset, NativeSelect, TagsInput, Text, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '../api/client'
import type { SiteOut } from '../api/schema'
import { may, useMe } from '../session/session'
import { useAnnounce } from '../ui/Announcer'
import { Dialog, DialogForm } from '../ui/Dialog'
import { fieldError } from '../ui/Problem'
import { useSubmit } from '../ui/useSubmit'
import { changed, shown, type Settings } from './settings'

const LIMITS: { key: keyof Settings & ('memory' | 'cpu' | 'wall' | 'log' | 'body' | 'run_days' | 'run_count'); label: string; description: string }[] = [
  { key: 'memory', label: 'Memory of a run', description: 'Such as 128MiB.' },
  { key: 'cpu', label: 'Processor time of a run', description: 'Such as 60s.' },
  { key: 'wall', label: 'Time from start to end', description: 'Such as 5m or 1h.' },
  { key: 'log', label: 'Log of a run', description: 'Such as 1MiB.' },
  { key: 'body', label: 'Body of a response', description: 'Such as 32MiB.' },
  { key: 'run_days', label: 'Days to keep runs', description: 'And their logs.' },
  { key: 'run_count', label: 'Runs to keep', description: 'The oldest go first.' },
]
const MAIL: { key: keyof Settings & `smtp_${'host' | 'port' | 'user' | 'password_secret' | 'from'}`; label: string; description: string }[] = [
  { key: 'smtp_host', label: 'Mail server', description: 'Empty: scripts cannot send mail.' },
  { key: 'smtp_port', label: 'Port', description: 'Empty: 587, 465 or 25.' },
  { key: 'smtp_user', label: 'User', description: 'Empty: nobody signs in.' },
  { key: 'smtp_password_secret', label: 'Secret with the password', description: 'Its name.' },
  { key: 'smtp_from', label: 'Sender', description: 'Where a script names none.' },
]
const TLS = [
  { value: 'starttls', label: 'STARTTLS' },
  { value: 'implicit', label: 'TLS from the start' },
  { value: 'none', label: 'None: not encrypted' },
]
const GRID = { display: 'grid', gap: 'var(--mantine-spacing-md)', gridTemplateColumns: 'repeat(auto-fill, minmax(13rem, 1fr))' }
const FIELDS = ['memory', 'cpu', 'wall', 'log', 'body', 'run_days', 'run_count', 'egress_allow', 'egress_deny', 'paths', 'smtp_tls', ...MAIL.map(({ key }) => key)]

export function SiteSettingsDialog({ site, onClose }: { site: SiteOut | null; onClose: () => void }) {
  return (
    <Dialog opened={site !== null} onClose={onClose} title={site ? `Settings of ${site.name}` : 'Settings'} size="lg">
      {site?.settings && <Form site={site} settings={shown(site.settings)} onClose={onClose} />}
    </Dialog>
  )
}

function Form({ site, settings: before, onClose }: { site: SiteOut; settings: Settings; onClose: () => void }) {
  const { sites, admin } = useMe()
  const editable = may(sites.find((one) => one.id === site.id), 'settings:edit')
  const [settings, setSettings] = useState(before)
  const queries = useQueryClient()
  const announce = useAnnounce()
  const form = useSubmit(async () => {
    const change = changed(before, settings)
    await unwrap(api.PATCH('/api/v1/sites/{site}', { params: { path: { site: site.id } }, body: { settings: change } }))
    await queries.invalidateQueries({ queryKey: ['sites'] })
    announce(`Changed the settings of ${site.name}.`)
    onClose()
  })
  return (
    <DialogForm form={form} fields={FIELDS} verb={editable ? 'Save' : undefined} onClose={onClose}>
      <div style={GRID}>
        {LIMITS.map(({ key, label, description }) => (
          <TextInput key={key} label={label} description={description} readOnly={!editable} autoComplete="off" spellCheck={false} value={settings[key]} onChange={(event) => setSettings({ ...settings, [key]: event.currentTarget.value })} error={fieldError(form.error, key)} />
        ))}
      </div>
      <TagsInput label="Hosts allowed beside the public and private ones" description="Names, addresses or networks: type one, then Enter. 127.0.0.1 lets scripts reach this host." readOnly={!editable} value={settings.egress_allow} onChange={(egress_allow) => setSettings({ ...settings, egress_allow })} error={fieldError(form.error, 'egress_allow')} />
      <TagsInput label="Hosts refused" description="Names, addresses or networks: type one, then Enter." readOnly={!editable} value={settings.egress_deny} onChange={(egress_deny) => setSettings({ ...settings, egress_deny })} error={fieldError(form.error, 'egress_deny')} />
      <TagsInput label="Directories of the host" description={admin.super ? 'Such as /srv/out, or /srv/in:ro to be read only: type one, then Enter.' : 'Only a super admin can change these.'} readOnly={!editable || !admin.super} value={settings.paths} onChange={(paths) => setSettings({ ...settings, paths })} error={fieldError(form.error, 'paths')} />
      <Fieldset legend="Mail of scripts">
        <div style={GRID}>
          {MAIL.map(({ key, label, description }) => (
            <TextInput key={key} label={label} description={description} readOnly={!editable} autoComplete="off" spellCheck={false} value={settings[key]} onChange={(event) => setSettings({ ...settings, [key]: event.currentTarget.value })} error={fieldError(form.error, key)} />
          ))}
          <NativeSelect label="Encryption" description="Of the connection to it." data={TLS} disabled={!editable} value={settings.smtp_tls} onChange={(event) => setSettings({ ...settings, smtp_tls: event.currentTarget.value })} error={fieldError(form.error, 'smtp_tls')} />
        </div>
      </Fieldset>
      {!editable && (
        <Text size="xs" c="dimmed">
          You may look at these settings, not change them.
        </Text>
      )}
    </DialogForm>
  )
}
