import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import type { NewKey } from '../../api/schema'
import { apiUrl } from '../../config'
import { Code } from '../../parts/Code'

/** The secret of a key, the only time that it can be seen. */
export function Secret({ made, close }: { made: NewKey; close: () => void }) {
  return (
    <Stack>
      <Alert variant="light" color="gray" role="status">
        This is the only time that the secret of “{made.name}” is shown. Keep it where secrets are kept.
      </Alert>
      <Code text={made.key} label="the key" />
      <Text size="sm" c="dimmed">
        To try it out:
      </Text>
      <Code text={`curl ${apiUrl}/api/v1/me -H "x-api-key: $KRAI_API_KEY"`} label="the command" />
      <Group justify="flex-end">
        <Button onClick={close}>I have kept it</Button>
      </Group>
    </Stack>
  )
}
