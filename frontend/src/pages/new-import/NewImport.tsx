import { Button, Stack, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useMemo, useState } from 'react'
import { datasetsQuery } from '../../api/datasets'
import { jobKey } from '../../api/jobs'
import { createImport, newIdempotencyKey } from '../../api/requests'
import { apiUrl } from '../../config'
import { Code } from '../../parts/Code'
import { Failure } from '../../parts/Failure'
import { Page, Section } from '../../parts/Page'
import { forget } from '../../upload/remembered'
import { useUpload } from '../../upload/useUpload'
import { curl } from '../../words/request'
import { DropZone } from './DropZone'
import { Forecast } from './Forecast'
import { datasetFor, EMPTY, type Form, isDatasetName, requestOf } from './form'
import { IntoFields } from './IntoFields'
import { MoreFields } from './MoreFields'
import '../../parts/halves.css'
import '../../parts/job.css'
import './new-import.css'

interface Tried {
  jobId: string
  /** The request it was tried with: another one may do something else. */
  text: string
}

export default function NewImport() {
  const { dataset } = useSearch({ from: '/inside/imports/new' })
  const datasets = useQuery(datasetsQuery)
  const [file, setFile] = useState<File | null>(null)
  const [form, setForm] = useState<Form>({ ...EMPTY, dataset: dataset ?? '' })
  const [tried, setTried] = useState<Tried | null>(null)
  const [upload, again] = useUpload(file)
  const uploadId = upload.state === 'done' ? upload.uploadId : null
  const change = (changes: Partial<Form>) => setForm((before) => ({ ...before, ...changes }))
  const text = JSON.stringify([uploadId, requestOf(form, '', false)])
  const fits = uploadId !== null && isDatasetName(form.dataset) && (form.mode !== 'upsert' || form.key.length > 0)

  function choose(chosen: File | null) {
    setFile(chosen)
    setTried(null)
    if (chosen && form.dataset === '') change({ dataset: datasetFor(chosen.name) })
  }

  const attempt = useMutation({
    mutationFn: () => createImport(requestOf(form, uploadId ?? '', true), newIdempotencyKey()),
    onSuccess: (job) => setTried({ jobId: job.job_id, text }),
  })
  const tryIt = attempt.mutate
  // The first time nobody has to ask for it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when the file has arrived
  useEffect(() => {
    if (fits && uploadId !== null) tryIt()
  }, [uploadId])

  return (
    <Page
      title="New import"
      subtitle="A file becomes rows of a dataset. It is tried first, and nothing is changed until you say so."
    >
      <div className="halves">
        <Stack gap="lg">
          <Section title="File">
            <DropZone file={file} upload={upload} choose={choose} again={again} />
          </Section>
          <Section title="Into">
            {datasets.error && <Failure error={datasets.error} />}
            <IntoFields form={form} datasets={datasets.data ?? []} change={change} />
          </Section>
          <MoreFields form={form} change={change} />
          {attempt.error && <Failure error={attempt.error} />}
          {tried && <Forecast jobId={tried.jobId} stale={tried.text !== text} />}
        </Stack>
        <Stack gap="md" className="beside">
          <Doing
            form={form}
            file={file}
            uploadId={fits ? uploadId : null}
            text={text}
            tried={tried?.text === text}
            trying={attempt.isPending}
            tryIt={() => tryIt()}
          />
        </Stack>
      </div>
    </Page>
  )
}

interface DoingProps {
  form: Form
  file: File | null
  uploadId: string | null
  text: string
  tried: boolean
  trying: boolean
  tryIt: () => void
}

function Doing({ form, file, uploadId, text, tried, trying, tryIt }: DoingProps) {
  const navigate = useNavigate()
  const queries = useQueryClient()
  // biome-ignore lint/correctness/useExhaustiveDependencies: another request is another job
  const key = useMemo(newIdempotencyKey, [text])
  const start = useMutation({
    mutationFn: () => createImport(requestOf(form, uploadId ?? '', false), key),
    onSuccess: (job) => {
      if (file) forget(file)
      queries.setQueryData(jobKey(job.job_id), job)
      return navigate({ to: '/jobs/$jobId', params: { jobId: job.job_id } })
    },
  })
  return (
    <>
      {start.error && <Failure error={start.error} />}
      <Button size="md" disabled={uploadId === null} loading={start.isPending} onClick={() => start.mutate()}>
        Import
      </Button>
      <Button variant="default" disabled={uploadId === null || tried} loading={trying} onClick={tryIt}>
        {tried ? 'This is what was tried' : 'Try it first'}
      </Button>
      {uploadId === null && (
        <Text size="sm" c="dimmed">
          {file === null
            ? 'Choose a file to begin with.'
            : 'The file is on its way, or something is not filled in yet.'}
        </Text>
      )}
      {uploadId !== null && (
        <Code
          text={curl(apiUrl, '/api/v1/imports', { ...requestOf(form, uploadId, false) })}
          label="the same as a command"
        />
      )}
    </>
  )
}
