import { Anchor, Code, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link, Navigate, useParams } from 'react-router'
import { useCurrentSite, useMe } from '../session/session'
import { useTitle } from './useTitle'

/** The page of the first site, else where sites are made. */
export function Home() {
  const { current } = useCurrentSite(undefined)
  return <Navigate to={current ? `/sites/${current}/secrets` : '/sites'} replace />
}

export function MissingPage() {
  useTitle('Not found')
  return (
    <Page title="There is no such page">
      <Text>
        Check the address, or go to <Anchor component={Link} to="/" underline="always">the first page</Anchor>.
      </Text>
    </Page>
  )
}

export function NoSite() {
  const { site } = useParams()
  useTitle('No such site')
  return (
    <Page title="There is no such site">
      <Text>
        Either {site} does not exist, or you were given nothing in it. Your sites are listed under{' '}
        <Anchor component={Link} to="/sites" underline="always">Sites</Anchor>.
      </Text>
    </Page>
  )
}

export function NoAccess() {
  const { site } = useParams()
  const { admin } = useMe()
  useTitle('Secrets')
  return (
    <Page title="Secrets">
      <Text maw="60ch">
        You may not see the secrets of {site}.{' '}
        {admin.super ? (
          <>
            As a super admin you can give it to yourself under <Anchor component={Link} to="/admins" underline="always">Admins</Anchor>.
          </>
        ) : (
          'Ask a super admin for secrets:view.'
        )}
      </Text>
    </Page>
  )
}

const PLANS: Record<string, { text: string; command: string }> = {
  Scripts: {
    text: 'Scripts will be written and edited here. Until then, store and run them with the command line on the server:',
    command: 'nightdrop script push hello.js\nnightdrop script run hello',
  },
  Runs: {
    text: 'Runs and their logs will be listed here. Until then, use the command line on the server:',
    command: 'nightdrop run ls\nnightdrop logs ID',
  },
}

export function PlannedPage({ title }: { title: string }) {
  useTitle(title)
  const plan = PLANS[title]!
  return (
    <Page title={title}>
      <Text size="sm" maw="60ch">{plan.text}</Text>
      <Code block fz="sm" maw="60ch" style={{ whiteSpace: 'pre-wrap' }}>
        {plan.command}
      </Code>
    </Page>
  )
}

interface PageProps {
  title: string
  children: ReactNode
  aside?: ReactNode
  /** For lists of few and short things. */
  narrow?: boolean
}

export function Page({ title, children, aside, narrow }: PageProps) {
  return (
    <Stack gap="lg" maw={narrow ? 960 : undefined}>
      <div style={{ display: 'flex', flexWrap: 'wrap', gap: 'var(--mantine-spacing-sm)', justifyContent: 'space-between', alignItems: 'center' }}>
        <Title order={1} size="h2">
          {title}
        </Title>
        {aside}
      </div>
      {children}
    </Stack>
  )
}
