import { Button, Text } from '@mantine/core'
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { DeliveryAnswer, WebhookAnswer } from '../../api/schema'
import { deliveriesQuery, resendDelivery, webhookKey } from '../../api/webhooks'
import { Ago } from '../../parts/Ago'
import { Confirmed } from '../../parts/Confirmed'
import { Listing, Loaded } from '../../parts/Listing'
import { Section } from '../../parts/Page'
import { deliveryOf, EVENTS, saidOf } from '../../words/webhook'

const ASK_AGAIN_MS = 5000
const SOON_MS = 10_000

/** What was sent, newest first, with what came of it. */
export function Deliveries({ webhook }: { webhook: WebhookAnswer }) {
  const id = webhook.webhook_id
  const queries = useQueryClient()
  const query = useInfiniteQuery({
    ...deliveriesQuery(id),
    select: ({ pages }) => pages.flatMap((page) => page.deliveries),
    refetchInterval: ({ state }) =>
      state.data?.pages.some((page) => page.deliveries.some(isOpen)) ? ASK_AGAIN_MS : false,
  })
  return (
    <Section
      title="Deliveries"
      actions={
        <Button variant="default" size="xs" loading={query.isRefetching} onClick={() => void query.refetch()}>
          Refresh
        </Button>
      }
    >
      <Loaded
        query={query}
        empty={
          <Text size="sm" c="dimmed">
            Nothing has been sent to it yet. What is sent is kept here as long as its job.
          </Text>
        }
      >
        {(deliveries) => (
          <Listing
            label="Deliveries"
            items={deliveries}
            keyOf={(delivery) => delivery.delivery_id}
            columns={[
              {
                name: 'Job',
                cell: (delivery) => (
                  <div>
                    <Link to="/jobs/$jobId" params={{ jobId: delivery.job_id }} className="plain-link">
                      <b>{delivery.dataset}</b> <span className="mono quiet">{delivery.job_id.slice(0, 8)}</span>
                    </Link>
                    <Text size="xs" c="dimmed">
                      {EVENTS.find(({ value }) => value === delivery.event)?.label}
                    </Text>
                  </div>
                ),
              },
              { name: 'State', cell: (delivery) => <State delivery={delivery} /> },
              {
                name: 'Last answer',
                cell: (delivery) => saidOf({ status: delivery.last_status, error: delivery.last_error }),
              },
              { name: 'Attempts', right: true, cell: (delivery) => delivery.attempts },
              { name: 'Job ended', cell: (delivery) => <Ago at={delivery.created_at} /> },
              webhook.enabled && {
                name: 'Actions',
                acts: true,
                cell: (delivery) => (
                  <Confirmed
                    label="Send again"
                    about={`${delivery.dataset} ${delivery.job_id.slice(0, 8)}`}
                    inRow
                    question="The same message goes within seconds, under the same webhook-id: a receiver that keeps the ids it has seen does nothing twice."
                    verb="Send it again"
                    run={async () => {
                      await resendDelivery(id, delivery.delivery_id)
                      await queries.invalidateQueries({ queryKey: webhookKey(id) })
                    }}
                  />
                ),
              },
            ]}
          />
        )}
      </Loaded>
      {query.hasNextPage && (
        <div>
          <Button
            variant="default"
            size="xs"
            loading={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            Show more
          </Button>
        </div>
      )}
    </Section>
  )
}

function State({ delivery }: { delivery: DeliveryAnswer }) {
  const { word, looks } = deliveryOf(delivery)
  return (
    <div>
      <span className="status" data-status={looks}>
        {word}
      </span>
      {delivery.next_at && Date.parse(delivery.next_at) - Date.now() > SOON_MS && (
        <Text component="div" size="xs" c="dimmed">
          next <Ago at={delivery.next_at} />
        </Text>
      )}
    </div>
  )
}

function isOpen(delivery: DeliveryAnswer): boolean {
  return delivery.state === 'pending'
}
