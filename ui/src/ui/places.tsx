import { Anchor, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link, Navigate, useParams } from 'react-router'
import { useCurrentSite, useMe } from '../session/session'
import { useTitle } from './useTitle'

/** The first page of the first site, else where sites are made. */
export function Home() {
  const { current } = useCurrentSite(undefined)
  return <Navigate to={current ? `/sites/${current}` : '/sites'} replace />
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

export function NoAccess({ what, permission }: { what: string; permission: string }) {
  const { site } = useParams()
  const { admin } = useMe()
  const title = what[0]!.toUpperCase() + what.slice(1)
  useTitle(title)
  return (
    <Page title={title}>
      <Text maw="60ch">
        You may not see the {what} of {site}.{' '}
        {admin.super ? (
          <>
            As a super admin you can give it to yourself under <Anchor component={Link} to="/admins" underline="always">Admins</Anchor>.
          </>
        ) : (
          `Ask a super admin for ${permission}.`
        )}
      </Text>
    </Page>
  )
}

interface PageProps {
  title: string
  children: ReactNode
  aside?: ReactNode
  /** What leads back to where this page belongs. */
  above?: ReactNode
  /** For lists of few and short things. */
  narrow?: boolean
}

export function Page({ title, children, aside, above, narrow }: PageProps) {
  return (
    <Stack gap="lg" maw={narrow ? 960 : undefined}>
      <div style={{ display: 'flex', flexWrap: 'wrap', gap: 'var(--mantine-spacing-sm)', justifyContent: 'space-between', alignItems: 'center' }}>
        <div style={{ minWidth: 0 }}>
          {above}
          <Title order={1} size="h2" style={{ overflowWrap: 'anywhere' }}>
            {title}
          </Title>
        </div>
        {aside}
      </div>
      {children}
    </Stack>
  )
}
