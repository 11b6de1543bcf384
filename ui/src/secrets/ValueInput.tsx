import { Button, Stack } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Dices } from 'lucide-react'
import type { RefObject } from 'react'
import { fieldError } from '../ui/Problem'
import type { useSubmit } from '../ui/useSubmit'
import { GeneratePanel } from './GeneratePanel'
import { ValueField, type ValueHandle } from './ValueField'

interface Props {
  target: RefObject<ValueHandle | null>
  form: Pick<ReturnType<typeof useSubmit>, 'error' | 'edited'>
  autoFocus?: boolean
}

/** The value, and what helps to fill it. */
export function ValueInput({ target, form, autoFocus }: Props) {
  const [opened, { toggle }] = useDisclosure(false)
  const button = (
    <Button variant="subtle" size="compact-sm" leftSection={<Dices size={14} aria-hidden />} aria-expanded={opened} onClick={toggle}>
      Generate
    </Button>
  )
  return (
    <Stack gap="sm">
      <ValueField handle={target} error={fieldError(form.error, 'value')} autoFocus={autoFocus} actions={button} onEdit={() => form.edited('value')} />
      {opened && <GeneratePanel target={target} />}
    </Stack>
  )
}
