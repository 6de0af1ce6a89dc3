import { expect, test } from 'vitest'
import type { DeliveryAnswer, WebhookAnswer } from '../api/schema'
import { deliveryOf, eventsOf, placeOf, saidOf, stateOf, testOf } from './webhook'

const WEBHOOK: WebhookAnswer = {
  webhook_id: '0'.repeat(32),
  url: 'https://hooks.example.org/krai',
  events: ['job.completed', 'job.failed', 'job.cancelled'],
  datasets: [],
  description: '',
  scope: 'own',
  enabled: true,
  disabled_at: null,
  disabled_why: null,
  failing_since: null,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
}

test.each([
  [{}, 'Enabled', 'COMPLETED'],
  [{ failing_since: '2026-01-01T00:00:00Z' }, 'Failing', 'FAILED'],
  [{ enabled: false }, 'Disabled', 'PENDING'],
  [{ enabled: false, disabled_why: 'gone' as const }, 'Disabled', 'FAILED'],
])('%j is %s', (changes, word, looks) => {
  expect(stateOf({ ...WEBHOOK, ...changes })).toMatchObject({ word, looks })
})

test('whoever has disabled it is told apart', () => {
  expect(stateOf({ ...WEBHOOK, enabled: false }).why).toContain('switched off')
  expect(stateOf({ ...WEBHOOK, enabled: false, disabled_why: 'gone' }).why).toContain('410')
})

test('some events are named, all are not', () => {
  expect(eventsOf(WEBHOOK)).toBe('every end of a job')
  expect(eventsOf({ events: ['job.cancelled', 'job.failed'] })).toBe('failed or cancelled')
})

test('an address is shown without its query, which may be a secret', () => {
  expect(placeOf('https://hooks.example.org/krai?token=1')).toBe('hooks.example.org/krai')
  expect(placeOf('https://hooks.example.org')).toBe('hooks.example.org')
})

test('a delivery that has failed once is not given up', () => {
  const delivery = { state: 'pending', attempts: 1 } as DeliveryAnswer
  expect(deliveryOf(delivery).word).toBe('To be tried again')
  expect(deliveryOf({ ...delivery, attempts: 0 }).word).toBe('Under way')
  expect(deliveryOf({ ...delivery, state: 'failed' }).word).toBe('Given up')
})

test('an answer is told by its status, silence by its reason', () => {
  expect(saidOf({ status: 500, error: 'webhook_refused' })).toBe('status 500')
  expect(saidOf({ status: null, error: 'webhook_unreachable' })).toBe('unreachable')
})

test('a test says whether it was taken, and what was answered after how long', () => {
  const told = { message_id: 'msg_0_test', delivered: true, status: 204, error: null, duration_ms: 86.4 }
  expect(testOf(told)).toBe('Taken: status 204 after 86 ms.')
  expect(testOf({ ...told, delivered: false, status: 302 })).toContain('Not taken: status 302 after 86 ms.')
})
