import { Stack, Switch, Text } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { useSyncExternalStore } from 'react'
import { Dialog } from './Dialog'
import { KeysTable } from './KeysTable'

// Single keys can be switched off (WCAG 2.1.4); for as long as the page stays open, as nothing is stored.
let on = true
const listeners = new Set<() => void>()

function setOn(next: boolean): void {
  on = next
  for (const listener of listeners) listener()
}

function useShortcutsOn(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => on,
  )
}

/** Keys that work while no field and no dialog has the focus. */
export function useShortcuts(keys: [string, () => void][]): void {
  const enabled = useShortcutsOn()
  const guarded = keys.map(([key, act]): [string, () => void] => [
    key,
    () => {
      if (!document.querySelector('[role=dialog], [role=menu]')) act()
    },
  ])
  // On many keyboards the signs need Shift; a letter with Shift is another key.
  const shifted = guarded.filter(([key]) => !/[a-z]/.test(key)).map(([key, act]): [string, () => void] => [`shift+${key}`, act])
  useHotkeys(enabled ? [...guarded, ...shifted] : [])
}

const KEYS: [string, string][] = [
  ['/', 'Search'],
  ['n', 'Add a secret'],
  ['?', 'This list'],
  ['Esc', 'Close a dialog, or clear the search'],
  ['↑ ↓', 'The same action of the row above or below'],
]

export function ShortcutsDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const enabled = useShortcutsOn()
  return (
    <Dialog opened={opened} onClose={onClose} title="Keyboard shortcuts" closeOnClickOutside>
      <Stack gap="md">
        <KeysTable label="Keyboard shortcuts" keys={KEYS} />
        <Switch label="Use single keys as shortcuts" checked={enabled} onChange={(event) => setOn(event.currentTarget.checked)} />
        <Text size="xs" c="dimmed">
          Until the page is reloaded.
        </Text>
      </Stack>
    </Dialog>
  )
}
