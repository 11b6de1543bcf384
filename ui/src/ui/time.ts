const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' })
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365 * 86400],
  ['month', 30 * 86400],
  ['day', 86400],
  ['hour', 3600],
  ['minute', 60],
]

/** `3 days ago`, from two times in milliseconds. */
export function ago(ms: number, now = Date.now()): string {
  const seconds = (ms - now) / 1000
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit)
  }
  return seconds > 0 ? 'in a moment' : 'just now'
}

export function exactly(ms: number): string {
  return whole.format(ms)
}
