/** The calls that make jobs. */

import { answer, client } from './client'
import type { ExportBody, ImportBody, JobAnswer } from './schema'

/** For one request and its repetitions: however often it is sent, there is one job. */
export function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function createExport(body: ExportBody, key: string): Promise<JobAnswer> {
  return answer(client.POST('/api/v1/exports', { body, params: { header: { 'Idempotency-Key': key } } }))
}

export function createImport(body: ImportBody, key: string): Promise<JobAnswer> {
  return answer(client.POST('/api/v1/imports', { body, params: { header: { 'Idempotency-Key': key } } }))
}
