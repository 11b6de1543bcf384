import type { LineOut, RunState } from '../api/schema'
import type { Run } from './api'

export type Line = LineOut

export interface Listener {
  /** New lines, in order, each once. */
  lines: (lines: Line[]) => void
  state: (state: RunState) => void
  end: (run: Run) => void
  /** The stream is gone for good; a connection that only broke comes back by itself. */
  lost: () => void
}

type Source = Pick<EventSource, 'addEventListener' | 'close' | 'readyState' | 'onerror'>

/**
 * Follow a run's log; returns how to stop.
 *
 * Lines are gathered for a frame, so that thousands in a second are drawn some sixty times. After a break the browser
 * says which line it had last, and the server goes on behind it; what came twice all the same is left out here.
 */
export function follow(run: string, listener: Listener, open: (url: string) => Source = (url) => new EventSource(url), frame: (draw: () => void) => unknown = soon): () => void {
  const source = open(`/api/v1/runs/${encodeURIComponent(run)}/logs/stream`)
  let waiting: Line[] = []
  let last = 0
  let over = false
  const hand = () => {
    const lines = waiting
    waiting = []
    if (lines.length && !over) listener.lines(lines)
  }
  const on = (name: string, act: (data: string) => void) => source.addEventListener(name, (event) => act((event as MessageEvent<string>).data))
  on('log', (data) => {
    const line = JSON.parse(data) as Line
    if (line.seq <= last) return
    last = line.seq
    if (waiting.push(line) === 1) frame(hand)
  })
  on('state', (data) => listener.state((JSON.parse(data) as { state: RunState }).state))
  on('end', (data) => {
    hand()
    source.close()
    listener.end(JSON.parse(data) as Run)
  })
  source.onerror = () => {
    if (source.readyState === 2) listener.lost()
  }
  return () => {
    over = true
    source.close()
  }
}

/** At the next frame; in a tab that is not shown there is none, so at the latest after a while. */
function soon(draw: () => void): void {
  let drawn = false
  const once = () => {
    if (drawn) return
    drawn = true
    clearTimeout(timer)
    draw()
  }
  const timer = setTimeout(once, 250)
  requestAnimationFrame(once)
}
