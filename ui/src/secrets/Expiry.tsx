import { Badge, Text } from '@mantine/core'
import { ago, exactly } from '../ui/time'
import type { Secret } from './api'

const SOON_MS = 14 * 86_400_000

export function hasExpired({ expires_ms: at }: Secret, now = Date.now()): boolean {
  return at !== null && at <= now
}

/** When scripts stop getting it, the nearer the plainer. */
export function Expiry({ secret }: { secret: Secret }) {
  const at = secret.expires_ms
  if (at === null) return null
  if (hasExpired(secret)) return <Mark color="red" at={at} text="Expired" />
  if (at - Date.now() <= SOON_MS) return <Mark color="orange" at={at} text={`Expires ${ago(at)}`} />
  return (
    <Text span size="xs" c="dimmed" title={exactly(at)}>
      Expires {ago(at)}
    </Text>
  )
}

function Mark({ color, at, text }: { color: string; at: number; text: string }) {
  return (
    <Badge size="sm" color={color} variant="light" title={exactly(at)}>
      {text}
    </Badge>
  )
}
