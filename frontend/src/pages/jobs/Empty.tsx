import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { apiUrl } from '../../config'
import { Code } from '../../parts/Code'
import { curl } from '../../words/request'

/** Where there is no job, and how there will be one. */
export function Empty({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return (
      <Stack className="panel" align="center" py="xl" gap="xs">
        <Title order={2}>No job fits these filters</Title>
        <Text c="dimmed">Jobs are kept for a while after they have finished, and then forgotten.</Text>
        <Button component={Link} to="/" variant="light" mt="xs">
          Show all jobs
        </Button>
      </Stack>
    )
  }
  return (
    <Stack className="panel" py="xl" gap="md">
      <div>
        <Title order={2}>Nothing has been exported or imported yet</Title>
        <Text c="dimmed" mt={4}>
          Begin here, or from a terminal with an API key:
        </Text>
      </div>
      <Group gap="xs">
        <Button component={Link} to="/exports/new">
          Export a dataset
        </Button>
        <Button component={Link} to="/imports/new" variant="default">
          Import a file
        </Button>
      </Group>
      <Code label="the command" text={curl(apiUrl, '/api/v1/exports', { dataset: 'users' })} />
    </Stack>
  )
}
