import { Button, Code, List, Paper, Stack, Text, Title } from '@mantine/core'
import { Plus } from 'lucide-react'

export function EmptySecrets({ editable, onAdd }: { editable: boolean; onAdd: () => void }) {
  return (
    <Paper withBorder p={{ base: 'md', sm: 'xl' }}>
      <Stack gap="md" align="flex-start">
        <Title order={2} size="h4">
          No secrets yet
        </Title>
        <Text size="sm" maw="70ch">Keep API keys, passwords and passphrases here instead of in scripts, where everybody who may read scripts could read them.</Text>
        <List type="ordered" size="sm" spacing="xs">
          <List.Item>Add a secret: a name such as <Code>my-api-key</Code>, and its value.</List.Item>
          <List.Item>
            Get it in a script: <Code>var key = GetSecret("my-api-key");</Code>
          </List.Item>
          <List.Item>To change it, update its value. To rename it, delete it and add it anew.</List.Item>
        </List>
        {editable ? (
          <Button leftSection={<Plus size={16} aria-hidden />} onClick={onAdd}>
            Add Secret
          </Button>
        ) : (
          <Text c="dimmed">You may not add secrets in this site. Ask a super admin for secrets:edit.</Text>
        )}
      </Stack>
    </Paper>
  )
}
