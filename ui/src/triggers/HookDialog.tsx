import { Button, Stack, Text } from '@mantine/core'
import { CopyLine } from '../ui/CopyLine'
import { Dialog, DialogFooter } from '../ui/Dialog'

/** The address of a webhook, shown once. */
export function HookDialog({ hook, onClose }: { hook: string | null; onClose: () => void }) {
  return (
    <Dialog opened={hook !== null} onClose={onClose} title="Address of the webhook">
      {hook !== null && (
        <Stack gap="md">
          <Text size="sm">Whoever knows it can start the script. It is shown only now: copy it.</Text>
          <CopyLine text={`${window.location.origin}${hook}`} label="Address" />
          <DialogFooter>
            <Button onClick={onClose}>Done</Button>
          </DialogFooter>
        </Stack>
      )}
    </Dialog>
  )
}
