import { Alert, Button, Code, Stack, Text } from '@mantine/core'
import { ShieldAlert } from 'lucide-react'
import { useState } from 'react'
import { KeyError } from '../seal/identity'
import { trustKeeper } from '../seal/pin'

/** Another keeper than this browser remembers: a person compares before anything is sealed to it. */
export function KeyProblem({ error }: { error: unknown }) {
  const [trusted, setTrusted] = useState<string>()
  if (!(error instanceof KeyError) || error.failure !== 'changed') return null
  if (trusted === error.met) return <Alert color="night">The new key is remembered. Save again.</Alert>
  return (
    <Alert color="red" role="alert" icon={<ShieldAlert aria-hidden />} title="The server's key is not the one this browser knows">
      <Stack gap="xs">
        <Text size="sm">
          Nothing was sent. This is expected only if the server was set up anew. Compare on the server with <Code>nightdrop key show</Code>.
        </Text>
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          Known: <Code>{error.expected}</Code>
          <br />
          Now: <Code>{error.met}</Code>
        </Text>
        <div>
          <Button
            size="xs"
            color="red"
            variant="light"
            onClick={() => {
              trustKeeper(error.met)
              setTrusted(error.met)
            }}
          >
            I compared it: trust the new key
          </Button>
        </div>
      </Stack>
    </Alert>
  )
}
