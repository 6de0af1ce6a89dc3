import { Button, Stack } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { datasetsQuery } from '../../api/datasets'
import { createImport, newIdempotencyKey } from '../../api/requests'
import { DropZone } from '../../parts/DropZone'
import { Failure } from '../../parts/Failure'
import { Page, Section } from '../../parts/Page'
import { useUpload } from '../../upload/useUpload'
import { Columns } from './Columns'
import { Forecast } from './Forecast'
import { datasetFor, EMPTY, type Form, isDatasetName, lookingAt, requestOf, sourcesOf } from './form'
import { IntoFields } from './IntoFields'
import { MoreFields } from './MoreFields'
import { Start } from './Start'
import { type Tried, useTried } from './trial'
import '../../parts/halves.css'
import '../../parts/job.css'
import './new-import.css'

export default function NewImport() {
  const { dataset } = useSearch({ from: '/inside/imports/new' })
  const datasets = useQuery(datasetsQuery)
  const [file, setFile] = useState<File | null>(null)
  const [form, setForm] = useState<Form>({ ...EMPTY, dataset: dataset ?? '' })
  const [upload, again] = useUpload(file)
  const uploadId = upload.state === 'done' ? upload.uploadId : null
  const change = (changes: Partial<Form>) => setForm((before) => ({ ...before, ...changes }))
  const text = JSON.stringify([uploadId, requestOf(form, '', false)])
  const fits = uploadId !== null && isDatasetName(form.dataset) && (form.mode !== 'upsert' || form.key.length > 0)

  const [tried, setTried] = useState<Tried | null>(null)
  const [looked, setLooked] = useState<Tried | null>(null)
  const [sources, setSources] = useState<string[] | null>(null)
  const trial = useTried(tried)
  const look = useTried(looked)

  function choose(chosen: File | null) {
    setFile(chosen)
    setTried(null)
    setLooked(null)
    setSources(null)
    change({ names: {}, types: {}, ...(chosen && form.dataset === '' ? { dataset: datasetFor(chosen.name) } : {}) })
  }

  const attempt = useMutation({
    mutationFn: (asked: Form) => createImport(requestOf(asked, uploadId ?? '', true), newIdempotencyKey()),
    onSuccess: (job, asked) => {
      const next = { jobId: job.job_id, text, names: asked.names }
      if (asked === form) setTried(next)
      else setLooked(next)
    },
  })
  const run = attempt.mutate
  // The first time nobody has to ask for it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when the file has arrived
  useEffect(() => {
    if (fits && uploadId !== null) run(form)
  }, [uploadId])

  const shown =
    trial.forecast && tried
      ? { forecast: trial.forecast, names: tried.names }
      : look.forecast && looked
        ? { forecast: look.forecast, names: looked.names }
        : null
  if (shown && sources === null) setSources(sourcesOf(shown.forecast, shown.names))
  const target = datasets.data?.find((one) => one.name === form.dataset)
  const stuck = trial.job?.status === 'FAILED' && sources === null

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
          {(attempt.error ?? trial.error) && <Failure error={attempt.error ?? trial.error} />}
          {trial.job && (
            <Forecast job={trial.job} forecast={trial.forecast} stale={tried?.text !== text}>
              {stuck && (
                <div>
                  <Button
                    variant="default"
                    loading={attempt.isPending || look.job?.status === 'PROCESSING'}
                    onClick={() => run(lookingAt(form))}
                  >
                    Show the columns of the file
                  </Button>
                </div>
              )}
              {sources && (
                <Columns
                  sources={sources}
                  shown={shown}
                  targets={target?.columns.map((column) => column.name) ?? []}
                  form={form}
                  change={change}
                />
              )}
            </Forecast>
          )}
        </Stack>
        <Stack gap="md" className="beside">
          <Start
            form={form}
            file={file}
            uploadId={fits ? uploadId : null}
            text={text}
            tried={tried?.text === text}
            trying={attempt.isPending}
            tryIt={() => run(form)}
          />
        </Stack>
      </div>
    </Page>
  )
}
