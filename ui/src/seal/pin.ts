// The keeper's fingerprint, which is public, remembered by this browser at first sight. It notices a key that was
// exchanged in the database or on the way. It does not protect from a server that serves other pages than these:
// who can change the code that checks can also take the check away. For that, compare with `nightdrop key show`.
import { KeyError } from './identity'

const STORED = 'nightdrop-keeper'

export interface Pins {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

/** Compare the keeper with the remembered one; remember the first. @throws KeyError `changed` */
export function checkPin(keeper: string, pins: Pins | undefined = browserPins()): void {
  const known = pins?.getItem(STORED)
  if (known && known !== keeper) throw new KeyError('changed', known, keeper)
  if (!known) pins?.setItem(STORED, keeper)
}

/** Remember another keeper, after a person has compared its fingerprint. */
export function trustKeeper(keeper: string, pins: Pins | undefined = browserPins()): void {
  pins?.setItem(STORED, keeper)
}

function browserPins(): Pins | undefined {
  try {
    return globalThis.localStorage
  } catch {
    return undefined // blocked by the browser's settings
  }
}
