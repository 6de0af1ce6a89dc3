import { Skeleton, Stack, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { resultQuery } from '../../api/jobs'
import type { ForecastResult, JobAnswer } from '../../api/schema'
import { Failure, ToldFailure } from '../../parts/Failure'
import { Headway } from '../../parts/Headway'
import { Section } from '../../parts/Page'
import { Rejects } from '../../parts/Rejects'
import { useJob } from '../../parts/useJob'
import { rows } from '../../words/format'

/** What the import would do, by the dry run `jobId`. */
export function Forecast({ jobId, stale }: { jobId: string; stale: boolean }) {
  const { data: job, error } = useJob(jobId)
  if (error) return <Failure error={error} />
  if (!job) return <Skeleton height={160} radius="lg" />
  return (
    <Stack gap="lg" style={stale ? { opacity: 0.55 } : {}}>
      {job.status !== 'COMPLETED' && <Headway job={job} />}
      {job.error && <ToldFailure told={job.error} remedied />}
      {job.status === 'COMPLETED' && <Told job={job} />}
      <Rejects job={job} />
    </Stack>
  )
}

function Told({ job }: { job: JobAnswer }) {
  const { data, error } = useQuery(resultQuery(job))
  if (error) return <Failure error={error} />
  if (data?.type !== 'import' || !('schema' in data)) return <Skeleton height={160} radius="lg" />
  return <Counts forecast={data} />
}

function Counts({ forecast }: { forecast: ForecastResult }) {
  const counts = [
    ['Rows to insert', forecast.records_inserted],
    ['Rows to update', forecast.records_updated],
    ['Rows to reject', forecast.records_rejected],
  ] as const
  return (
    <Section title="What would happen">
      <dl className="figures">
        {counts.map(([name, number]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{rows(number)}</dd>
          </div>
        ))}
      </dl>
      <Text size="sm" c="dimmed">
        The dataset would have these columns:
      </Text>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
      <div className="scrolls" tabIndex={0} role="region" aria-label="Columns">
        <Table verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Column</Table.Th>
              <Table.Th>Type</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {forecast.schema.map((column) => (
              <Table.Tr key={column.name}>
                <Table.Td>{column.name}</Table.Td>
                <Table.Td className="mono">{column.type}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Section>
  )
}
