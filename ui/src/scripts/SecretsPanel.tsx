import { Anchor, Badge, Code, Stack, Text } from '@mantine/core'
import { Link } from 'react-router'
import { List } from '../ui/List'
import type { Check, Script } from './api'

interface Props {
  site: string
  script: Script
  check: Check | null
  dirty: boolean
}

/** The secrets that a script names, and whether they are there. */
export function SecretsPanel({ site, script, check, dirty }: Props) {
  const missing = new Set(check?.missing ?? [])
  return (
    <Stack gap="sm">
      <Text size="sm">
        {script.secrets.length ? 'The code names these secrets' : 'The code names no secret'}
        {dirty && ', as it was saved last'}. A comment line <Code>// requires: a, b</Code> at its top fails a run at once when one of them is missing.
      </Text>
      {script.computed_names && <Text size="sm">It also puts names together while it runs, so it may use any secret of the site.</Text>}
      {script.secrets.length > 0 && (
        <List framed>
          {script.secrets.map((name) => (
            <li key={name}>
              <Text span ff="monospace" size="sm">
                {name}
              </Text>
              {missing.has(name) && (
                <>
                  <Badge ml="sm" color="orange" variant="light">
                    Missing
                  </Badge>{' '}
                  <Anchor component={Link} size="sm" underline="always" to={`/sites/${site}/secrets`}>
                    Add it under Secrets
                  </Anchor>
                </>
              )}
            </li>
          ))}
        </List>
      )}
    </Stack>
  )
}
