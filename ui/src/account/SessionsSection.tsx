import { Badge, Button, Group, Stack, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { api, everyPage, unwrap } from '../api/client'
import type { OwnSession } from '../api/schema'
import { useAnnounce } from '../ui/Announcer'
import { List } from '../ui/List'
import { Loaded } from '../ui/Loaded'
import { Problem } from '../ui/Problem'
import { Section } from '../ui/Section'
import { ago, exactly } from '../ui/time'
import { useSubmit } from '../ui/useSubmit'
import { agentName } from './agent'

export function SessionsSection() {
  const sessions = useQuery({ queryKey: ['sessions'], queryFn: () => everyPage((query) => api.GET('/api/v1/account/sessions', { params: { query } })), select: lastUsedFirst })
  return (
    <Section title="Sessions">
      <Loaded query={sessions}>
        {({ items }) => (
          <List>
            {items.map((session) => (
              <Session key={session.id} session={session} />
            ))}
          </List>
        )}
      </Loaded>
    </Section>
  )
}

function lastUsedFirst({ items }: { items: OwnSession[] }) {
  return { items: items.toSorted((one, other) => other.seen_ms - one.seen_ms) }
}

function Session({ session }: { session: OwnSession }) {
  const queries = useQueryClient()
  const announce = useAnnounce()
  const name = agentName(session.agent)
  const { busy, error, run } = useSubmit(async () => {
    await unwrap(api.DELETE('/api/v1/account/sessions/{session}', { params: { path: { session: session.id } } }))
    announce('The session has ended.')
    await queries.invalidateQueries({ queryKey: ['sessions'] })
  })
  return (
    <li>
      <Group justify="space-between" gap="sm">
        <Stack gap={0} flex="1 1 12rem">
          <Text size="sm" fw={500} title={session.agent}>
            {name}
            {session.current && (
              <Badge ml="xs" size="sm" variant="light">
                This session
              </Badge>
            )}
          </Text>
          <Text size="xs" c="dimmed">
            {session.address ? `${session.address}, ` : ''}signed in <span title={exactly(session.created_ms)}>{ago(session.created_ms)}</span>, last used {ago(session.seen_ms)}
          </Text>
        </Stack>
        {!session.current && (
          <Button variant="default" size="xs" loading={busy} aria-label={`End the session of ${name}, last used ${ago(session.seen_ms)}`} onClick={() => void run()}>
            End
          </Button>
        )}
      </Group>
      <Problem error={error} />
    </li>
  )
}
