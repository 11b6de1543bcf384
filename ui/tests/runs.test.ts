import { describe, expect, test } from 'vitest'
import type { RunCount } from '../src/api/schema'
import { follow, type Line } from '../src/runs/stream'
import { beginning } from '../src/runs/api'
import { heights, totals } from '../src/runs/counts'
import { amount, cause, duration } from '../src/runs/states'
import { readParams } from '../src/scripts/RunDialog'
import { FIELDS, fresh, typedOf } from '../src/triggers/form'
import { summary } from '../src/triggers/summary'

class Source {
  readyState = 1
  onerror: (() => void) | null = null
  closed = false
  readonly listeners = new Map<string, (event: { data: string }) => void>()
  addEventListener(name: string, act: (event: never) => void) {
    this.listeners.set(name, act as never)
  }
  close() {
    this.closed = true
  }
  send(name: string, data: unknown) {
    this.listeners.get(name)?.({ data: JSON.stringify(data) })
  }
}

function following() {
  const source = new Source()
  const frames: (() => void)[] = []
  const seen: { lines: Line[][]; states: string[]; ends: unknown[]; lost: number } = { lines: [], states: [], ends: [], lost: 0 }
  let address = ''
  const stop = follow(
    'run_1',
    { lines: (lines) => seen.lines.push(lines), state: (state) => seen.states.push(state), end: (run) => seen.ends.push(run), lost: () => seen.lost++ },
    (url) => ((address = url), source as never),
    (draw) => frames.push(draw),
  )
  return { source, frames, seen, stop, address: () => address }
}

const line = (seq: number) => ({ seq, at_ms: 0, level: 'info', text: `line ${seq}` })

describe('a log that is followed', () => {
  test('comes in batches, one for each frame', () => {
    const { source, frames, seen, address } = following()
    expect(address()).toBe('/api/v1/runs/run_1/logs/stream')
    for (let seq = 1; seq <= 10_000; seq++) source.send('log', line(seq))
    expect(frames.length).toBe(1)
    frames[0]!()
    source.send('log', line(10_001))
    frames[1]!()
    expect(seen.lines.map((lines) => lines.length)).toEqual([10_000, 1])
  })

  test('has no line twice after a break', () => {
    const { source, frames, seen } = following()
    for (const seq of [1, 2, 2, 1, 3]) source.send('log', line(seq))
    frames[0]!()
    expect(seen.lines[0]!.map((one) => one.seq)).toEqual([1, 2, 3])
  })

  test('ends with all its lines', () => {
    const { source, seen } = following()
    source.send('state', { state: 'running' })
    source.send('log', line(1))
    source.send('end', { id: 'run_1' })
    expect(seen.lines.flat().length).toBe(1)
    expect(seen).toMatchObject({ states: ['running'], ends: [{ id: 'run_1' }], lost: 0 })
    expect(source.closed).toBe(true)
  })

  test('tells a connection that is gone from one that comes back', () => {
    const { source, seen } = following()
    source.readyState = 0
    source.onerror?.()
    expect(seen.lost).toBe(0)
    source.readyState = 2
    source.onerror?.()
    expect(seen.lost).toBe(1)
  })

  test('says nothing after it was stopped', () => {
    const { source, frames, seen, stop } = following()
    source.send('log', line(1))
    stop()
    frames[0]!()
    expect(seen.lines).toEqual([])
    expect(source.closed).toBe(true)
  })
})

test('why a run ended is one sentence', () => {
  expect(cause({ state: 'failed', reason: null, error: { message: 'x is not defined', line: 3, column: 7 } as never })).toBe('Line 3:7: x is not defined')
  expect(cause({ state: 'killed', reason: 'memory limit', error: null })).toBe('memory limit')
  expect(cause({ state: 'cancelled', reason: 'cancelled', error: null })).toBe('Somebody stopped it.')
  expect(cause({ state: 'lost', reason: null, error: null })).toContain('died')
  expect(cause({ state: 'succeeded', reason: null, error: null })).toBe('')
})

test.each([[950, '950 ms'], [1240, '1.2 s'], [61_000, '1 min 1 s'], [3_725_000, '1 h 2 min']])('%i ms are %s', (ms, text) => expect(duration(ms)).toBe(text))

describe('counts', () => {
  const spans: RunCount[] = [
    { at_ms: 0, runs: {} },
    { at_ms: 1, runs: { succeeded: 80, failed: 10, lost: 5, timed_out: 4, cancelled: 1 } },
    { at_ms: 2, runs: { failed: 1 } },
  ]

  test('are drawn beside each other, and what is there is seen', () => {
    expect(totals(spans)).toEqual({ good: 80, bad: 20, other: 1 })
    expect(heights(spans, 100).map(({ good, bad, other }) => [good, bad, other])).toEqual([[0, 0, 0], [80, 19, 2], [0, 2, 0]])
  })

  test('begin with a whole day', () => {
    const now = new Date(2026, 10, 27, 15, 30).getTime()
    expect(new Date(beginning(7, now))).toEqual(new Date(2026, 10, 21))
    expect(now - beginning(1, now)).toBe(23 * 3_600_000)
  })
})

test.each([[0, '0 bytes'], [999, '999 bytes'], [1500, '1.5 kB'], [2_340_000_000, '2.3 GB']])('%i bytes are %s', (bytes, text) => expect(amount(bytes)).toBe(text))

test('parameters are an object, or nothing', () => {
  expect(readParams(' ')).toEqual({})
  expect(readParams('{"a": [1]}')).toEqual({ a: [1] })
  for (const wrong of ['x', '[1]', 'null', '"a"']) expect(() => readParams(wrong)).toThrow()
})

describe('triggers', () => {
  const shared = { params: { day: 1 }, timeout_s: 5, concurrency_key: null, retries: 2, backoff_s: 30 }

  test('keep every setting through the dialog', () => {
    const settings = { kind: 'webhook', per_minute: 5, max_body: 2048, answer: 'script', wait_s: 5, signed_by: 'hub', signature_header: 'X-Sig', ...shared } as const
    const typed = typedOf({ name: 'n', settings } as never)
    expect(FIELDS.webhook(typed)).toEqual({ per_minute: 5, max_body: 2048, answer: 'script', wait_s: 5, signed_by: 'hub', signature_header: 'X-Sig' })
    expect(typed).toMatchObject({ name: 'n', timeout_s: 5, retries: 2, concurrency_key: '' })
    expect(JSON.parse(typed.params)).toEqual({ day: 1 })
    const schedule = { kind: 'schedule', cron: '* * * * *', zone: 'UTC', missed: 'skip', overlap: 'allow', ...shared } as const
    expect(FIELDS.schedule(typedOf({ name: '', settings: schedule } as never))).toEqual({ cron: '* * * * *', zone: 'UTC', missed: 'skip', overlap: 'allow' })
    expect(FIELDS.after(fresh())).toEqual({ script: '', on: 'succeeded' })
  })

  test('are said in a few words', () => {
    expect(summary({ settings: { kind: 'after', script: 'fetch', on: 'failed', ...shared } as never })).toBe('After fetch has failed')
    expect(summary({ settings: { kind: 'schedule', cron: '0 6 * * *', zone: 'Europe/Berlin', ...shared } as never })).toBe('0 6 * * *, Europe/Berlin')
  })
})
