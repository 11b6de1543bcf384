import { Text, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '../api/client'
import { SESSION } from '../session/session'
import { useAnnounce } from '../ui/Announcer'
import { Dialog, DialogForm } from '../ui/Dialog'
import { fieldError } from '../ui/Problem'
import { useSubmit } from '../ui/useSubmit'

export function AddSiteDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Dialog opened={opened} onClose={onClose} title="Add site">
      {opened && <Form onClose={onClose} />}
    </Dialog>
  )
}

function Form({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('')
  const queries = useQueryClient()
  const announce = useAnnounce()
  const form = useSubmit(async () => {
    const site = await unwrap(api.POST('/api/v1/sites', { body: { name } }))
    await Promise.all([queries.invalidateQueries({ queryKey: ['sites'] }), queries.invalidateQueries({ queryKey: SESSION })])
    announce(`Made the site ${site.name}.`)
    onClose()
  })
  return (
    <DialogForm form={form} fields={['name']} verb="Add site" disabled={name === ''} onClose={onClose}>
      <TextInput label="Name" description="Lower-case letters, digits and hyphens. It cannot be changed later." required data-autofocus autoComplete="off" autoCapitalize="none" spellCheck={false} maxLength={63} value={name} onChange={(event) => setName(event.currentTarget.value)} error={fieldError(form.error, 'name')} />
      <Text size="xs" c="dimmed">
        You see nothing of it until somebody is given permissions in it: under Admins, also for yourself.
      </Text>
    </DialogForm>
  )
}
