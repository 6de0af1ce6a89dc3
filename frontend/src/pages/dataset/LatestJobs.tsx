import { Text } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { FINISHED, jobsQuery } from '../../api/jobs'
import type { JobAnswer } from '../../api/schema'
import { Ago } from '../../parts/Ago'
import { JobStatus } from '../../parts/JobStatus'
import { Listing, Loaded } from '../../parts/Listing'
import { Section } from '../../parts/Page'
import { rows } from '../../words/format'
import { kindWord } from '../../words/job'

const SHOWN = 10
const ASK_AGAIN_MS = 3000

/** What was asked for lately of the dataset; asked again while one of them runs. */
export function LatestJobs({ name }: { name: string }) {
  const query = useInfiniteQuery({
    ...jobsQuery({ dataset: name }),
    select: ({ pages }) => pages.flatMap((page) => page.jobs).slice(0, SHOWN),
    refetchInterval: ({ state }) => (state.data?.pages[0]?.jobs.every(isFinished) === false ? ASK_AGAIN_MS : false),
  })
  return (
    <Section
      title="Latest jobs"
      actions={
        <Link to="/" search={{ dataset: name }}>
          All of them
        </Link>
      }
    >
      <Loaded
        query={query}
        empty={
          <Text size="sm" c="dimmed">
            None is on record; jobs are forgotten a while after they have finished.
          </Text>
        }
      >
        {(jobs) => (
          <Listing
            label="Latest jobs"
            items={jobs}
            keyOf={(job) => job.job_id}
            columns={[
              {
                name: 'Job',
                cell: (job) => (
                  <Link to="/jobs/$jobId" params={{ jobId: job.job_id }} className="plain-link">
                    <b>{kindWord(job)}</b> <span className="mono quiet">{job.job_id.slice(0, 8)}</span>
                  </Link>
                ),
              },
              { name: 'Status', cell: (job) => <JobStatus job={job} /> },
              { name: 'Rows', right: true, cell: (job) => rows(job.records_processed) },
              { name: 'Created', cell: (job) => <Ago at={job.created_at} /> },
            ]}
          />
        )}
      </Loaded>
    </Section>
  )
}

function isFinished(job: JobAnswer): boolean {
  return FINISHED.has(job.status)
}
