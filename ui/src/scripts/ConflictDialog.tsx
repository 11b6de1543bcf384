import { Button, Loader, Stack, Text } from '@mantine/core'
import { lazy, Suspense } from 'react'
import { Dialog, DialogFooter } from '../ui/Dialog'
import type { Opened } from './api'

const Comparison = lazy(() => import('./editor/Comparison'))
const LABELS: [string, string] = ['Stored meanwhile', 'Yours']

interface Props {
  opened: boolean
  theirs: Opened | null
  mine: () => string
  onTheirs: () => void
  onMine: () => Promise<void>
  onClose: () => void
}

/** Somebody else stored the script while it was edited here: shows both. */
export function ConflictDialog({ opened, theirs, mine, onTheirs, onMine, onClose }: Props) {
  return (
    <Dialog opened={opened} onClose={onClose} title="Somebody else has saved this script" size="80rem">
      {theirs && (
        <Stack gap="md">
          <Text size="sm">
            {theirs.script.pushed_by} stored version {theirs.script.version} after you opened the script. On the left is that version, on the right what you have. Nothing
            is lost: every version that was saved can be restored.
          </Text>
          <Suspense fallback={<Loader size="sm" role="img" aria-label="Loading" />}>
            <Comparison before={theirs.script.code} after={mine()} wide labels={LABELS} />
          </Suspense>
          <DialogFooter>
            <Button variant="default" onClick={onClose}>
              Go on editing
            </Button>
            <Button variant="default" onClick={onTheirs}>
              Take theirs
            </Button>
            <Button onClick={() => void onMine()}>Save mine over it</Button>
          </DialogFooter>
        </Stack>
      )}
    </Dialog>
  )
}
