import { Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import type { WebhookAnswer } from '../../api/schema'
import { webhooksQuery } from '../../api/webhooks'
import { Ago } from '../../parts/Ago'
import { FormDialog } from '../../parts/FormDialog'
import { IconPlus } from '../../parts/icons'
import { Listing, Loaded } from '../../parts/Listing'
import { Page } from '../../parts/Page'
import { WebhookForm } from '../../parts/WebhookForm'
import { WebhookState } from '../../parts/WebhookState'
import { useMe } from '../../session/useMe'
import { eventsOf, placeOf } from '../../words/webhook'

export default function Webhooks() {
  const { me, may } = useMe()
  const navigate = useNavigate()
  const open = ({ webhook_id: webhookId }: WebhookAnswer) =>
    void navigate({ to: '/webhooks/$webhookId', params: { webhookId } })
  const allowed = may('export', 'import')
  return (
    <Page
      title="Webhooks"
      subtitle="Places that are told when a job has ended."
      actions={
        allowed && (
          <FormDialog label="New webhook" icon={<IconPlus />}>
            {(close) => <WebhookForm webhook={null} close={close} done={open} />}
          </FormDialog>
        )
      }
    >
      {allowed && <Listed />}
      {me && !allowed && (
        <Stack className="panel" py="xl" gap={4}>
          <Title order={2}>Webhooks are for whoever asks for jobs</Title>
          <Text c="dimmed">You may neither export nor import with what you have signed in with.</Text>
        </Stack>
      )}
    </Page>
  )
}

function Listed() {
  return (
    <Loaded query={useQuery(webhooksQuery)} empty={<Empty />}>
      {(webhooks) => (
        <Listing
          label="Webhooks"
          items={webhooks}
          keyOf={(webhook) => webhook.webhook_id}
          columns={[
            {
              name: 'URL',
              cell: (webhook) => (
                <div>
                  <Link to="/webhooks/$webhookId" params={{ webhookId: webhook.webhook_id }} className="plain-link">
                    <b>{placeOf(webhook.url)}</b>
                  </Link>
                  {webhook.description && (
                    <Text size="xs" c="dimmed">
                      {webhook.description}
                    </Text>
                  )}
                </div>
              ),
            },
            { name: 'State', cell: (webhook) => <WebhookState webhook={webhook} /> },
            { name: 'Told of', cell: eventsOf },
            { name: 'Datasets', cell: ({ datasets }) => (datasets.length === 0 ? 'all' : datasets.join(', ')) },
            { name: 'Jobs', cell: ({ scope }) => (scope === 'all' ? 'everybody’s' : 'yours') },
            { name: 'Registered', cell: (webhook) => <Ago at={webhook.created_at} /> },
          ]}
        />
      )}
    </Loaded>
  )
}

function Empty() {
  return (
    <Stack className="panel" py="xl" gap={4}>
      <Title order={2}>Nobody is told yet</Title>
      <Text c="dimmed">
        A webhook is told of every end of a job from when it is registered: no script has to ask again and again. Each
        message is signed, and tried again for three days.
      </Text>
    </Stack>
  )
}
