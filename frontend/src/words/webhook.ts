/** What is said of webhooks and of what was sent to them. */

import type { DeliveryAnswer, WebhookAnswer, WebhookTest } from '../api/schema'

export const EVENTS = [
  { value: 'job.completed', label: 'Completed' },
  { value: 'job.failed', label: 'Failed' },
  { value: 'job.cancelled', label: 'Cancelled' },
] as const

const WHY = {
  gone: 'Its receiver answered 410: it wants no more.',
  failing: 'It has taken nothing for five days.',
  owner: 'You may not hear of these jobs any more.',
} as const

/** A word for its state, the status that it looks like, and the reason where there is one. */
export function stateOf(webhook: WebhookAnswer): { word: string; looks: string; why: string | null } {
  if (!webhook.enabled) {
    const why = webhook.disabled_why === null ? 'It was switched off.' : WHY[webhook.disabled_why]
    return { word: 'Disabled', looks: webhook.disabled_why === null ? 'PENDING' : 'FAILED', why }
  }
  if (webhook.failing_since !== null) {
    return { word: 'Failing', looks: 'FAILED', why: 'What was sent last was not taken. It is tried again.' }
  }
  return { word: 'Enabled', looks: 'COMPLETED', why: null }
}

export function eventsOf({ events }: Pick<WebhookAnswer, 'events'>): string {
  if (events.length === EVENTS.length) return 'every end of a job'
  const named = EVENTS.filter(({ value }) => events.includes(value)).map(({ label }) => label.toLowerCase())
  return named.join(' or ')
}

/** The host and path of an address, without what may be a secret in its query. */
export function placeOf(url: string): string {
  const { host, pathname } = new URL(url)
  return host + (pathname === '/' ? '' : pathname)
}

const DELIVERIES = {
  pending: ['Under way', 'PENDING'],
  delivered: ['Delivered', 'COMPLETED'],
  failed: ['Given up', 'FAILED'],
  disabled: ['Not sent: disabled', 'CANCELLED'],
} as const

export function deliveryOf(delivery: DeliveryAnswer): { word: string; looks: string } {
  const [word, looks] = DELIVERIES[delivery.state]
  return delivery.state === 'pending' && delivery.attempts > 0
    ? { word: 'To be tried again', looks: 'FAILED' }
    : { word, looks }
}

/** What a receiver has said: `status 204`, or the code of why there was no such answer. */
export function saidOf({ status, error }: { status: number | null; error: string | null }): string {
  if (status !== null) return `status ${status}`
  return error === null ? '–' : error.replace(/^webhook_/, '').replaceAll('_', ' ')
}

export function testOf(test: WebhookTest): string {
  const took = `${Math.round(test.duration_ms)} ms`
  return test.delivered
    ? `Taken: ${saidOf(test)} after ${took}.`
    : `Not taken: ${saidOf(test)} after ${took}. What is taken is answered with 2xx within 15 seconds.`
}
