import { Badge, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, unwrap } from '../api/client'
import { canUsePasskeys } from '../session/passkeys'
import { useMe } from '../session/session'
import { Loaded } from '../ui/Loaded'
import { Page } from '../ui/places'
import { exactly } from '../ui/time'
import { useTitle } from '../ui/useTitle'
import { PasskeysSection } from './PasskeysSection'
import { PasswordSection } from './PasswordSection'
import { SessionsSection } from './SessionsSection'
import { TokensSection } from './TokensSection'
import { TotpSection } from './TotpSection'

export const ACCOUNT = ['account'] as const

export default function AccountPage() {
  useTitle('Account')
  const me = useMe()
  const account = useQuery({ queryKey: ACCOUNT, queryFn: () => unwrap(api.GET('/api/v1/account')) })
  return (
    <Page title="Account" narrow>
      <Loaded query={account}>
        {(data) => (
          <Stack gap="lg">
            <Group gap="xs">
              <Text fw={600}>{data.name}</Text>
              {data.super && <Badge variant="light">Super admin</Badge>}
              <Text c="dimmed" size="sm">
                since {exactly(data.created_ms)}
              </Text>
            </Group>
            <PasswordSection changed={data.password_ms} />
            <TotpSection account={data} />
            {me.passkeys && <PasskeysSection passkeys={data.passkeys} usable={canUsePasskeys()} />}
            <SessionsSection />
            <TokensSection />
          </Stack>
        )}
      </Loaded>
    </Page>
  )
}
