import { Alert, Button, Stack } from '@mantine/core'
import { CopyLine } from '../ui/CopyLine'
import { DialogFooter } from '../ui/Dialog'

export function RecoveryCodes({ codes, onClose }: { codes: string[]; onClose: () => void }) {
  const save = () => {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([`${codes.join('\n')}\n`], { type: 'text/plain' }))
    link.download = 'nightdrop-recovery-codes.txt'
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 1000)
  }
  return (
    <Stack gap="md">
      <Alert color="green" title="The authenticator app is on">
        Keep these recovery codes where you keep other papers. Each lets you in once if you lose the device. They are not shown again.
      </Alert>
      <CopyLine label="Recovery codes" text={codes.join('\n')} />
      <DialogFooter>
        <Button variant="default" onClick={save}>
          Save as a file
        </Button>
        <Button onClick={onClose} data-autofocus>
          I have kept them
        </Button>
      </DialogFooter>
    </Stack>
  )
}
