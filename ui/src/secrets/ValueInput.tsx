import { Button, Stack } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Dices } from 'lucide-react'
import type { RefObject } from 'react'
import { GeneratePanel } from './GeneratePanel'
import { ValueField, type ValueHandle } from './ValueField'

interface Props {
  target: RefObject<ValueHandle | null>
  error: string | undefined
  autoFocus?: boolean
  onEdit?: () => void
}

/** The value, and what helps to fill it. */
export function ValueInput({ target, error, autoFocus, onEdit }: Props) {
  const [opened, { toggle }] = useDisclosure(false)
  const button = (
    <Button variant="subtle" size="compact-sm" leftSection={<Dices size={14} aria-hidden />} aria-expanded={opened} onClick={toggle}>
      Generate
    </Button>
  )
  return (
    <Stack gap="sm">
      <ValueField handle={target} error={error} autoFocus={autoFocus} actions={button} onEdit={onEdit} />
      {opened && <GeneratePanel target={target} />}
    </Stack>
  )
}
