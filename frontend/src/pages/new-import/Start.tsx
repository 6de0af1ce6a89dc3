import { Button, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useMemo } from 'react'
import { jobKey } from '../../api/jobs'
import { createImport, newIdempotencyKey } from '../../api/requests'
import { apiUrl } from '../../config'
import { Code } from '../../parts/Code'
import { Failure } from '../../parts/Failure'
import { forget } from '../../upload/remembered'
import { curl } from '../../words/request'
import { type Form, requestOf } from './form'

interface Props {
  form: Form
  file: File | null
  /** Null until the file has arrived and all is filled in. */
  uploadId: string | null
  /** The request as text: another one is another job. */
  text: string
  tried: boolean
  trying: boolean
  tryIt: () => void
}

/** Trying the import, and doing it. */
export function Start({ form, file, uploadId, text, tried, trying, tryIt }: Props) {
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
