/** An export as the command `krai` asks for it. */

import { quoted } from './request'

type Json = Record<string, unknown>

// What the command has a flag for; a request with anything else cannot be said by it.
const FLAGS: Record<string, string> = {
  format: '--format',
  compression: '--compression',
  columns: '--columns',
  filter: '--filter',
  order_by: '--order-by',
  limit: '--limit',
  as_of: '--as-of',
  split_rows: '--split-rows',
  description: '--description',
}
const CSV_FLAGS: Record<string, string> = {
  delimiter: '--csv-delimiter',
  null: '--csv-null',
  profile: '--csv-profile',
}
const PLAIN = /^[\w@%+=:,./-]+$/

function word(value: unknown): string {
  const text = Array.isArray(value) ? value.join(',') : String(value)
  return PLAIN.test(text) ? text : quoted(text)
}

/** The command, with the file in this folder; null where it has no flag for what is asked. */
export function exportCommand(body: Json): string | null {
  const { dataset, filename, csv, labels, ...rest } = body
  const lines = [`krai export ${word(dataset)}`]
  const packed = { gzip: '.gz', zstd: '.zst' }[String(rest.compression)] ?? ''
  const file = filename ?? (rest.split_rows ? dataset : `${dataset}.${rest.format ?? 'csv'}${packed}`)
  lines.push(`-o ${word(file)}`)
  for (const [name, value] of Object.entries(rest)) {
    const flag = FLAGS[name]
    // The command parts names at commas.
    if (!flag || (Array.isArray(value) && value.some((one) => String(one).includes(',')))) return null
    // What begins like a flag is none behind an equals sign.
    lines.push(`${flag}${word(value).startsWith('-') ? '=' : ' '}${word(value)}`)
  }
  for (const [name, value] of Object.entries((csv as Json | null | undefined) ?? {})) {
    if (name === 'header') lines.push(value ? '--csv-header' : '--no-csv-header')
    else if (value !== null && value !== undefined) lines.push(`${CSV_FLAGS[name]} ${word(value)}`)
  }
  for (const [name, value] of Object.entries((labels as Json | undefined) ?? {}))
    lines.push(`--label ${word(`${name}=${value}`)}`)
  return lines.join(' \\\n  ')
}
