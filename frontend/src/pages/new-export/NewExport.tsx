import { Button, Skeleton, Stack, Text } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { datasetsQuery } from '../../api/datasets'
import { jobKey } from '../../api/jobs'
import { ProblemError } from '../../api/problem'
import { checkExport, createExport, newIdempotencyKey } from '../../api/requests'
import type { DatasetAnswer, ExportBody } from '../../api/schema'
import { apiUrl } from '../../config'
import { Commands } from '../../parts/Commands'
import { Failure } from '../../parts/Failure'
import { Page, Section } from '../../parts/Page'
import { exportCommand } from '../../words/command'
import { curl } from '../../words/request'
import { FileFields } from './FileFields'
import { FilterBuilder } from './FilterBuilder'
import { EMPTY, type Form, requestOf } from './form'
import { MoreFields } from './MoreFields'
import { WhatFields } from './WhatFields'
import '../../parts/halves.css'

export default function NewExport() {
  const datasets = useQuery(datasetsQuery)
  return (
    <Page title="New export" subtitle="A dataset, or some of its rows and columns, as files.">
      {datasets.error && <Failure error={datasets.error} again={() => void datasets.refetch()} />}
      {datasets.isPending && <Skeleton height={320} radius="lg" />}
      {datasets.data?.length === 0 && (
        <Stack className="panel">
          <Text>There is no dataset yet. An import makes the first one.</Text>
          <div>
            <Button component={Link} to="/imports/new">
              Import a file
            </Button>
          </div>
        </Stack>
      )}
      {datasets.data && datasets.data.length > 0 && <Filled datasets={datasets.data} />}
    </Page>
  )
}

function Filled({ datasets }: { datasets: DatasetAnswer[] }) {
  const { dataset: wanted, as_of: asOf = '' } = useSearch({ from: '/inside/exports/new' })
  const [form, setForm] = useState<Form>({ ...EMPTY, dataset: wanted ?? datasets[0]?.name ?? '', asOf })
  const change = (changes: Partial<Form>) => setForm((before) => ({ ...before, ...changes }))
  const dataset = datasets.find((one) => one.name === form.dataset)
  const columns = useMemo(() => dataset?.columns ?? [], [dataset])
  const request = useMemo(() => requestOf(form, columns), [form, columns])
  const navigate = useNavigate()
  const queries = useQueryClient()
  const text = JSON.stringify(request)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another request is another job
  const key = useMemo(newIdempotencyKey, [text])
  const start = useMutation({
    mutationFn: () => createExport(request, key),
    onSuccess: (job) => {
      queries.setQueryData(jobKey(job.job_id), job)
      return navigate({ to: '/jobs/$jobId', params: { jobId: job.job_id } })
    },
  })
  const check = useCheck(request, text)
  const error = start.error ?? check.error
  const problem = error instanceof ProblemError ? error : null
  const ofFilter = problem?.fields.find((field) => field.pointer === '/filter')?.detail ?? null
  return (
    <form
      className="halves"
      onSubmit={(event) => {
        event.preventDefault()
        start.mutate()
      }}
    >
      <Stack gap="lg">
        <Section title="What">
          <WhatFields form={form} datasets={datasets} columns={columns} change={change} />
        </Section>
        <Section title="Which rows">
          <FilterBuilder form={form} columns={columns} change={change} error={ofFilter} />
        </Section>
        <Section title="As what">
          <FileFields form={form} change={change} />
        </Section>
        <MoreFields form={form} change={change} />
      </Stack>
      <Stack gap="md" className="beside">
        {error && !ofFilter && <Failure error={error} />}
        <Button type="submit" size="md" loading={start.isPending} disabled={!form.dataset}>
          Start the export
        </Button>
        <Text size="sm" c="dimmed" role="status">
          <span className="status" data-status={check.error ? 'FAILED' : check.isSuccess ? 'COMPLETED' : 'PENDING'}>
            {check.error ? 'Not like this' : check.isSuccess ? 'Checked: it can be started' : 'Checking …'}
          </span>
        </Text>
        <Commands
          ways={{ curl: curl(apiUrl, '/api/v1/exports', { ...request }), krai: exportCommand({ ...request }) }}
        />
      </Stack>
    </form>
  )
}

const TYPING_MS = 400

/** What krai says of the request, asked when nobody has typed for a moment. */
function useCheck(request: ExportBody, text: string) {
  const [settled] = useDebouncedValue(text, TYPING_MS)
  const check = useQuery({
    queryKey: ['check', settled],
    queryFn: ({ signal }) => checkExport(JSON.parse(settled) as ExportBody, signal),
    enabled: Boolean(request.dataset),
    retry: false,
  })
  // What is known of an earlier request says nothing of this one.
  return settled === text ? check : { error: null, isSuccess: false }
}
