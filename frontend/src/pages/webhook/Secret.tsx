import { Button, Group, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { SecretAnswer } from '../../api/schema'
import { replaceSecret, showSecret } from '../../api/webhooks'
import { Ago } from '../../parts/Ago'
import { Code } from '../../parts/Code'
import { Confirmed } from '../../parts/Confirmed'
import { Failure } from '../../parts/Failure'
import { Section } from '../../parts/Page'

/** By what the receiver knows that it is krai who calls; fetched when somebody asks to see it, and kept no longer than the page. */
export function Secret({ id }: { id: string }) {
  const [found, setFound] = useState<SecretAnswer | null>(null)
  const show = useMutation({ mutationFn: () => showSecret(id), onSuccess: setFound })
  return (
    <Section
      title="Secret"
      actions={
        <Group gap="xs">
          <Confirmed
            label="Replace"
            question="There is a new secret at once. For 24 hours messages are signed by the old one as well: receivers can change over in that time."
            verb="Make a new secret"
            run={async () => setFound(await replaceSecret(id))}
          />
          {found ? (
            <Button variant="default" onClick={() => setFound(null)}>
              Hide
            </Button>
          ) : (
            <Button variant="default" loading={show.isPending} onClick={() => show.mutate()}>
              Show
            </Button>
          )}
        </Group>
      }
    >
      {show.error && <Failure error={show.error} />}
      {found ? (
        <>
          <Code text={found.secret} label="the secret" />
          <Text component="div" size="sm" c="dimmed">
            Made <Ago at={found.created_at} />.
            {found.previous_until && (
              <>
                {' '}
                The one before signs too, and ends <Ago at={found.previous_until} />.
              </>
            )}
          </Text>
        </>
      ) : (
        <Text size="sm" c="dimmed">
          Messages are signed with it; the libraries of Standard Webhooks take it as it is.
        </Text>
      )}
    </Section>
  )
}
