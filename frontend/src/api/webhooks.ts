/** Calls of `/api/v1/webhooks`. */

import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { answer, client } from './client'
import type { SecretAnswer, WebhookAnswer, WebhookBody, WebhookChange, WebhookTest } from './schema'

export const webhooksQuery = queryOptions({
  queryKey: ['webhooks'],
  queryFn: ({ signal }) => answer(client.GET('/api/v1/webhooks', { signal })).then((found) => found.webhooks),
})

const path = (id: string) => ({ params: { path: { webhook_id: id } } })

export const webhookKey = (id: string) => ['webhooks', id] as const

export const webhookQuery = (id: string) =>
  queryOptions({
    queryKey: webhookKey(id),
    queryFn: ({ signal }) => answer(client.GET('/api/v1/webhooks/{webhook_id}', { ...path(id), signal })),
  })

export const deliveriesQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['webhooks', id, 'deliveries'],
    queryFn: ({ pageParam, signal }) =>
      answer(
        client.GET('/api/v1/webhooks/{webhook_id}/deliveries', {
          params: { path: { webhook_id: id }, query: pageParam === null ? {} : { page_token: pageParam } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_page_token,
  })

export const registerWebhook = (body: WebhookBody): Promise<WebhookAnswer> =>
  answer(client.POST('/api/v1/webhooks', { body }))
export const changeWebhook = (id: string, body: WebhookChange): Promise<WebhookAnswer> =>
  answer(client.PUT('/api/v1/webhooks/{webhook_id}', { ...path(id), body }))
export const removeWebhook = (id: string) => answer(client.DELETE('/api/v1/webhooks/{webhook_id}', path(id)))

export const showSecret = (id: string): Promise<SecretAnswer> =>
  answer(client.GET('/api/v1/webhooks/{webhook_id}/secret', path(id)))
export const replaceSecret = (id: string): Promise<SecretAnswer> =>
  answer(client.POST('/api/v1/webhooks/{webhook_id}/secret', path(id)))

/** Of the callbacks that this caller's own requests name. */
export const showOwnSecret = (): Promise<SecretAnswer> => answer(client.GET('/api/v1/webhooks/secret'))
export const replaceOwnSecret = (): Promise<SecretAnswer> => answer(client.POST('/api/v1/webhooks/secret'))

/** Takes up to fifteen seconds. */
export const testWebhook = (id: string): Promise<WebhookTest> =>
  answer(client.POST('/api/v1/webhooks/{webhook_id}/test', path(id)))

export const resendDelivery = (id: string, deliveryId: string) =>
  answer(
    client.POST('/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend', {
      params: { path: { webhook_id: id, delivery_id: deliveryId } },
    }),
  )
