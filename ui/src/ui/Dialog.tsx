import { Button, Modal, Stack, type ModalRootProps } from '@mantine/core'
import { useEffect, useRef, type FormEvent, type ReactNode } from 'react'
import classes from './Dialog.module.css'
import { Problem } from './Problem'

interface Props extends Omit<ModalRootProps, 'title' | 'children'> {
  title: string
  children: ReactNode
}

/** Closes with Esc and its button, not with a stray click: what was typed would be lost. */
export function Dialog({ title, children, ...rest }: Props) {
  return (
    <Modal.Root closeOnClickOutside={false} className={classes.root} xOffset="var(--dialog-x)" yOffset="var(--dialog-y)" transitionProps={{ duration: 0 }} {...rest}>
      <Modal.Overlay />
      <Modal.Content className={classes.content}>
        {/* A header element would be a second banner of the page. */}
        <Modal.Header role="presentation">
          <Modal.Title fw={700} className={classes.title}>
            {title}
          </Modal.Title>
          <Modal.CloseButton aria-label="Close" />
        </Modal.Header>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}

interface FormProps {
  /** What `useSubmit` gave. */
  form: { busy: boolean; error: unknown; submit: (event: FormEvent<HTMLFormElement>) => void }
  /** What has to be seen before the button is pressed. */
  notice?: ReactNode
  /** The fields that show their errors themselves. */
  fields?: string[]
  /** What the button says and does; without it there is nothing to do but to close. */
  verb: string | undefined
  danger?: boolean
  disabled?: boolean
  /** Where to start when nothing is to be typed. */
  startAtCancel?: boolean
  onClose: () => void
  children: ReactNode
}

/** What a dialog asks for, and the buttons below. A field that is wrong gets the focus. */
export function DialogForm({ form, notice, fields, verb, danger, disabled, startAtCancel, onClose, children }: FormProps) {
  const { busy, error, submit } = form
  const element = useRef<HTMLFormElement>(null)
  useEffect(() => {
    if (error) element.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
  }, [error])
  return (
    <form ref={element} onSubmit={submit} noValidate autoComplete="off">
      <Stack gap="md">
        {children}
        <DialogFooter
          notice={
            <>
              {notice}
              <Problem error={error} fields={fields} />
            </>
          }
        >
          <Button variant="default" onClick={onClose} data-autofocus={startAtCancel || undefined}>
            {verb ? 'Cancel' : 'Close'}
          </Button>
          {verb && (
            <Button type="submit" color={danger ? 'danger' : undefined} loading={busy} disabled={disabled}>
              {verb}
            </Button>
          )}
        </DialogFooter>
      </Stack>
    </form>
  )
}

/** The buttons of a dialog stay in sight while what is above them scrolls; so does what has to be read first. */
export function DialogFooter({ notice, children }: { notice?: ReactNode; children: ReactNode }) {
  return (
    <Stack gap="sm" className={classes.footer}>
      {notice}
      <div className={classes.buttons}>{children}</div>
    </Stack>
  )
}
