import { Dialog } from '../ui/Dialog'
import { KeysTable } from '../ui/KeysTable'

const KEYS: [string, string][] = [
  ['Ctrl S', 'Save'],
  ['Ctrl Enter', 'Save and run'],
  ['Shift Alt F', 'Format the code'],
  ['Ctrl Space', 'Complete a name'],
  ['Ctrl F', 'Find and replace'],
  ['Ctrl Shift M', 'List what is marked'],
  ['F8', 'Go to the next mark'],
  ['Ctrl /', 'Make lines comments, or code again'],
  ['Alt ↑ ↓', 'Move lines'],
  ['Ctrl Z', 'Take the last step back'],
  ['Esc, then Tab', 'Leave the editor'],
]

export function EditorKeysDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Dialog opened={opened} onClose={onClose} title="Keys of the editor" closeOnClickOutside>
      <KeysTable label="Keys of the editor" keys={KEYS} />
    </Dialog>
  )
}
