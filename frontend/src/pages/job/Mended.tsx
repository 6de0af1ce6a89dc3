import { Button, Group, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { jobKey, retryMended } from '../../api/jobs'
import { newIdempotencyKey } from '../../api/requests'
import type { JobAnswer } from '../../api/schema'
import { DropZone } from '../../parts/DropZone'
import { Failure } from '../../parts/Failure'
import { Section } from '../../parts/Page'
import { useMe } from '../../session/useMe'
import { forget } from '../../upload/remembered'
import { useUpload } from '../../upload/useUpload'

/** Rejected rows come back: mended, and as a new job. */
export function Mended({ job }: { job: JobAnswer }) {
  const { may } = useMe()
  const rejects = job.type === 'import' && job.status === 'COMPLETED' && job.records_rejected > 0
  return rejects && job.params.dry_run !== true && may('import') ? <Form job={job} /> : null
}

function Form({ job }: { job: JobAnswer }) {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const [file, setFile] = useState<File | null>(null)
  const [upload, again] = useUpload(file)
  const uploadId = upload.state === 'done' ? upload.uploadId : null
  // biome-ignore lint/correctness/useExhaustiveDependencies: another file is another job
  const key = useMemo(newIdempotencyKey, [uploadId])
  const start = useMutation({
    mutationFn: (id: string) => retryMended(job.job_id, id, key),
    onSuccess: (next) => {
      if (file) forget(file)
      queries.setQueryData(jobKey(next.job_id), next)
      return navigate({ to: '/jobs/$jobId', params: { jobId: next.job_id } })
    },
  })
  return (
    <Section title="Mended rows">
      <Text size="sm" c="dimmed">
        Download the rejected rows, mend them, and bring the file back. A new job imports it as this one did
        {job.params.mode === 'replace' && ', but adds to the rows that are there now'}.
      </Text>
      <DropZone file={file} upload={upload} choose={setFile} again={again} />
      {start.error && <Failure error={start.error} />}
      {uploadId !== null && (
        <Group justify="flex-end">
          <Button loading={start.isPending} onClick={() => start.mutate(uploadId)}>
            Import the mended rows
          </Button>
        </Group>
      )}
    </Section>
  )
}
