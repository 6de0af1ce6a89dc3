/** The calls that make jobs. */

import { answer, client } from './client'
import type { ExportBody, ImportBody, JobAnswer } from './schema'

/** For one request and its repetitions: however often it is sent, there is one job. */
export function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

// Without `validate_only` the answer is the job.

export async function createExport(body: ExportBody, key: string): Promise<JobAnswer> {
  const params = { header: { 'Idempotency-Key': key } }
  return (await answer(client.POST('/api/v1/exports', { body, params }))) as JobAnswer
}

export async function createImport(body: ImportBody, key: string): Promise<JobAnswer> {
  const params = { header: { 'Idempotency-Key': key } }
  return (await answer(client.POST('/api/v1/imports', { body, params }))) as JobAnswer
}

/** Throws the problem that the export would get. */
export async function checkExport(body: ExportBody, signal: AbortSignal): Promise<true> {
  await client.POST('/api/v1/exports', { body, params: { query: { validate_only: true } }, signal })
  return true
}
