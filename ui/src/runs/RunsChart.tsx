import { Group, SegmentedControl, Text } from '@mantine/core'
import { useState } from 'react'
import type { RunCount } from '../api/schema'
import { Problem } from '../ui/Problem'
import { Section } from '../ui/Section'
import { useCounts } from './api'
import { heights, totals } from './counts'
import classes from './RunsChart.module.css'

const SPANS = [
  { value: '1', label: 'Day' },
  { value: '7', label: 'Week' },
  { value: '30', label: 'Month' },
]
const HEIGHT = 80

/** Runs and failures over time, counted when they end; those that were deleted since are in it. */
export function RunsChart({ site }: { site: string }) {
  const [days, setDays] = useState('7')
  const counts = useCounts(site, Number(days))
  const spans = counts.data ?? []
  const all = totals(spans)
  return (
    <Section title="Runs over time" aside={<SegmentedControl size="xs" aria-label="Time shown" transitionDuration={0} styles={{ label: { color: 'var(--mantine-color-text)', transition: 'none' } }} data={SPANS} value={days} onChange={setDays} />}>
      <Problem error={counts.error} retry={() => void counts.refetch()} />
      <Group gap="lg">
        <Text size="sm">
          <span className={classes.key} data-kind="good" aria-hidden /> Succeeded: {all.good.toLocaleString()}
        </Text>
        <Text size="sm">
          <span className={classes.key} data-kind="bad" aria-hidden /> Failed: {all.bad.toLocaleString()}
        </Text>
        {all.other > 0 && (
          <Text size="sm">
            <span className={classes.key} data-kind="other" aria-hidden /> Cancelled: {all.other.toLocaleString()}
          </Text>
        )}
      </Group>
      <Bars spans={spans} days={Number(days)} />
    </Section>
  )
}

function Bars({ spans, days }: { spans: RunCount[]; days: number }) {
  const bars = heights(spans, HEIGHT)
  return (
    <ol className={classes.bars} aria-label="Runs by time">
      {bars.map(({ at_ms, good, bad, other, counted }) => {
        const text = `${moment(at_ms, days)}: ${counted.good} succeeded, ${counted.bad} failed${counted.other ? `, ${counted.other} cancelled` : ''}`
        return (
          <li key={at_ms} title={text}>
            <span className={classes.hidden}>{text}</span>
            <i data-kind="other" style={{ height: other }} />
            <i data-kind="bad" style={{ height: bad }} />
            <i data-kind="good" style={{ height: good }} />
          </li>
        )
      })}
    </ol>
  )
}

function moment(ms: number, days: number): string {
  return new Intl.DateTimeFormat(undefined, days <= 2 ? { weekday: 'short', hour: '2-digit', minute: '2-digit' } : { weekday: 'short', day: 'numeric', month: 'short' }).format(ms)
}
