import { Badge, Button, Group, Menu, Stack, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { ChevronDown, Plus } from 'lucide-react'
import { useState } from 'react'
import { api, everyPage, unwrap } from '../api/client'
import type { AdminOut, SetupLinkOut, SiteOut } from '../api/schema'
import { SITE_PERMISSIONS } from '../session/permissions'
import { ScriptsEditWarning } from '../session/ScriptsEditWarning'
import { SESSION, useMe } from '../session/session'
import { useAnnounce } from '../ui/Announcer'
import { ConfirmDialog } from '../ui/ConfirmDialog'
import { List } from '../ui/List'
import { Loaded } from '../ui/Loaded'
import { Page } from '../ui/places'
import { useTitle } from '../ui/useTitle'
import { AdminDialog } from './AdminDialog'
import { SetupLinkDialog } from './SetupLinkDialog'

type Question = { kind: 'reset' | 'delete' | 'disable'; admin: AdminOut }

export default function AdminsPage() {
  useTitle('Admins')
  const { admin: me } = useMe()
  const admins = useQuery({ queryKey: ['admins'], queryFn: () => everyPage((query) => api.GET('/api/v1/admins', { params: { query } })), enabled: me.super })
  const sites = useQuery({ queryKey: ['sites'], queryFn: () => everyPage((query) => api.GET('/api/v1/sites', { params: { query } })) })
  const [edited, setEdited] = useState<AdminOut | 'new' | null>(null)
  const [link, setLink] = useState<{ name: string; link: SetupLinkOut } | null>(null)
  const [question, setQuestion] = useState<Question | null>(null)
  if (!me.super) {
    return (
      <Page title="Admins">
        <Text>Only super admins see this page.</Text>
      </Page>
    )
  }
  return (
    <Page
      title="Admins"
      narrow
      aside={
        <Button leftSection={<Plus size={16} aria-hidden />} onClick={() => setEdited('new')}>
          Add admin
        </Button>
      }
    >
      <ScriptsEditWarning role="note" />
      <Loaded query={admins}>
        {({ items }) => (
          <List framed>
            {items.map((admin) => (
              <Admin key={admin.id} admin={admin} own={admin.id === me.id} sites={sites.data?.items ?? []} onEdit={() => setEdited(admin)} onAsk={(kind) => setQuestion({ kind, admin })} />
            ))}
          </List>
        )}
      </Loaded>
      <AdminDialog edited={edited} sites={sites.data?.items ?? []} onClose={() => setEdited(null)} onInvited={(name, made) => setLink({ name, link: made })} />
      <Questions question={question} onClose={() => setQuestion(null)} onLink={(name, made) => setLink({ name, link: made })} />
      <SetupLinkDialog invited={link} onClose={() => setLink(null)} />
    </Page>
  )
}

interface AdminProps {
  admin: AdminOut
  own: boolean
  sites: SiteOut[]
  onEdit: () => void
  onAsk: (kind: Question['kind']) => void
}

function Admin({ admin, own, sites, onEdit, onAsk }: AdminProps) {
  const granted = Object.entries(admin.grants).filter(([, permissions]) => permissions.length > 0)
  return (
    <li>
      <Group justify="space-between" gap="sm" align="start">
        <Stack gap={4} flex="1 1 16rem">
          <Group gap="xs">
            <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
              {admin.name}
            </Text>
            {own && <Badge size="sm" variant="outline" color="gray">You</Badge>}
            {admin.super && <Badge size="sm" variant="light">Super admin</Badge>}
            {admin.disabled && <Badge size="sm" variant="light" color="red">Disabled</Badge>}
            {!admin.set_up && <Badge size="sm" variant="light" color="yellow">Link not used yet</Badge>}
            {admin.totp && <Badge size="sm" variant="light" color="green">Authenticator app</Badge>}
          </Group>
          {granted.length === 0 && (
            <Text size="sm" c="dimmed">
              Sees no site.
            </Text>
          )}
          {granted.map(([id, permissions]) => (
            <Text key={id} size="sm">
              <Text span fw={500}>{sites.find((site) => site.id === id)?.name ?? id}</Text>: {permissions.length === SITE_PERMISSIONS.length ? 'all permissions' : SITE_PERMISSIONS.filter((one) => permissions.includes(one)).join(' ')}
            </Text>
          ))}
        </Stack>
        <Group gap="xs">
          <Button variant="default" size="xs" aria-label={`Permissions of ${admin.name}`} onClick={onEdit}>
            Permissions
          </Button>
          <Menu position="bottom-end">
            <Menu.Target>
              <Button variant="default" size="xs" rightSection={<ChevronDown size={12} aria-hidden />} aria-label={`More about ${admin.name}`}>
                More
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => onAsk('reset')}>New set-up link</Menu.Item>
              <Menu.Item onClick={() => onAsk('disable')}>{admin.disabled ? 'Enable' : 'Disable'}</Menu.Item>
              <Menu.Item c="var(--mantine-color-error)" onClick={() => onAsk('delete')}>
                Delete
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </Group>
      </Group>
    </li>
  )
}

interface QuestionsProps {
  question: Question | null
  onClose: () => void
  onLink: (name: string, link: SetupLinkOut) => void
}

function Questions({ question, onClose, onLink }: QuestionsProps) {
  const queries = useQueryClient()
  const announce = useAnnounce()
  const reload = () => Promise.all([queries.invalidateQueries({ queryKey: ['admins'] }), queries.invalidateQueries({ queryKey: SESSION })])
  const { kind, admin } = question ?? {}
  const params = { path: { admin: admin?.id ?? '' } }
  const act = async () => {
    if (kind === 'reset') {
      const made = await unwrap(api.POST('/api/v1/admins/{admin}/reset', { params }))
      onLink(made.name, made.setup_link)
    } else if (kind === 'delete') {
      await unwrap(api.DELETE('/api/v1/admins/{admin}', { params }))
      announce(`Deleted ${admin!.name}.`)
    } else {
      await unwrap(api.PATCH('/api/v1/admins/{admin}', { params, body: { disabled: !admin!.disabled } }))
      announce(`${admin!.disabled ? 'Enabled' : 'Disabled'} ${admin!.name}.`)
    }
    await reload()
  }
  const enabling = kind === 'disable' && admin?.disabled === true
  const texts = {
    reset: ['Make a new set-up link?', 'Make link', `Password, authenticator app, passkeys and sessions of ${admin?.name} are taken away. With the link, ${admin?.name} chooses a new password.`],
    delete: [`Delete ${admin?.name}?`, 'Delete', 'The account is removed with its sessions and tokens. What it did stays in the audit log.'],
    disable: enabling
      ? [`Enable ${admin?.name}?`, 'Enable', 'The account can sign in again.']
      : [`Disable ${admin?.name}?`, 'Disable', 'Sessions end and tokens stop working until the account is enabled again.'],
  }
  const [title, verb, text] = texts[kind ?? 'reset'] as [string, string, string]
  return (
    <ConfirmDialog opened={question !== null} title={title} verb={verb} onConfirm={act} onClose={onClose}>
      {text}
    </ConfirmDialog>
  )
}
