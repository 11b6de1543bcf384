import { Alert, Anchor, Button, Group, Stack, Text } from '@mantine/core'
import { KeyRound, ShieldAlert } from 'lucide-react'
import type { Check, Leak } from './api'

interface Props {
  check: Check | null
  busy: boolean
  onMove: ((leak: Leak) => Promise<void>) | null
  onShow: (at: number) => void
}

/** Passwords and keys that stand in the code, and what to do about them. */
export function Findings({ check, busy, onMove, onShow }: Props) {
  if (!check?.leaks.length) return null
  return (
    <Alert color="orange" variant="light" icon={<ShieldAlert aria-hidden />} role="alert" title={check.leaks.length === 1 ? 'A password or key stands in this script' : `${check.leaks.length} passwords or keys stand in this script`}>
      <Text size="sm" mb="xs">
        Whoever may see the script sees them. As secrets, only running scripts get them.
      </Text>
      <Stack gap={6}>
        {check.leaks.map((leak) => (
          <Group key={leak.start} gap="sm">
            <Text size="sm">
              <Anchor component="button" type="button" size="sm" underline="always" onClick={() => onShow(leak.start)}>
                Line {leak.line}
              </Anchor>
              : {leak.title}
            </Text>
            {onMove &&
              (leak.movable ? (
                <Button size="compact-sm" leftSection={<KeyRound size={14} aria-hidden />} loading={busy} aria-label={`Move to Secrets: line ${leak.line}`} onClick={() => void onMove(leak)}>
                  Move to Secrets
                </Button>
              ) : (
                <Text size="sm" c="dimmed">
                  Move it by hand: it is no text in quotes of its own.
                </Text>
              ))}
          </Group>
        ))}
      </Stack>
    </Alert>
  )
}
