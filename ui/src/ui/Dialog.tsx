import { Modal, type ModalRootProps } from '@mantine/core'
import type { ReactNode } from 'react'

interface Props extends Omit<ModalRootProps, 'title' | 'children'> {
  title: string
  children: ReactNode
}

/** Closes with Esc and its button, not with a stray click: what was typed would be lost. */
export function Dialog({ title, children, ...rest }: Props) {
  return (
    <Modal.Root closeOnClickOutside={false} transitionProps={{ duration: 0 }} {...rest}>
      <Modal.Overlay />
      <Modal.Content>
        {/* A header element would be a second banner of the page. */}
        <Modal.Header role="presentation">
          <Modal.Title fw={700}>{title}</Modal.Title>
          <Modal.CloseButton aria-label="Close" />
        </Modal.Header>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}
