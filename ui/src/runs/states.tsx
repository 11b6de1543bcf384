import { Badge } from '@mantine/core'
import { Ban, CircleCheck, CircleHelp, CircleX, Clock, Hourglass, LoaderCircle, OctagonX } from 'lucide-react'
import type { Run, State } from './api'

interface Look {
  label: string
  colour: string
  icon: typeof Clock
  /** What it means, for who has not seen it before. */
  meaning: string
}

export const STATES: Record<State, Look> = {
  queued: { label: 'Queued', colour: 'gray', icon: Clock, meaning: 'It waits for its turn.' },
  running: { label: 'Running', colour: 'night', icon: LoaderCircle, meaning: 'It is at work.' },
  succeeded: { label: 'Succeeded', colour: 'green', icon: CircleCheck, meaning: 'The script came to its end.' },
  failed: { label: 'Failed', colour: 'red', icon: CircleX, meaning: 'The script threw an error, or could not be started.' },
  timed_out: { label: 'Timed out', colour: 'orange', icon: Hourglass, meaning: 'It took longer than it may.' },
  killed: { label: 'Killed', colour: 'red', icon: OctagonX, meaning: 'It went over a limit.' },
  cancelled: { label: 'Cancelled', colour: 'gray', icon: Ban, meaning: 'Somebody stopped it.' },
  lost: { label: 'Lost', colour: 'orange', icon: CircleHelp, meaning: 'Its host died; nobody knows how far it came.' },
}

export const STATE_OPTIONS = Object.entries(STATES).map(([value, { label }]) => ({ value, label }))

export function StateBadge({ state }: { state: State }) {
  const { label, colour, icon: Icon } = STATES[state]
  return (
    <Badge color={colour} variant="light" leftSection={<Icon size={12} aria-hidden />}>
      {label}
    </Badge>
  )
}

/** Why a run ended as it did, in one sentence; empty when all is well. */
export function cause({ state, reason, error }: Pick<Run, 'state' | 'reason' | 'error'>): string {
  if (error?.message) return `${error.line ? `Line ${error.line}${error.column ? `:${error.column}` : ''}: ` : ''}${error.message}`
  // A reason that is the state in other letters says nothing more.
  if (reason && reason.toLowerCase() !== STATES[state].label.toLowerCase()) return reason
  return state === 'succeeded' || state === 'queued' || state === 'running' ? '' : STATES[state].meaning
}

/** `1.2 s`, of milliseconds. */
export function duration(ms: number): string {
  if (ms < 1000) return `${ms} ms`
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor((whole % 3600) / 60)
  return hours ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`
}

/** `1.2 MB`, in powers of 1000. */
export function amount(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1000
    unit++
  }
  return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`
}
