import { Group, Skeleton } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { datasetQuery, dropDataset } from '../../api/datasets'
import { jobKey } from '../../api/jobs'
import { ProblemError } from '../../api/problem'
import type { DatasetAnswer } from '../../api/schema'
import { Ago } from '../../parts/Ago'
import { Confirmed } from '../../parts/Confirmed'
import { Failure } from '../../parts/Failure'
import { PageMissing } from '../../parts/Fallbacks'
import { IconExport, IconImport, IconTrash } from '../../parts/icons'
import { LinkButton } from '../../parts/LinkButton'
import { Listing } from '../../parts/Listing'
import { Page, Section } from '../../parts/Page'
import { useMe } from '../../session/useMe'
import { bytes, rows } from '../../words/format'
import { LatestJobs } from './LatestJobs'
import { Snapshots } from './Snapshots'

export default function Dataset() {
  const { name } = useParams({ from: '/inside/datasets/$name' })
  const { data, error, refetch } = useQuery(datasetQuery(name))
  if (error instanceof ProblemError && error.code === 'dataset_not_found') return <PageMissing />
  if (data) return <Shown key={name} dataset={data} />
  return (
    <Page title={name}>
      {error ? <Failure error={error} again={() => void refetch()} /> : <Skeleton height={320} radius="lg" />}
    </Page>
  )
}

function Shown({ dataset }: { dataset: DatasetAnswer }) {
  const { name, columns } = dataset
  return (
    <Page
      title={name}
      subtitle={
        <Group gap="md" className="numbers">
          <span>{rows(dataset.rows)} rows</span>
          <span>{bytes(dataset.bytes)}</span>
          <span>
            updated <Ago at={dataset.updated_at} />
          </span>
        </Group>
      }
      actions={<Actions name={name} />}
    >
      <Section title={columns.length === 1 ? 'One column' : `${rows(columns.length)} columns`}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
        <div className="schema" tabIndex={0} role="region" aria-label="The columns">
          <Listing
            label="Columns"
            items={columns}
            keyOf={(column) => column.name}
            columns={[
              { name: 'Name', cell: (column) => <span className="mono">{column.name}</span> },
              { name: 'Type', cell: (column) => <span className="mono">{column.type}</span> },
              { name: 'May be empty', cell: (column) => (column.nullable ? 'yes' : 'no') },
            ]}
          />
        </div>
      </Section>
      <Snapshots name={name} current={dataset.snapshot_id} />
      <LatestJobs name={name} />
    </Page>
  )
}

function Actions({ name }: { name: string }) {
  const { may, admin } = useMe()
  const queries = useQueryClient()
  const navigate = useNavigate()
  async function drop() {
    const job = await dropDataset(name)
    queries.setQueryData(jobKey(job.job_id), job)
    await navigate({ to: '/jobs/$jobId', params: { jobId: job.job_id } })
  }
  return (
    <>
      {admin && (
        <Confirmed
          label="Delete"
          icon={<IconTrash />}
          question="A job takes the dataset away, with all its rows and snapshots. Files of earlier exports stay until they expire. This cannot be taken back."
          verb="Delete the dataset"
          danger
          typed={name}
          run={drop}
        />
      )}
      {may('import') && (
        <LinkButton to="/imports/new" search={{ dataset: name }} variant="default" leftSection={<IconImport />}>
          Import
        </LinkButton>
      )}
      {may('export') && (
        <LinkButton to="/exports/new" search={{ dataset: name }} leftSection={<IconExport />}>
          Export
        </LinkButton>
      )}
    </>
  )
}
