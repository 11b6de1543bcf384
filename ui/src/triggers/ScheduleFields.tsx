import { Group, List as Items, Select, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { describe, fieldError } from '../ui/Problem'
import { nextTimes } from './api'
import type { FieldsProps, Typed } from './form'

const TYPING_MS = 300
const OFTEN = [
  { value: '* * * * *', label: 'Every minute' },
  { value: '*/15 * * * *', label: 'Every 15 minutes' },
  { value: '0 * * * *', label: 'Every hour' },
  { value: '0 6 * * *', label: 'Every day at 6:00' },
  { value: '0 6 * * 1-5', label: 'Monday to Friday at 6:00' },
  { value: '0 6 * * 1', label: 'Every Monday at 6:00' },
  { value: '0 6 1 * *', label: 'The first of each month at 6:00' },
]
const MISSED = [
  { value: 'run', label: 'Run once, when the server is back' },
  { value: 'skip', label: 'Leave them out' },
]
const OVERLAP = [
  { value: 'skip', label: 'Leave this time out' },
  { value: 'queue', label: 'Wait for its end' },
  { value: 'allow', label: 'Run beside it' },
]
const ZONES = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')]

export function ScheduleFields({ site, typed, set, error }: FieldsProps & { site: string }) {
  return (
    <>
      <Group gap="sm" align="end" grow>
        <TextInput label="Cron expression" description="Minute, hour, day, month, weekday." styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }} autoComplete="off" spellCheck={false} maxLength={200} value={typed.cron} onChange={(event) => set({ cron: event.currentTarget.value })} error={fieldError(error, 'cron')} />
        <Select label="Often used" placeholder="Choose" data={OFTEN} value={OFTEN.some((one) => one.value === typed.cron) ? typed.cron : null} onChange={(cron) => cron && set({ cron })} />
      </Group>
      <Select label="Time zone" data={ZONES} searchable value={typed.zone} allowDeselect={false} onChange={(zone) => zone && set({ zone })} error={fieldError(error, 'zone')} limit={200} />
      <Upcoming site={site} cron={typed.cron} zone={typed.zone} />
      <Group gap="sm" align="end" grow>
        <Select label="Times missed while down" data={MISSED} value={typed.missed} allowDeselect={false} onChange={(missed) => missed && set({ missed: missed as Typed['missed'] })} />
        <Select label="While a run is under way" data={OVERLAP} value={typed.overlap} allowDeselect={false} onChange={(overlap) => overlap && set({ overlap: overlap as Typed['overlap'] })} />
      </Group>
    </>
  )
}

/** The next five times, as the expression is typed. */
function Upcoming({ site, cron, zone }: { site: string; cron: string; zone: string }) {
  const [asked] = useDebouncedValue(cron.trim(), TYPING_MS)
  const times = useQuery({ queryKey: ['upcoming', site, asked, zone], queryFn: () => nextTimes(site, asked, zone), enabled: asked !== '', retry: false, staleTime: 30_000 })
  if (!asked) return null
  const shown = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', timeZoneName: 'short', timeZone: known(zone) })
  return (
    <div role="status" aria-label="Next times">
      {times.error && !times.isFetching ? (
        <Text size="sm" c="var(--mantine-color-error)">
          {describe(times.error).title}
        </Text>
      ) : (
        <>
          <Text size="sm">Next times:</Text>
          <Items size="sm">
            {(times.data?.times_ms ?? []).map((ms) => (
              <Items.Item key={ms}>{shown.format(ms)}</Items.Item>
            ))}
          </Items>
        </>
      )}
    </div>
  )
}

/** Time zones of the server that this browser does not know are shown in its own. */
function known(zone: string): string | undefined {
  try {
    return new Intl.DateTimeFormat(undefined, { timeZone: zone }).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}
