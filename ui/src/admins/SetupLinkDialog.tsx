import { Alert, Button, Stack, Text } from '@mantine/core'
import type { SetupLinkOut } from '../api/schema'
import { CopyLine } from '../ui/CopyLine'
import { Dialog, DialogFooter } from '../ui/Dialog'
import { exactly } from '../ui/time'

interface Props {
  invited: { name: string; link: SetupLinkOut } | null
  onClose: () => void
}

export function SetupLinkDialog({ invited, onClose }: Props) {
  return (
    <Dialog opened={invited !== null} onClose={onClose} title={`Set-up link for ${invited?.name ?? ''}`} size="lg">
      {invited && (
        <Stack gap="md">
          <Alert color="green">Give this link to {invited.name} in a safe way. It works once and is not shown again.</Alert>
          <CopyLine label="Link" text={`${window.location.origin}${invited.link.path}`} />
          <Text size="xs" c="dimmed">
            It works until {exactly(invited.link.expires_ms)}.
          </Text>
          <DialogFooter>
            <Button onClick={onClose} data-autofocus>
              I have copied it
            </Button>
          </DialogFooter>
        </Stack>
      )}
    </Dialog>
  )
}
