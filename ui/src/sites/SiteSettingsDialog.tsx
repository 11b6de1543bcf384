import { TagsInput, Text, TextInput } from '@mantine/core'
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

const LIMITS: { key: keyof Settings & ('memory' | 'cpu' | 'wall' | 'log' | 'body'); label: string; description: string }[] = [
  { key: 'memory', label: 'Memory of a run', description: 'Such as 128MiB.' },
  { key: 'cpu', label: 'Processor time of a run', description: 'Such as 60s.' },
  { key: 'wall', label: 'Time from start to end', description: 'Such as 5m or 1h.' },
  { key: 'log', label: 'Log of a run', description: 'Such as 1MiB.' },
  { key: 'body', label: 'Body of a response', description: 'Such as 32MiB.' },
]
const FIELDS = ['memory', 'cpu', 'wall', 'log', 'body', 'egress_allow', 'egress_deny', 'paths']

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
      <div style={{ display: 'grid', gap: 'var(--mantine-spacing-md)', gridTemplateColumns: 'repeat(auto-fill, minmax(13rem, 1fr))' }}>
        {LIMITS.map(({ key, label, description }) => (
          <TextInput key={key} label={label} description={description} readOnly={!editable} autoComplete="off" spellCheck={false} value={settings[key]} onChange={(event) => setSettings({ ...settings, [key]: event.currentTarget.value })} error={fieldError(form.error, key)} />
        ))}
      </div>
      <TagsInput label="Hosts allowed beside the public and private ones" description="Names, addresses or networks: type one, then Enter. 127.0.0.1 lets scripts reach this host." readOnly={!editable} value={settings.egress_allow} onChange={(egress_allow) => setSettings({ ...settings, egress_allow })} error={fieldError(form.error, 'egress_allow')} />
      <TagsInput label="Hosts refused" description="Names, addresses or networks: type one, then Enter." readOnly={!editable} value={settings.egress_deny} onChange={(egress_deny) => setSettings({ ...settings, egress_deny })} error={fieldError(form.error, 'egress_deny')} />
      <TagsInput label="Directories of the host" description={admin.super ? 'Such as /srv/out, or /srv/in:ro to be read only: type one, then Enter.' : 'Only a super admin can change these.'} readOnly={!editable || !admin.super} value={settings.paths} onChange={(paths) => setSettings({ ...settings, paths })} error={fieldError(form.error, 'paths')} />
      {!editable && (
        <Text size="xs" c="dimmed">
          You may look at these settings, not change them.
        </Text>
      )}
    </DialogForm>
  )
}
