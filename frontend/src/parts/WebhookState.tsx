import { Text } from '@mantine/core'
import type { WebhookAnswer } from '../api/schema'
import { stateOf } from '../words/webhook'
import { Ago } from './Ago'

/** Whether it is told of anything; why not, and since when. */
export function WebhookState({ webhook }: { webhook: WebhookAnswer }) {
  const { word, looks, why } = stateOf(webhook)
  const since = webhook.enabled ? webhook.failing_since : webhook.disabled_at
  return (
    <div>
      <span className="status" data-status={looks}>
        {word}
      </span>
      {why && (
        <Text component="div" size="xs" c="dimmed" maw="18rem">
          {why}
          {since && (
            <>
              {' '}
              Since <Ago at={since} />.
            </>
          )}
        </Text>
      )}
    </div>
  )
}
