import { Button, Group, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { SecretAnswer } from '../api/schema'
import { Ago } from './Ago'
import { Code } from './Code'
import { Confirmed } from './Confirmed'
import { Failure } from './Failure'
import { Section } from './Page'

interface Props {
  show: () => Promise<SecretAnswer>
  replace: () => Promise<SecretAnswer>
}

/** By what the receiver knows that it is krai who calls; fetched when somebody asks to see it, and kept no longer than the page. */
export function SigningSecret({ show, replace }: Props) {
  const [found, setFound] = useState<SecretAnswer | null>(null)
  const showing = useMutation({ mutationFn: show, onSuccess: setFound })
  return (
    <Section
      title="Secret"
      actions={
        <Group gap="xs">
          <Confirmed
            label="Replace"
            question="There is a new secret at once. For 24 hours messages are signed by the old one as well: receivers can change over in that time."
            verb="Make a new secret"
            run={async () => setFound(await replace())}
          />
          {found ? (
            <Button variant="default" onClick={() => setFound(null)}>
              Hide
            </Button>
          ) : (
            <Button variant="default" loading={showing.isPending} onClick={() => showing.mutate()}>
              Show
            </Button>
          )}
        </Group>
      }
    >
      {showing.error && <Failure error={showing.error} />}
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
