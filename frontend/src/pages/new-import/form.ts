/** What is filled in for an import, and the request that it makes. */

import type { ForecastResult, ImportBody } from '../../api/schema'
import { labelsOf } from '../../words/labels'

export interface Form {
  dataset: string
  mode: NonNullable<ImportBody['mode']>
  key: string[]
  evolve: boolean
  /** Other names of the file's columns in the dataset; null leaves one out. */
  names: Record<string, string | null>
  /** Types by the names in the dataset. */
  types: Record<string, string>
  delimiter: string
  encoding: string
  header: boolean
  nulls: string[]
  sheet: string
  onError: NonNullable<ImportBody['on_error']>
  maxErrors: string
  labels: string[]
  description: string
}

export const EMPTY: Form = {
  dataset: '',
  mode: 'append',
  key: [],
  evolve: false,
  names: {},
  types: {},
  delimiter: '',
  encoding: '',
  header: true,
  nulls: [],
  sheet: '',
  onError: 'reject',
  maxErrors: '',
  labels: [],
  description: '',
}

const DATASET = /^[a-z][a-z0-9_]{0,62}$/

export function isDatasetName(name: string): boolean {
  return DATASET.test(name)
}

/** The name of a dataset that a file's name suggests: `Orders 2026.csv.gz` is `orders_2026`. */
export function datasetFor(filename: string): string {
  const [stem = ''] = filename.split('.')
  const name = stem
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[^a-z]+|_+$/g, '')
  return name.slice(0, 63) || 'imported'
}

function sheetOf(text: string): number | string {
  return /^[1-9]\d{0,3}$/.test(text) ? Number(text) : text
}

/** The request; only what is said is in it. */
export function requestOf(form: Form, uploadId: string, dryRun: boolean): ImportBody {
  const csv = {
    ...(form.delimiter ? { delimiter: form.delimiter } : {}),
    ...(form.encoding.trim() ? { encoding: form.encoding.trim() } : {}),
    ...(form.header ? {} : { header: false }),
    ...(form.nulls.length > 0 ? { null: ['', ...form.nulls] } : {}),
  }
  return {
    dataset: form.dataset,
    source: { upload_id: uploadId },
    ...(form.mode === 'append' ? {} : { mode: form.mode }),
    ...(form.mode === 'upsert' ? { key: form.key } : {}),
    ...(form.evolve && form.mode !== 'replace' ? { evolve: true } : {}),
    ...(Object.keys(form.names).length > 0 ? { columns: form.names } : {}),
    ...(Object.keys(form.types).length > 0 ? { schema: form.types } : {}),
    ...(Object.keys(csv).length > 0 ? { csv } : {}),
    ...(form.sheet.trim() ? { sheet: sheetOf(form.sheet.trim()) } : {}),
    ...(form.onError === 'reject' ? {} : { on_error: form.onError }),
    ...(form.maxErrors && form.onError === 'reject' ? { max_errors: Number(form.maxErrors) } : {}),
    ...(form.labels.length > 0 ? { labels: labelsOf(form.labels) } : {}),
    ...(form.description.trim() ? { description: form.description.trim() } : {}),
    ...(dryRun ? { dry_run: true } : {}),
  }
}

/** The columns of the file by their own names, in its order as far as a dry run tells it. */
export function sourcesOf(forecast: ForecastResult, names: Form['names']): string[] {
  const back = new Map(Object.entries(names).map(([source, target]) => [target, source]))
  const leftOut = Object.keys(names).filter((source) => names[source] === null)
  return [...forecast.preview.columns.map((target) => back.get(target) ?? target), ...leftOut]
}

/** The form with which the file says what it has, into a dataset that is not there: nothing can be in its way. */
export function lookingAt(form: Form): Form {
  const { mode, key, evolve, names, types } = EMPTY
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) =>
    String.fromCharCode(97 + (byte % 26)),
  )
  return { ...form, mode, key, evolve, names, types, dataset: `dry_run_${letters.join('')}` }
}
