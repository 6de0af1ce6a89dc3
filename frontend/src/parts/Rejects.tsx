import { Anchor, Button, Group, Skeleton, Table, Text } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { FINISHED, rejectsQuery } from '../api/jobs'
import { ProblemError } from '../api/problem'
import type { JobAnswer, Reject } from '../api/schema'
import { rows } from '../words/format'
import { Failure } from './Failure'
import { IconDownload } from './icons'
import { Section } from './Page'

/** The rows that an import has refused, each with its reason. */
export function Rejects({ job }: { job: JobAnswer }) {
  if (job.type !== 'import' || !FINISHED.has(job.status)) return null
  if (job.records_rejected === 0 && job.error?.code !== 'too_many_rejects') return null
  return <Listed job={job} />
}

function Listed({ job }: { job: JobAnswer }) {
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(rejectsQuery(job))
  if (error) return error instanceof ProblemError && error.code === 'result_expired' ? null : <Failure error={error} />
  if (isPending) return <Skeleton height={140} radius="lg" />
  const found = data.pages.flatMap((page) => page.errors)
  const first = data.pages[0]
  if (!first || first.total === 0) return null
  return (
    <Section
      title={first.total === 1 ? 'One rejected row' : `${rows(first.total)} rejected rows`}
      actions={
        first.rejects_url && (
          <Anchor href={first.rejects_url} size="sm">
            <IconDownload /> Download, to mend and import again
          </Anchor>
        )
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
      <div className="scrolls" tabIndex={0} role="region" aria-label="Rejected rows">
        <Table verticalSpacing="xs" className="numbers">
          <Table.Thead>
            <Table.Tr>
              <Table.Th ta="right">Row</Table.Th>
              <Table.Th>Column</Table.Th>
              <Table.Th>Reason</Table.Th>
              <Table.Th>As it came</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {found.map((reject) => (
              <Table.Tr key={reject.row}>
                <Table.Td ta="right">{rows(reject.row)}</Table.Td>
                <Table.Td className="mono">{reject.column ?? '–'}</Table.Td>
                <Table.Td>
                  {reject.detail}
                  <Text size="xs" c="dimmed" className="mono">
                    {reject.code}
                  </Text>
                </Table.Td>
                <Table.Td className="mono raw">{rawOf(reject)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {rows(found.length)} of {rows(first.total)}
        </Text>
        {hasNextPage && (
          <Button variant="default" size="xs" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show more
          </Button>
        )}
      </Group>
    </Section>
  )
}

const LONGEST = 300

function rawOf({ raw, raw_base64: encoded, raw_cut: cut }: Reject): string {
  const text = typeof raw === 'string' ? raw : JSON.stringify(raw)
  const shown = text.length > LONGEST || cut ? `${text.slice(0, LONGEST)}…` : text
  return encoded ? `base64: ${shown}` : shown
}
