import { Anchor, Group, List as Steps, Stack, Text } from '@mantine/core'
import { Link, Navigate, useParams } from 'react-router'
import { useRuns } from '../runs/api'
import { RunsChart } from '../runs/RunsChart'
import { RunsTable } from '../runs/RunsTable'
import { may, useSite } from '../session/session'
import { useTriggers, type Trigger } from '../triggers/api'
import { summary } from '../triggers/summary'
import { List } from '../ui/List'
import { Loaded } from '../ui/Loaded'
import { NoSite, Page } from '../ui/places'
import { Problem } from '../ui/Problem'
import { Section } from '../ui/Section'
import { Time } from '../ui/Time'
import { useTitle } from '../ui/useTitle'
import { comingUp, inTrouble } from './triggers'

const NEWEST = 5

/** The first page of a site: how its runs went, and what comes next. */
export default function OverviewPage() {
  const { site } = useParams()
  const found = useSite(site)
  useTitle(site ? `Overview of ${site}` : 'Overview')
  if (!found) return <NoSite />
  if (!may(found, 'runs:view')) return <Navigate to={`/sites/${found.name}/secrets`} replace />
  return (
    <Page title="Overview" key={found.id}>
      <RunsChart site={found.name} />
      <NewestRuns site={found.name} />
      {may(found, 'scripts:view') && <Triggers site={found.name} />}
    </Page>
  )
}

function NewestRuns({ site }: { site: string }) {
  const list = useRuns(site, {})
  const runs = list.data?.pages[0]?.items ?? []
  if (list.isSuccess && runs.length === 0) return <FirstSteps site={site} />
  return (
    <Section title="Newest runs" aside={<More to={`/sites/${site}/runs`}>All runs</More>}>
      <Problem error={list.error} retry={() => void list.refetch()} />
      <RunsTable site={site} runs={runs.slice(0, NEWEST)} />
    </Section>
  )
}

function FirstSteps({ site }: { site: string }) {
  return (
    <Section title="First steps">
      <Steps type="ordered" size="sm" spacing="xs">
        <Steps.Item>
          Store a password or key under <More to={`/sites/${site}/secrets`}>Secrets</More>. Nobody can see it here again.
        </Steps.Item>
        <Steps.Item>
          Write a script under <More to={`/sites/${site}/scripts`}>Scripts</More> that takes it with <code>GetSecret("name")</code>, and run it.
        </Steps.Item>
        <Steps.Item>
          Let it start by itself: at fixed times, at a request, when a file comes. See <More to={`/sites/${site}/triggers`}>Triggers</More>.
        </Steps.Item>
      </Steps>
    </Section>
  )
}

function Triggers({ site }: { site: string }) {
  const triggers = useTriggers(site)
  return (
    <Loaded query={triggers}>
      {({ items }) => (
        <>
          <TriggersSection title="Triggers in trouble" site={site} triggers={inTrouble(items)} text={(one) => one.problem} />
          <TriggersSection title="Next runs" site={site} triggers={comingUp(items)} text={(one) => summary(one)} />
        </>
      )}
    </Loaded>
  )
}

function TriggersSection({ title, site, triggers, text }: { title: string; site: string; triggers: Trigger[]; text: (trigger: Trigger) => string | null }) {
  if (triggers.length === 0) return null
  return (
    <Section title={title} aside={<More to={`/sites/${site}/triggers`}>All triggers</More>}>
      <List>
        {triggers.map((one) => (
          <li key={one.id}>
            <Group justify="space-between" gap="sm">
              <Stack gap={2} flex="1 1 16rem">
                <More to={`/sites/${site}/scripts/${one.script_id}`}>{one.script_name}</More>
                <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                  {text(one)}
                </Text>
              </Stack>
              {one.next_ms && (
                <Text size="sm">
                  <Time ms={one.next_ms} />
                </Text>
              )}
            </Group>
          </li>
        ))}
      </List>
    </Section>
  )
}

function More({ to, children }: { to: string; children: string }) {
  return (
    <Anchor component={Link} to={to} underline="always" size="sm">
      {children}
    </Anchor>
  )
}
