import { Badge, Button, Code, Group, Stack, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, everyPage, unwrap } from '../api/client'
import type { TokenOut } from '../api/schema'
import { useMe } from '../session/session'
import { useAnnounce } from '../ui/Announcer'
import { ConfirmDialog } from '../ui/ConfirmDialog'
import { List } from '../ui/List'
import { Loaded } from '../ui/Loaded'
import { Section } from '../ui/Section'
import { ago, exactly } from '../ui/time'
import { NewTokenDialog } from './NewTokenDialog'

export function TokensSection() {
  const tokens = useQuery({ queryKey: ['tokens'], queryFn: () => everyPage((query) => api.GET('/api/v1/account/tokens', { params: { query } })) })
  const [making, setMaking] = useState(false)
  const [revoking, setRevoking] = useState<TokenOut | null>(null)
  const queries = useQueryClient()
  const announce = useAnnounce()
  const revoke = async () => {
    await unwrap(api.DELETE('/api/v1/account/tokens/{token}', { params: { path: { token: revoking!.id } } }))
    announce(`Revoked ${revoking!.name}.`)
    await queries.invalidateQueries({ queryKey: ['tokens'] })
  }
  return (
    <Section
      title="API tokens"
      aside={
        <Button variant="default" size="xs" onClick={() => setMaking(true)}>
          New token
        </Button>
      }
    >
      <Loaded query={tokens}>
        {({ items }) =>
          items.length === 0 ? (
            <Text size="sm">None. A token lets a program use the API or the command line from elsewhere, with no more than you choose.</Text>
          ) : (
            <List>
              {items.map((token) => (
                <Token key={token.id} token={token} onRevoke={() => setRevoking(token)} />
              ))}
            </List>
          )
        }
      </Loaded>
      <NewTokenDialog opened={making} onClose={() => setMaking(false)} />
      <ConfirmDialog opened={revoking !== null} title={`Revoke ${revoking?.name ?? ''}?`} verb="Revoke" onConfirm={revoke} onClose={() => setRevoking(null)}>
        What uses this token is refused from then on.
      </ConfirmDialog>
    </Section>
  )
}

function Token({ token, onRevoke }: { token: TokenOut; onRevoke: () => void }) {
  const { sites } = useMe()
  const names = token.sites.map((id) => sites.find((site) => site.id === id)?.name ?? id)
  const expired = token.expires_ms !== null && token.expires_ms <= Date.now()
  return (
    <li>
      <Group justify="space-between" gap="sm" align="start">
        <Stack gap={2} flex="1 1 14rem">
          <Text size="sm" fw={500} style={{ overflowWrap: 'anywhere' }}>
            {token.name} <Code>{token.prefix}…</Code>
            {expired && (
              <Badge ml="xs" size="sm" color="red" variant="light">
                Expired
              </Badge>
            )}
          </Text>
          <Text size="xs">
            {names.join(', ')}: {token.permissions.join(' ')}
          </Text>
          <Text size="xs" c="dimmed">
            Made {ago(token.created_ms)}, {token.last_used_ms ? `used ${ago(token.last_used_ms)}` : 'never used'}, {token.expires_ms ? `expires ${exactly(token.expires_ms)}` : 'never expires'}
          </Text>
        </Stack>
        <Button variant="subtle" color="red" size="compact-sm" aria-label={`Revoke ${token.name}`} onClick={onRevoke}>
          Revoke
        </Button>
      </Group>
    </li>
  )
}
