import { Button, Group, Stack, Text } from '@mantine/core'
import { Link, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import type { JobFilters } from '../../api/jobs'
import type { Connection } from '../../api/live'
import { Failure } from '../../parts/Failure'
import { IconExport, IconImport } from '../../parts/icons'
import { Page } from '../../parts/Page'
import { Bulk } from './Bulk'
import { Empty } from './Empty'
import { Filters } from './Filters'
import { type Chosen, JobsTable } from './JobsTable'
import { useJobs } from './useJobs'

export default function Jobs() {
  const search = useSearch({ from: '/inside/' })
  const { type, status, dataset, label } = search
  const filters = useMemo<JobFilters>(
    () => ({ ...(type && { type }), ...(status && { status }), ...(dataset && { dataset }), ...(label && { label }) }),
    [type, status, dataset, label],
  )
  const found = useJobs(filters)
  const [chosen, setChosen] = useState<Chosen>({})
  const filtered = Object.keys(filters).length > 0
  return (
    <Page title="Jobs" subtitle={<Live connection={found.connection} />} actions={<NewJob />}>
      <Stack gap="sm">
        <Filters filters={filters} />
        <Bulk jobs={found.jobs} chosen={chosen} clear={() => setChosen({})} />
        {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
        {found.isSuccess && found.jobs.length === 0 ? (
          <Empty filtered={filtered} />
        ) : (
          <JobsTable
            jobs={found.jobs}
            loading={found.isPending}
            more={found.hasNextPage && !found.isFetchingNextPage}
            fetchMore={found.fetchNextPage}
            chosen={chosen}
            choose={setChosen}
          />
        )}
        {found.isFetchingNextPage && (
          <Text size="sm" c="dimmed" ta="center" role="status">
            Older jobs are coming …
          </Text>
        )}
      </Stack>
    </Page>
  )
}

function NewJob() {
  return (
    <>
      <Button component={Link} to="/imports/new" variant="default" leftSection={<IconImport />}>
        New import
      </Button>
      <Button component={Link} to="/exports/new" leftSection={<IconExport />}>
        New export
      </Button>
    </>
  )
}

const WORDS: Record<Connection, string> = {
  connecting: 'Connecting …',
  live: 'Live',
  asking: 'Live, every two seconds',
  lost: 'Connection lost, trying again …',
}

function Live({ connection }: { connection: Connection }) {
  const status =
    connection === 'live' || connection === 'asking' ? 'COMPLETED' : connection === 'lost' ? 'FAILED' : 'PENDING'
  return (
    <Group gap="xs" role="status">
      <span className="status" data-status={status}>
        {WORDS[connection]}
      </span>
    </Group>
  )
}
