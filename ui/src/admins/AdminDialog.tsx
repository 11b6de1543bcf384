import { Switch, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '../api/client'
import type { AdminOut, SetupLinkOut, SiteOut } from '../api/schema'
import { ScriptsEditWarning } from '../session/ScriptsEditWarning'
import { SESSION } from '../session/session'
import { useAnnounce } from '../ui/Announcer'
import { Dialog, DialogForm } from '../ui/Dialog'
import { fieldError } from '../ui/Problem'
import { useSubmit } from '../ui/useSubmit'
import { GrantsMatrix, type Grants } from './GrantsMatrix'

interface Props {
  edited: AdminOut | 'new' | null
  sites: SiteOut[]
  onClose: () => void
  onInvited: (name: string, link: SetupLinkOut) => void
}

export function AdminDialog({ edited, onClose, ...rest }: Props) {
  const title = edited === 'new' ? 'Add admin' : `Permissions of ${edited?.name ?? ''}`
  return (
    <Dialog opened={edited !== null} onClose={onClose} title={title} size="xl">
      {edited && <Form edited={edited} onClose={onClose} {...rest} />}
    </Dialog>
  )
}

function Form({ edited, sites, onClose, onInvited }: Props & { edited: AdminOut | 'new' }) {
  const admin = edited === 'new' ? null : edited
  const [name, setName] = useState('')
  const [isSuper, setSuper] = useState(admin?.super ?? false)
  const [grants, setGrants] = useState<Grants>(admin?.grants ?? {})
  const queries = useQueryClient()
  const announce = useAnnounce()
  const warns = Object.values(grants).some((given) => given.includes('scripts:edit'))
  const form = useSubmit(async () => {
    const kept = Object.fromEntries(Object.entries(grants).filter(([, given]) => given.length > 0))
    if (admin) {
      await unwrap(api.PATCH('/api/v1/admins/{admin}', { params: { path: { admin: admin.id } }, body: { super: isSuper, grants: kept } }))
      announce(`Changed the permissions of ${admin.name}.`)
    } else {
      const made = await unwrap(api.POST('/api/v1/admins', { body: { name, super: isSuper, grants: kept } }))
      onInvited(made.name, made.setup_link)
    }
    await Promise.all([queries.invalidateQueries({ queryKey: ['admins'] }), queries.invalidateQueries({ queryKey: SESSION })])
    onClose()
  })
  return (
    <DialogForm form={form} notice={warns && <ScriptsEditWarning />} fields={['name']} verb={admin ? 'Save' : 'Add admin'} disabled={!admin && name.trim() === ''} onClose={onClose}>
      {!admin && (
        <TextInput label="Name" description="Letters, digits and . _ @ + -" required data-autofocus autoComplete="off" autoCapitalize="none" spellCheck={false} maxLength={64} value={name} onChange={(event) => setName(event.currentTarget.value)} error={fieldError(form.error, 'name')} />
      )}
      <Switch label="Super admin" description="Makes sites and admins, and may give themselves any permission; that is written to the audit log." checked={isSuper} onChange={(event) => setSuper(event.currentTarget.checked)} />
      <GrantsMatrix sites={sites} grants={grants} onChange={setGrants} />
    </DialogForm>
  )
}
