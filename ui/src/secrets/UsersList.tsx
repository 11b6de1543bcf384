import { List, Loader, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, unwrap } from '../api/client'
import { Problem } from '../ui/Problem'
import { ago } from '../ui/time'
import type { Secret } from './api'

/** The scripts that use a secret, asked for anew each time: deleting relies on it. */
export function useUsers(site: string, secret: Secret) {
  return useQuery({
    queryKey: ['users', site, secret.id],
    queryFn: () => unwrap(api.GET('/api/v1/sites/{site}/secrets/{secret}/users', { params: { path: { site, secret: secret.id } } })),
    staleTime: 0,
    gcTime: 0,
  })
}

export function UsersList({ users, name }: { users: ReturnType<typeof useUsers>; name: string }) {
  if (users.error) return <Problem error={users.error} retry={() => void users.refetch()} />
  if (!users.data) return <Loader size="sm" role="img" aria-label="Loading the scripts that use it" />
  const others = users.data.items.filter((user) => user.kind !== 'script')
  const certain = users.data.items.filter((user) => user.certain && user.kind === 'script')
  const possible = users.data.items.filter((user) => !user.certain && user.computed)
  const before = users.data.items.filter((user) => !user.certain && !user.computed)
  const read = users.data.items.filter((user) => user.read_ms)
  return (
    <Stack gap="sm">
      {certain.length === 0 && <Text size="sm">No script names {name} in its code.</Text>}
      <Scripts title="Not a script, but it uses it:" names={others.map((user) => user.name)} />
      <Scripts title={certain.length === 1 ? 'This script uses it:' : 'These scripts use it:'} names={certain.map((user) => user.name)} />
      <Scripts title="May use any secret, because they compute names:" names={possible.map((user) => user.name)} />
      <Scripts title="Read it before, but no longer name it:" names={before.map((user) => user.name)} />
      <Scripts title="Were given it:" names={read.map((user) => `${user.name}, ${ago(user.read_ms!)}`)} />
    </Stack>
  )
}

function Scripts({ title, names }: { title: string; names: string[] }) {
  if (names.length === 0) return null
  return (
    <div>
      <Text size="sm" fw={600}>
        {title}
      </Text>
      <List size="sm" ff="monospace" mah={180} style={{ overflowY: 'auto' }} tabIndex={names.length > 7 ? 0 : undefined} aria-label={title}>
        {names.map((name) => (
          <List.Item key={name}>{name}</List.Item>
        ))}
      </List>
    </div>
  )
}
