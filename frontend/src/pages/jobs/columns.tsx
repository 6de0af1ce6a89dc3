import { Checkbox, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { createColumnHelper, rowSelectionFeature, tableFeatures } from '@tanstack/react-table'
import type { JobAnswer } from '../../api/schema'
import { Ago, Lasting } from '../../parts/Ago'
import { JobProgress } from '../../parts/JobProgress'
import { JobStatus } from '../../parts/JobStatus'
import { bytes, rows } from '../../words/format'
import { kindWord } from '../../words/job'

export const features = tableFeatures({ rowSelectionFeature })
const helper = createColumnHelper<typeof features, JobAnswer>()

export const columns = helper.columns([
  helper.display({
    id: 'chosen',
    header: ({ table }) => (
      <Checkbox
        size="xs"
        aria-label="Choose all that are shown"
        checked={table.getIsAllRowsSelected()}
        indeterminate={table.getIsSomeRowsSelected() && !table.getIsAllRowsSelected()}
        onChange={table.getToggleAllRowsSelectedHandler()}
      />
    ),
    cell: ({ row }) => (
      <Checkbox
        size="xs"
        aria-label={`Choose: ${kindWord(row.original)} of ${row.original.dataset}`}
        checked={row.getIsSelected()}
        onChange={row.getToggleSelectedHandler()}
      />
    ),
  }),
  helper.display({
    id: 'job',
    header: 'Job',
    cell: ({ row: { original: job } }) => (
      <div className="cut">
        <Link to="/jobs/$jobId" params={{ jobId: job.job_id }} className="job-link">
          {kindWord(job)} <b>{job.dataset}</b>
        </Link>
        <Text size="xs" c="dimmed" className="cut">
          {job.description ||
            Object.entries(job.labels)
              .map(([name, value]) => `${name}:${value}`)
              .join(' ') ||
            job.job_id.slice(0, 8)}
        </Text>
      </div>
    ),
  }),
  helper.display({ id: 'status', header: 'Status', cell: ({ row }) => <JobStatus job={row.original} /> }),
  helper.display({
    id: 'progress',
    header: 'Progress',
    cell: ({ row: { original: job } }) =>
      job.status === 'PROCESSING' ? (
        <div>
          <JobProgress job={job} />
          <Text size="xs" c="dimmed" className="numbers">
            {job.progress} %
          </Text>
        </div>
      ) : null,
  }),
  helper.display({
    id: 'rows',
    header: 'Rows',
    cell: ({ row: { original: job } }) => (
      <div className="numbers right">
        {rows(job.records_processed)}
        <Text size="xs" c="dimmed">
          {bytes(job.bytes_processed)}
        </Text>
      </div>
    ),
  }),
  helper.display({
    id: 'rejected',
    header: 'Rejected',
    cell: ({ row: { original: job } }) => (
      <span className={`numbers right ${job.records_rejected > 0 ? 'rejected' : 'quiet'}`}>
        {rows(job.records_rejected)}
      </span>
    ),
  }),
  helper.display({
    id: 'owner',
    header: 'By',
    cell: ({ row }) => (
      <span className="cut quiet" title={row.original.created_by}>
        {row.original.created_by}
      </span>
    ),
  }),
  helper.display({
    id: 'created',
    header: 'Created',
    cell: ({ row: { original: job } }) => (
      <div>
        <Ago at={job.created_at} />
        <Text size="xs" c="dimmed">
          {job.started_at ? <Lasting from={job.started_at} to={job.finished_at} /> : '–'}
        </Text>
      </div>
    ),
  }),
])
