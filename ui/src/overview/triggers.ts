import type { Trigger } from '../triggers/api'

const SHOWN = 5

/** The triggers that fire next, the first one first. */
export function comingUp(triggers: Trigger[]): Trigger[] {
  return triggers
    .filter((one) => one.enabled && one.next_ms !== null)
    .toSorted((a, b) => a.next_ms! - b.next_ms!)
    .slice(0, SHOWN)
}

/** Those that cannot do what they are for. */
export function inTrouble(triggers: Trigger[]): Trigger[] {
  return triggers.filter((one) => one.enabled && one.problem).slice(0, SHOWN)
}
