import { Badge, Group, Skeleton, Stack } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import { ProblemError } from '../../api/problem'
import type { JobAnswer } from '../../api/schema'
import { Ago } from '../../parts/Ago'
import { Copy } from '../../parts/Code'
import { Failure, ToldFailure } from '../../parts/Failure'
import { PageMissing } from '../../parts/Fallbacks'
import { Headway } from '../../parts/Headway'
import { Page } from '../../parts/Page'
import { Rejects } from '../../parts/Rejects'
import { useJob } from '../../parts/useJob'
import { kindWord } from '../../words/job'
import { Actions } from './Actions'
import { Mended } from './Mended'
import { Request } from './Request'
import { Result } from './Result'
import { Steps } from './Steps'
import '../../parts/job.css'

export default function Job() {
  const { jobId } = useParams({ from: '/inside/jobs/$jobId' })
  // Another job is another page: nothing that was seen of one belongs to the other.
  return <OneJob key={jobId} id={jobId} />
}

function OneJob({ id }: { id: string }) {
  const { data: job, error, refetch } = useJob(id)
  if (error instanceof ProblemError && error.code === 'not_found') return <PageMissing />
  if (job) return <Shown job={job} />
  return (
    <Page title="Job">
      {error ? <Failure error={error} again={() => void refetch()} /> : <Skeleton height={220} radius="lg" />}
    </Page>
  )
}

function Shown({ job }: { job: JobAnswer }) {
  const labels = Object.entries(job.labels)
  return (
    <Page
      title={`${kindWord(job)} of ${job.dataset}`}
      subtitle={
        <Group gap="xs">
          <span className="mono">{job.job_id}</span>
          <Copy text={job.job_id} label="the id of the job" />
          <span>
            asked for <Ago at={job.created_at} /> by <span className="mono">{job.created_by}</span>
          </span>
          {job.parent_job_id && (
            <Link to="/jobs/$jobId" params={{ jobId: job.parent_job_id }}>
              the job before
            </Link>
          )}
        </Group>
      }
      actions={<Actions job={job} />}
    >
      {(job.description || labels.length > 0) && (
        <Group gap="xs">
          {job.description && <span>{job.description}</span>}
          {labels.map(([name, value]) => (
            <Badge key={name} variant="default" tt="none" fw={500}>
              {name}: {value}
            </Badge>
          ))}
        </Group>
      )}
      {job.error && <ToldFailure told={job.error} remedied />}
      <div className="job-halves">
        <Stack gap="lg">
          <Headway job={job} />
          <Result job={job} />
          <Rejects job={job} />
          <Mended job={job} />
          <Request job={job} />
        </Stack>
        <Steps job={job} />
      </div>
    </Page>
  )
}
