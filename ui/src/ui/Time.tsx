import { ago, exactly } from './time'

/** A point in time as people say it; pointing at it shows it exactly. */
export function Time({ ms, by }: { ms: number; by?: string }) {
  return (
    <time dateTime={new Date(ms).toISOString()} title={by ? `${exactly(ms)}, by ${by}` : exactly(ms)}>
      {ago(ms)}
    </time>
  )
}
