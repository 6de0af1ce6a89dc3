import { Button, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { testWebhook } from '../../api/webhooks'
import { Failure } from '../../parts/Failure'
import { Section } from '../../parts/Page'
import { testOf } from '../../words/webhook'

/** Sends a message now, and says what the receiver has answered. */
export function Test({ id }: { id: string }) {
  const trial = useMutation({ mutationFn: () => testWebhook(id) })
  return (
    <Section
      title="Try it out"
      actions={
        <Button variant="default" loading={trial.isPending} onClick={() => trial.mutate()}>
          Send a test
        </Button>
      }
    >
      {trial.error && <Failure error={trial.error} />}
      <Text component="div" size="sm" role="status">
        {trial.isPending && 'Waiting for the receiver, for up to 15 seconds …'}
        {trial.data && !trial.isPending && (
          <span style={{ display: 'flex', gap: '0.5rem', alignItems: 'baseline' }}>
            <span className="status" data-status={trial.data.delivered ? 'COMPLETED' : 'FAILED'} />
            {testOf(trial.data)}
          </span>
        )}
        {trial.isIdle && (
          <span className="quiet">
            A message of the type <span className="mono">webhook.test</span> goes now, signed like all others, also to a
            webhook that is disabled.
          </span>
        )}
      </Text>
    </Section>
  )
}
