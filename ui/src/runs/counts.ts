import type { RunCount } from '../api/schema'

export interface Counted {
  good: number
  bad: number
  other: number
}

/** What people want to know of a state: it went well, it did not, or somebody stopped it. */
export function counted({ runs }: RunCount): Counted {
  const { succeeded = 0, cancelled = 0, ...bad } = runs
  return { good: succeeded, other: cancelled, bad: Object.values(bad).reduce((sum, one) => sum + (one ?? 0), 0) }
}

export function totals(spans: RunCount[]): Counted {
  return spans.map(counted).reduce((sum, one) => ({ good: sum.good + one.good, bad: sum.bad + one.bad, other: sum.other + one.other }), { good: 0, bad: 0, other: 0 })
}

/** How high each bar's parts are, of `height` for the span with the most runs; what is there at all is seen. */
export function heights(spans: RunCount[], height: number): (Counted & { at_ms: number; counted: Counted })[] {
  const all = spans.map((span) => ({ at_ms: span.at_ms, counted: counted(span) }))
  const most = Math.max(1, ...all.map(({ counted: one }) => one.good + one.bad + one.other))
  const part = (count: number) => (count ? Math.max(2, Math.round((count / most) * height)) : 0)
  return all.map((one) => ({ ...one, good: part(one.counted.good), bad: part(one.counted.bad), other: part(one.counted.other) }))
}
