import { Button, Fieldset, Group, NumberInput, Radio, Select, Stack, Text } from '@mantine/core'
import { useState, type RefObject } from 'react'
import { CopyLine } from '../ui/CopyLine'
import { ageKey, ALPHABETS, MAX_LENGTH, MIN_LENGTH, randomText, strength, type Alphabet } from './generate'
import type { ValueHandle } from './ValueField'

type Kind = 'text' | 'age'

/** Puts a new random value into the field. */
export function GeneratePanel({ target }: { target: RefObject<ValueHandle | null> }) {
  const [kind, setKind] = useState<Kind>('text')
  const [length, setLength] = useState(32)
  const [alphabet, setAlphabet] = useState<Alphabet>('letters and digits')
  const [recipient, setRecipient] = useState('')
  const [failed, setFailed] = useState(false)

  const generate = async () => {
    setFailed(false)
    setRecipient('')
    if (kind === 'text') return target.current?.fill(randomText(length, ALPHABETS[alphabet]))
    try {
      const made = await ageKey()
      target.current?.fill(made.secret)
      setRecipient(made.recipient)
    } catch {
      setFailed(true)
    }
  }

  return (
    <Fieldset legend="Generate a value" p="sm" m={0}>
      <Stack gap="sm">
        <Radio.Group aria-label="Kind of value" value={kind} onChange={(next) => setKind(next as Kind)}>
          <Group gap="md">
            <Radio value="text" label="Random text" />
            <Radio value="age" label="age key, for files (OTFE)" />
          </Group>
        </Radio.Group>
        {kind === 'text' && (
          <Group align="end" gap="sm">
            <NumberInput label="Length" w={100} min={MIN_LENGTH} max={MAX_LENGTH} clampBehavior="strict" allowDecimal={false} value={length} onChange={(next) => setLength(Number(next) || MIN_LENGTH)} />
            <Select label="Made of" flex="1 1 200px" allowDeselect={false} data={Object.keys(ALPHABETS)} value={alphabet} onChange={(next) => next && setAlphabet(next as Alphabet)} />
          </Group>
        )}
        <Group gap="sm">
          <Button variant="light" size="xs" onClick={() => void generate()}>
            Generate
          </Button>
          <Text size="xs" c="dimmed">
            {kind === 'text' ? `${strength(length, ALPHABETS[alphabet])} bits. It replaces what is in Value.` : 'The secret half goes into Value; it replaces what is there.'}
          </Text>
        </Group>
        {recipient && (
          <div role="status">
            <CopyLine label="Public half: give it to those who encrypt files for this key. It is not stored." text={recipient} />
          </div>
        )}
        {failed && (
          <Text size="sm" c="red" role="alert">
            The key generator did not load. Try again.
          </Text>
        )}
      </Stack>
    </Fieldset>
  )
}
