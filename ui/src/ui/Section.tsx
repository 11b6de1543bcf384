import { Paper, Stack, Title } from '@mantine/core'
import type { ReactNode } from 'react'

/** A titled part of a page. */
export function Section({ title, children, aside }: { title: string; children: ReactNode; aside?: ReactNode }) {
  return (
    <Paper component="section" withBorder p={{ base: 'sm', sm: 'lg' }} aria-label={title}>
      <Stack gap="md">
        <div style={{ display: 'flex', flexWrap: 'wrap', gap: 'var(--mantine-spacing-sm)', justifyContent: 'space-between', alignItems: 'center' }}>
          <Title order={2} size="h4">
            {title}
          </Title>
          {aside}
        </div>
        {children}
      </Stack>
    </Paper>
  )
}
