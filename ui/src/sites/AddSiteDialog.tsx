import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '../api/client'
import { SESSION } from '../session/session'
import { useAnnounce } from '../ui/Announcer'
import { Dialog } from '../ui/Dialog'
import { fieldError, Problem } from '../ui/Problem'
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
  const { busy, error, submit } = useSubmit(async () => {
    const site = await unwrap(api.POST('/api/v1/sites', { body: { name } }))
    await Promise.all([queries.invalidateQueries({ queryKey: ['sites'] }), queries.invalidateQueries({ queryKey: SESSION })])
    announce(`Made the site ${site.name}.`)
    onClose()
  })
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <TextInput label="Name" description="Lower-case letters, digits and hyphens. It cannot be changed later." required data-autofocus autoComplete="off" autoCapitalize="none" spellCheck={false} maxLength={63} value={name} onChange={(event) => setName(event.currentTarget.value)} error={fieldError(error, 'name')} />
        <Text size="xs" c="dimmed">
          You see nothing of it until somebody is given permissions in it: under Admins, also for yourself.
        </Text>
        <Problem error={error} fields={['name']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={name === ''}>
            Add site
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
