/** What is filled in for an export, and the request that it makes. */

import type { ColumnAnswer, ExportBody } from '../../api/schema'
import { labelsOf } from '../../words/labels'
import { type Condition, filterText } from './filter'

export interface Form {
  dataset: string
  columns: string[]
  builds: boolean
  conditions: Condition[]
  joint: 'AND' | 'OR'
  filter: string
  format: NonNullable<ExportBody['format']>
  compression: NonNullable<ExportBody['compression']>
  order: string[]
  limit: string
  asOf: string
  splitRows: string
  filename: string
  delimiter: string
  spreadsheet: boolean
  labels: string[]
  description: string
}

export const EMPTY: Form = {
  dataset: '',
  columns: [],
  builds: true,
  conditions: [],
  joint: 'AND',
  filter: '',
  format: 'csv',
  compression: 'none',
  order: [],
  limit: '',
  asOf: '',
  splitRows: '',
  filename: '',
  delimiter: '',
  spreadsheet: false,
  labels: [],
  description: '',
}

function textOf(form: Form): boolean {
  return form.format === 'csv' || form.format === 'tsv'
}

/** The request; only what is said is in it. */
export function requestOf(form: Form, columns: readonly ColumnAnswer[]): ExportBody {
  const filter = form.builds ? filterText(form.conditions, form.joint, columns) : form.filter.trim()
  const csv = {
    ...(form.delimiter && form.format === 'csv' ? { delimiter: form.delimiter } : {}),
    ...(form.spreadsheet ? { profile: 'spreadsheet' as const } : {}),
  }
  return {
    dataset: form.dataset,
    ...(form.format === 'csv' ? {} : { format: form.format }),
    ...(form.compression === 'none' || form.format === 'xlsx' ? {} : { compression: form.compression }),
    ...(form.columns.length > 0 ? { columns: form.columns } : {}),
    ...(filter ? { filter } : {}),
    ...(form.order.length > 0 ? { order_by: form.order } : {}),
    ...(form.limit ? { limit: Number(form.limit) } : {}),
    ...(form.asOf.trim() ? { as_of: form.asOf.trim() } : {}),
    ...(form.splitRows ? { split_rows: Number(form.splitRows) } : {}),
    ...(form.filename.trim() ? { filename: form.filename.trim() } : {}),
    ...(textOf(form) && Object.keys(csv).length > 0 ? { csv } : {}),
    ...(form.labels.length > 0 ? { labels: labelsOf(form.labels) } : {}),
    ...(form.description.trim() ? { description: form.description.trim() } : {}),
  }
}
