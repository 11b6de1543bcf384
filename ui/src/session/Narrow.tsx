import { Center, Group, Paper, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import icon from '../icon.svg'
import { useTitle } from '../ui/useTitle'

/** The frame of the pages before one is signed in. */
export function Narrow({ title, children }: { title: string; children: ReactNode }) {
  useTitle(title)
  return (
    <Center component="main" mih="100dvh" p="md" bg="light-dark(var(--mantine-color-gray-0), var(--mantine-color-dark-8))">
      <Stack w="100%" maw={420} gap="lg">
        <Group gap="sm" justify="center" wrap="nowrap">
          <img src={icon} alt="" width={36} height={36} />
          <div>
            <Text fw={700} size="lg" lh={1.2}>
              nightdrop
            </Text>
            <Text size="xs" c="dimmed">
              Drop secrets in. Only your scripts take them out.
            </Text>
          </div>
        </Group>
        <Paper withBorder p="lg" shadow="xs">
          <Stack gap="md">
            <Title order={1} size="h3">
              {title}
            </Title>
            {children}
          </Stack>
        </Paper>
      </Stack>
    </Center>
  )
}
