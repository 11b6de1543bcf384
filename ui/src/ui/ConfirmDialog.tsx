import { Button, Group, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { Dialog } from './Dialog'
import { Problem } from './Problem'
import { useSubmit } from './useSubmit'

interface Props {
  opened: boolean
  title: string
  children: ReactNode
  /** What the button says and does. */
  verb: string
  onConfirm: () => Promise<void>
  onClose: () => void
}

/** Asks before something that cannot be taken back. */
export function ConfirmDialog({ opened, onClose, title, ...rest }: Props) {
  return (
    <Dialog opened={opened} onClose={onClose} title={title}>
      {opened && <Question onClose={onClose} {...rest} />}
    </Dialog>
  )
}

function Question({ children, verb, onConfirm, onClose }: Omit<Props, 'opened' | 'title'>) {
  const { busy, error, submit } = useSubmit(async () => {
    await onConfirm()
    onClose()
  })
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <Text size="sm" component="div">
          {children}
        </Text>
        <Problem error={error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button type="submit" color="danger" loading={busy}>
            {verb}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
