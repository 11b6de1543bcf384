import { ActionIcon, Box, Button, FileButton, Group, Input, Text, Tooltip } from '@mantine/core'
import { Eye, EyeOff, FileUp } from 'lucide-react'
import { useId, useImperativeHandle, useLayoutEffect, useRef, useState, type DragEvent, type ReactNode, type Ref } from 'react'
import { readTextFile } from './textfile'
import classes from './ValueField.module.css'

/** The value lives in the text area alone: not in React's state, so that no copy of it stays in what React remembers. */
export interface ValueHandle {
  read: () => string
  clear: () => void
  fill: (text: string) => void
  focus: () => void
}

interface Props {
  handle: Ref<ValueHandle>
  label?: string
  /** Shown while the field is empty. */
  hint?: string
  error?: string | undefined
  autoFocus?: boolean
  disabled?: boolean
  /** Beside the label, as the generate menu. */
  actions?: ReactNode
  onEdit?: () => void
}

interface Size {
  bytes: number
  lines: number
  endsWithBreak: boolean
}

const HINT = 'Text of one line or many, up to 1 MiB. Paste it, or drop a text file here.'
const NOTHING: Size = { bytes: 0, lines: 0, endsWithBreak: false }

export function ValueField({ handle, label = 'Value', hint = HINT, error, autoFocus, disabled, actions, onEdit }: Props) {
  const area = useRef<HTMLTextAreaElement>(null)
  const [shown, setShown] = useState(false)
  const [size, setSize] = useState(NOTHING)
  const [over, setOver] = useState(false)
  const [note, setNote] = useState('')
  const id = useId()
  const measure = () => {
    setSize(sizeOf(area.current?.value ?? ''))
    onEdit?.()
  }
  const fill = (text: string) => {
    if (!area.current) return
    area.current.value = text
    setNote('')
    measure()
  }
  const clear = () => {
    fill('')
    setShown(false)
  }
  useImperativeHandle(handle, () => ({ read: () => area.current?.value ?? '', clear, fill, focus: () => area.current?.focus() }))

  // A dialog that is cancelled lets go of its elements later than of what was typed.
  useLayoutEffect(() => {
    const element = area.current
    return () => {
      if (element) element.value = ''
    }
  }, [])

  const take = async (file: File | null | undefined) => {
    if (!file) return
    const { text, problem } = await readTextFile(file)
    if (text === undefined) return setNote(problem ?? '')
    fill(text)
    setNote(text.includes('\r') ? 'Windows line ends (CRLF) become LF.' : '')
    area.current?.focus()
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    if (event.dataTransfer.files.length > 1) return setNote('Drop one file: a secret has one value.')
    void take(event.dataTransfer.files[0])
  }
  const eye = `${shown ? 'Hide' : 'Show'} ${label.toLowerCase()}`
  const withoutBreak = () => fill((area.current?.value ?? '').replace(/\n+$/, ''))

  return (
    <Box>
      <Group justify="space-between" align="end" gap="xs" mb={4}>
        <Input.Label htmlFor={id} labelElement="label">
          {label}
        </Input.Label>
        <Group gap={4}>
          {actions}
          <FileButton onChange={(file) => void take(file)}>
            {(props) => (
              <Button {...props} variant="subtle" size="compact-sm" disabled={disabled} leftSection={<FileUp size={14} aria-hidden />}>
                From file
              </Button>
            )}
          </FileButton>
        </Group>
      </Group>
      <div
        className={classes.frame}
        data-over={over || undefined}
        data-invalid={error ? true : undefined}
        onDragOver={(event) => {
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <textarea
          ref={area}
          id={id}
          className={classes.area}
          data-masked={shown ? undefined : true}
          rows={4}
          required
          disabled={disabled}
          data-autofocus={autoFocus || undefined}
          autoComplete="off"
          autoCorrect="off"
          autoCapitalize="none"
          // A browser may send what it checks to its maker.
          spellCheck={false}
          data-1p-ignore
          data-bwignore
          data-lpignore="true"
          data-form-type="other"
          aria-describedby={`${id}-size ${id}-note`}
          aria-invalid={error ? true : undefined}
          aria-errormessage={error ? `${id}-error` : undefined}
          onInput={() => {
            setNote('')
            measure()
          }}
        />
        <Tooltip label={eye}>
          <ActionIcon className={classes.eye} variant="subtle" color="gray" disabled={disabled} aria-label={eye} aria-pressed={shown} onClick={() => setShown(!shown)}>
            {shown ? <EyeOff size={18} aria-hidden /> : <Eye size={18} aria-hidden />}
          </ActionIcon>
        </Tooltip>
        {over && <div className={classes.over}>Drop a text file here</div>}
      </div>
      {error && (
        <Input.Error id={`${id}-error`} mt={4} role="alert">
          {error}
        </Input.Error>
      )}
      <Text size="xs" c="dimmed" mt={4} id={`${id}-size`}>
        {size.bytes === 0 ? hint : sentence(size)}
      </Text>
      <div id={`${id}-note`} aria-live="polite">
        {note && <Text size="xs">{note}</Text>}
        {label === 'Value' && size.endsWithBreak && (
          <Text size="xs">
            Ends with a line break, which is stored too.{' '}
            <button type="button" className={classes.link} onClick={withoutBreak}>
              Remove it
            </button>
          </Text>
        )}
      </div>
    </Box>
  )
}

function sizeOf(text: string): Size {
  if (text === '') return NOTHING
  const endsWithBreak = text.endsWith('\n')
  return { bytes: new Blob([text]).size, lines: text.split('\n').length - (endsWithBreak ? 1 : 0), endsWithBreak }
}

function sentence({ bytes, lines }: Size): string {
  return `${bytes.toLocaleString()} ${bytes === 1 ? 'byte' : 'bytes'}${lines > 1 ? ` in ${lines.toLocaleString()} lines` : ''}`
}
