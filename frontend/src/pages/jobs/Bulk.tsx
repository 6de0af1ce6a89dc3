import { Button, Group, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { cancelJob, FINISHED, retryJob } from '../../api/jobs'
import type { JobAnswer } from '../../api/schema'
import { Failure } from '../../parts/Failure'
import type { Chosen } from './JobsTable'

const AT_ONCE = 4

/** Calls for every job, a few at a time; throws the first failure when all have been asked. */
async function each(jobs: readonly JobAnswer[], call: (id: string) => Promise<unknown>): Promise<void> {
  const waiting = [...jobs]
  const failures: unknown[] = []
  async function work() {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      await call(job.job_id).catch((error: unknown) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  if (failures.length > 0) throw failures[0]
}

/** What can be done with all that are chosen. */
export function Bulk(props: { jobs: readonly JobAnswer[]; chosen: Chosen; clear: () => void }) {
  const queries = useQueryClient()
  const chosen = props.jobs.filter((job) => props.chosen[job.job_id])
  const running = chosen.filter((job) => !FINISHED.has(job.status))
  const failed = chosen.filter((job) => job.status === 'FAILED' || job.status === 'CANCELLED')
  const settled = {
    onSuccess: props.clear,
    onSettled: () => queries.invalidateQueries({ queryKey: ['jobs'] }),
  }
  const cancel = useMutation({ mutationFn: () => each(running, cancelJob), ...settled })
  const retry = useMutation({ mutationFn: () => each(failed, retryJob), ...settled })
  if (chosen.length === 0) return null
  return (
    <>
      <Group gap="xs" role="group" aria-label="Chosen jobs">
        <Text size="sm" fw={600}>
          {chosen.length} chosen
        </Text>
        <Button
          size="xs"
          variant="default"
          disabled={running.length === 0}
          loading={cancel.isPending}
          onClick={() => cancel.mutate()}
        >
          Cancel {running.length}
        </Button>
        <Button
          size="xs"
          variant="default"
          disabled={failed.length === 0}
          loading={retry.isPending}
          onClick={() => retry.mutate()}
        >
          Retry {failed.length}
        </Button>
        <Button size="xs" variant="subtle" color="gray" onClick={props.clear}>
          Choose none
        </Button>
      </Group>
      {(cancel.error ?? retry.error) && <Failure error={cancel.error ?? retry.error} />}
    </>
  )
}
