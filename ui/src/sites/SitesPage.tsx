import { Anchor, Badge, Button, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Plus, Settings2 } from 'lucide-react'
import { useState } from 'react'
import { Link } from 'react-router'
import { api, everyPage } from '../api/client'
import type { SiteOut } from '../api/schema'
import { may, useMe } from '../session/session'
import { List } from '../ui/List'
import { Loaded } from '../ui/Loaded'
import { Page } from '../ui/places'
import { exactly } from '../ui/time'
import { useTitle } from '../ui/useTitle'
import { AddSiteDialog } from './AddSiteDialog'
import { SiteSettingsDialog } from './SiteSettingsDialog'

export default function SitesPage() {
  useTitle('Sites')
  const me = useMe()
  const sites = useQuery({ queryKey: ['sites'], queryFn: () => everyPage((query) => api.GET('/api/v1/sites', { params: { query } })) })
  const [adding, setAdding] = useState(false)
  const [opened, setOpened] = useState<SiteOut | null>(null)
  return (
    <Page
      title="Sites"
      narrow
      aside={
        me.admin.super && (
          <Button leftSection={<Plus size={16} aria-hidden />} onClick={() => setAdding(true)}>
            Add site
          </Button>
        )
      }
    >
      <Text maw="65ch" size="sm">
        A site has its own secrets, scripts, keys, admins and files. Nothing crosses from one to another.
      </Text>
      <Loaded query={sites}>
        {({ items }) => (
          <List framed>
            {items.length === 0 && <li>You were given no site. Ask a super admin.</li>}
            {items.map((site) => (
              <Site key={site.id} site={site} onSettings={() => setOpened(site)} />
            ))}
          </List>
        )}
      </Loaded>
      <AddSiteDialog opened={adding} onClose={() => setAdding(false)} />
      <SiteSettingsDialog site={opened} onClose={() => setOpened(null)} />
    </Page>
  )
}

function Site({ site, onSettings }: { site: SiteOut; onSettings: () => void }) {
  const { sites, admin } = useMe()
  const mine = sites.find((one) => one.id === site.id)
  const sees = may(mine, 'secrets:view')
  return (
    <li>
      <Group justify="space-between" gap="sm">
        <Stack gap={0} flex="1 1 12rem">
          <Text fw={600} component="div">
            {sees ? (
              <Anchor component={Link} to={`/sites/${site.name}/secrets`} underline="hover" fw={600}>
                {site.name}
              </Anchor>
            ) : (
              site.name
            )}
            {!site.ready && (
              <Badge ml="xs" size="sm" color="yellow" variant="light">
                Waiting for its key
              </Badge>
            )}
          </Text>
          <Text size="xs" c="dimmed">
            Made {exactly(site.created_ms)}
            {!sees && (admin.super ? '. You see nothing of it unless you give it to yourself under Admins.' : '. You may not see its secrets.')}
          </Text>
        </Stack>
        {may(mine, 'settings:view') && (
          <Button variant="default" size="xs" leftSection={<Settings2 size={14} aria-hidden />} aria-label={`Settings of ${site.name}`} onClick={onSettings}>
            Settings
          </Button>
        )}
      </Group>
    </li>
  )
}
