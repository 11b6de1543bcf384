import { Button, Group, Loader, Select, Stack, Text } from '@mantine/core'
import { X } from 'lucide-react'
import { useMemo } from 'react'
import { useParams, useSearchParams } from 'react-router'
import { may, useSite } from '../session/session'
import { useScripts } from '../scripts/api'
import { NoAccess, NoSite, Page } from '../ui/places'
import { Problem } from '../ui/Problem'
import { useTitle } from '../ui/useTitle'
import { useRuns, type State } from './api'
import { RunsChart } from './RunsChart'
import { RunsTable } from './RunsTable'
import { STATE_OPTIONS } from './states'

const SPANS_MS: Record<string, number> = { hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000, month: 30 * 86_400_000 }
const SINCE = [
  { value: 'hour', label: 'The last hour' },
  { value: 'day', label: 'The last day' },
  { value: 'week', label: 'The last week' },
  { value: 'month', label: 'The last month' },
]

export default function RunsPage() {
  const { site } = useParams()
  const found = useSite(site)
  useTitle('Runs')
  if (!found) return <NoSite />
  if (!may(found, 'runs:view')) return <NoAccess what="runs" permission="runs:view" />
  return <Runs key={found.id} site={found.name} />
}

function Runs({ site }: { site: string }) {
  useTitle(`Runs of ${site}`)
  const [search, setSearch] = useSearchParams()
  const state = (search.get('state') ?? undefined) as State | undefined
  const script = search.get('script') ?? undefined
  const trigger = search.get('trigger') ?? undefined
  const since = search.get('since')
  // Rounded, so that the same list is asked for with the same words.
  const since_ms = useMemo(() => (since && since in SPANS_MS ? Math.floor(Date.now() / 60_000) * 60_000 - SPANS_MS[since]! : undefined), [since])
  const list = useRuns(site, { state, script_id: script, trigger_id: trigger, since_ms })
  const runs = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data])
  const set = (name: string, value: string | null) =>
    setSearch((before) => {
      if (value) before.set(name, value)
      else before.delete(name)
      return before
    })
  return (
    <Page title="Runs">
      <RunsChart site={site} />
      <Stack gap="xs">
        <Group gap="sm" align="end">
          <Select aria-label="State" placeholder="Any state" clearable data={STATE_OPTIONS} value={state ?? null} onChange={(next) => set('state', next)} w={170} />
          <Select aria-label="Time" placeholder="Any time" clearable data={SINCE} value={since} onChange={(next) => set('since', next)} w={170} />
          {trigger && (
            <Button variant="default" rightSection={<X size={14} aria-hidden />} aria-label="Show runs of every trigger" onClick={() => set('trigger', null)}>
              Of one trigger
            </Button>
          )}
          <ScriptFilter site={site} value={script ?? null} onChange={(next) => set('script', next)} />
          <Text size="sm" c="dimmed" role="status">
            {list.isPending ? <Loader size="xs" role="img" aria-label="Loading" /> : ''}
          </Text>
        </Group>
        <Problem error={list.error} retry={() => void list.refetch()} />
        {runs.length > 0 && <RunsTable site={site} runs={runs} />}
        {list.isSuccess && runs.length === 0 && (
          <Text ta="center" py="xl">
            {state || script || trigger || since ? 'No run is like this.' : 'Nothing has run yet. Runs are started from a script, by triggers, and by the command line.'}
          </Text>
        )}
        {list.hasNextPage && (
          <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()} style={{ alignSelf: 'center' }}>
            Show more
          </Button>
        )}
      </Stack>
    </Page>
  )
}

function ScriptFilter({ site, value, onChange }: { site: string; value: string | null; onChange: (id: string | null) => void }) {
  const sees = may(useSite(site), 'scripts:view')
  const scripts = useScripts(site, '', 'ran')
  if (!sees) return null
  const data = scripts.data?.pages.flatMap((page) => page.items.map((one) => ({ value: one.id, label: one.name }))) ?? []
  if (value && !data.some((one) => one.value === value)) data.unshift({ value, label: 'The chosen script' })
  return <Select aria-label="Script" placeholder="Any script" clearable searchable data={data} value={value} onChange={onChange} w={240} />
}
