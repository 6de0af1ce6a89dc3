import { Group, Skeleton, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { ProblemError } from '../../api/problem'
import type { WebhookAnswer } from '../../api/schema'
import { removeWebhook, replaceSecret, showSecret, webhookKey, webhookQuery, webhooksQuery } from '../../api/webhooks'
import { Ago } from '../../parts/Ago'
import { Copy } from '../../parts/Code'
import { Confirmed } from '../../parts/Confirmed'
import { Failure } from '../../parts/Failure'
import { PageMissing } from '../../parts/Fallbacks'
import { FormDialog } from '../../parts/FormDialog'
import { IconTrash } from '../../parts/icons'
import { Page } from '../../parts/Page'
import { SigningSecret } from '../../parts/SigningSecret'
import { WebhookForm } from '../../parts/WebhookForm'
import { WebhookState } from '../../parts/WebhookState'
import { eventsOf, placeOf } from '../../words/webhook'
import { Deliveries } from './Deliveries'
import { Test } from './Test'
import '../../parts/job.css'

export default function Webhook() {
  const { webhookId } = useParams({ from: '/inside/webhooks/$webhookId' })
  const { data, error, refetch } = useQuery(webhookQuery(webhookId))
  if (error instanceof ProblemError && error.status === 404) return <PageMissing />
  if (data) return <Shown key={webhookId} webhook={data} />
  return (
    <Page title="Webhook">
      {error ? <Failure error={error} again={() => void refetch()} /> : <Skeleton height={320} radius="lg" />}
    </Page>
  )
}

function Shown({ webhook }: { webhook: WebhookAnswer }) {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const { webhook_id: id } = webhook
  async function remove() {
    await removeWebhook(id)
    await navigate({ to: '/webhooks' })
    queries.removeQueries({ queryKey: webhookKey(id) })
    await queries.invalidateQueries({ queryKey: webhooksQuery.queryKey, exact: true })
  }
  return (
    <Page
      title={placeOf(webhook.url)}
      subtitle={
        <Group gap="xs">
          <span className="mono">{id}</span>
          <Copy text={id} label="the id of the webhook" />
          <span>
            registered <Ago at={webhook.created_at} />
          </span>
        </Group>
      }
      actions={
        <>
          <Confirmed
            label="Delete"
            icon={<IconTrash />}
            question="It is told of nothing more, what is still to be sent to it is not, and its log is gone. This cannot be taken back."
            verb="Delete the webhook"
            danger
            run={remove}
          />
          <FormDialog label="Change" title="Change the webhook">
            {(close) => <WebhookForm webhook={webhook} close={close} />}
          </FormDialog>
        </>
      }
    >
      {webhook.description && <Text>{webhook.description}</Text>}
      <section className="panel" aria-label="What it is told">
        <dl className="figures">
          <Said name="State">
            <WebhookState webhook={webhook} />
          </Said>
          <Said name="Told of">{eventsOf(webhook)}</Said>
          <Said name="Datasets">{webhook.datasets.length === 0 ? 'all' : webhook.datasets.join(', ')}</Said>
          <Said name="Jobs">{webhook.scope === 'all' ? 'everybody’s' : 'yours'}</Said>
        </dl>
      </section>
      <Test id={id} />
      <SigningSecret show={() => showSecret(id)} replace={() => replaceSecret(id)} />
      <Deliveries webhook={webhook} />
    </Page>
  )
}

function Said({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd style={{ fontSize: '1rem' }}>{children}</dd>
    </div>
  )
}
