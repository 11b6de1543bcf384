import { Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { Dialog, DialogForm } from './Dialog'
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
  const form = useSubmit(async () => {
    await onConfirm()
    onClose()
  })
  return (
    <DialogForm form={form} verb={verb} danger startAtCancel onClose={onClose}>
      <Text size="sm" component="div">
        {children}
      </Text>
    </DialogForm>
  )
}
