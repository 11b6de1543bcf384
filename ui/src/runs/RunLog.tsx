import { Alert, Button, Group, Switch, Text, TextInput } from '@mantine/core'
import { useVirtualizer } from '@tanstack/react-virtual'
import { Download, Search } from 'lucide-react'
import { useEffect, useMemo, useReducer, useRef, useState, type ReactNode } from 'react'
import { saveText } from '../ui/save'
import type { Run, State } from './api'
import classes from './RunLog.module.css'
import { follow, type Line } from './stream'

const ROW_PX = 21
const NEAR_PX = 40

interface Props {
  run: string
  onState?: (state: State) => void
  onEnd?: (run: Run) => void
  /** What stands beside the search. */
  aside?: ReactNode
}

/** A run's log as it is written. */
export function RunLog({ run, onState, onEnd, aside }: Props) {
  const { lines, ended, lost, again } = useLines(run, onState, onEnd)
  const [typed, setTyped] = useState('')
  const [following, setFollowing] = useState(true)
  const shown = useMemo(() => matching(lines, typed), [lines, lines.length, typed])
  return (
    <div>
      <Group gap="sm" mb="xs">
        <TextInput size="xs" aria-label="Search the log" placeholder="Search the log" leftSection={<Search size={14} aria-hidden />} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} className={classes.search} autoComplete="off" spellCheck={false} />
        <Text size="xs" c="dimmed" role="status">
          {typed ? `${shown.length.toLocaleString()} of ${lines.length.toLocaleString()} lines` : `${lines.length.toLocaleString()} ${lines.length === 1 ? 'line' : 'lines'}`}
        </Text>
        <Switch size="xs" label="Follow" checked={following} onChange={(event) => setFollowing(event.currentTarget.checked)} />
        <Button size="compact-xs" variant="default" leftSection={<Download size={13} aria-hidden />} disabled={!lines.length} onClick={() => saveText(`${run}.log`, asText(lines))}>
          Download
        </Button>
        {aside}
      </Group>
      {lost && (
        <Alert color="orange" variant="light" mb="xs" role="alert" title="The log is no longer followed.">
          <Button size="xs" variant="default" onClick={again}>
            Try again
          </Button>
        </Alert>
      )}
      <Lines lines={shown} following={following} onFollow={setFollowing} empty={typed ? 'No line has this text.' : ended ? 'The script wrote nothing.' : 'Nothing yet.'} />
    </div>
  )
}

function useLines(run: string, onState?: (state: State) => void, onEnd?: (run: Run) => void) {
  // Thousands of lines a second: they are added to one array, not copied with each that comes.
  const kept = useRef<Line[]>([])
  const [, draw] = useReducer((count: number) => count + 1, 0)
  const [ended, setEnded] = useState(false)
  const [lost, setLost] = useState(false)
  const [attempt, again] = useReducer((count: number) => count + 1, 0)
  const told = useRef({ onState, onEnd })
  useEffect(() => {
    told.current = { onState, onEnd }
  })
  useEffect(() => {
    kept.current = []
    setEnded(false)
    setLost(false)
    draw()
    return follow(run, {
      lines: (lines) => {
        kept.current.push(...lines)
        draw()
      },
      state: (state) => told.current.onState?.(state),
      end: (last) => {
        setEnded(true)
        told.current.onEnd?.(last)
      },
      lost: () => setLost(true),
    })
  }, [run, attempt])
  return { lines: kept.current, ended, lost, again }
}

function Lines({ lines, following, onFollow, empty }: { lines: Line[]; following: boolean; onFollow: (on: boolean) => void; empty: string }) {
  const place = useRef<HTMLDivElement>(null)
  const rows = useVirtualizer({ count: lines.length, getScrollElement: () => place.current, estimateSize: () => ROW_PX, overscan: 10, getItemKey: (index) => lines[index]?.seq ?? index })
  useEffect(() => {
    if (following && lines.length) rows.scrollToIndex(lines.length - 1, { align: 'end' })
  }, [following, lines.length, rows])
  const items = rows.getVirtualItems()
  return (
    <div
      ref={place}
      className={classes.lines}
      role="log"
      aria-label="Log"
      // Thousands of lines a second are not read aloud; who wants them goes there.
      aria-live="off"
      tabIndex={0}
      onWheel={({ deltaY, currentTarget }) => {
        if (deltaY < 0) onFollow(false)
        else if (currentTarget.scrollHeight - currentTarget.scrollTop - currentTarget.clientHeight < NEAR_PX) onFollow(true)
      }}
    >
      {!lines.length && <Text size="sm" c="dimmed" p="xs">{empty}</Text>}
      <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
        <div style={{ position: 'absolute', insetInline: 0, top: items[0]?.start ?? 0 }}>
          {items.map((item) => {
            const line = lines[item.index]!
            return (
              <div key={item.key} ref={rows.measureElement} data-index={item.index} data-level={line.level} className={classes.line}>
                <time dateTime={new Date(line.at_ms).toISOString()}>{clock(line.at_ms)}</time>
                {line.level !== 'info' && <b>{line.level === 'warn' ? 'Warning' : 'Error'}</b>}
                <span>{line.text}</span>
              </div>
            )
          })}
        </div>
      </div>
    </div>
  )
}

function matching(lines: Line[], text: string): Line[] {
  if (!text) return lines
  const wanted = text.toLowerCase()
  return lines.filter((line) => line.text.toLowerCase().includes(wanted))
}

function clock(ms: number): string {
  const at = new Date(ms)
  return `${at.toLocaleTimeString('en-GB')}.${String(at.getMilliseconds()).padStart(3, '0')}`
}

function asText(lines: Line[]): string {
  return lines.map((line) => `${new Date(line.at_ms).toISOString()} ${line.level} ${line.text}\n`).join('')
}
