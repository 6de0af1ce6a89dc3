/** Uploads under way, kept in this tab so that they go on after a reload when the same file is chosen again. */

import type { UploadAnswer } from '../api/schema'

export interface Remembered {
  upload_id: string
  url: string
  headers: Record<string, string>
  expires_at: string
}

type Named = Pick<File, 'name' | 'size' | 'lastModified'>

function keyOf(file: Named): string {
  return `krai-upload:${file.size}:${file.lastModified}:${file.name}`
}

export function remember(file: Named, upload: UploadAnswer): Remembered {
  const { upload_id, upload_url: url, headers, expires_at } = upload
  const kept = { upload_id, url, headers, expires_at }
  sessionStorage.setItem(keyOf(file), JSON.stringify(kept))
  return kept
}

export function recall(file: Named, now: number): Remembered | null {
  const text = sessionStorage.getItem(keyOf(file))
  if (text === null) return null
  const kept = JSON.parse(text) as Remembered
  return Date.parse(kept.expires_at) > now ? kept : null
}

export function forget(file: Named): void {
  sessionStorage.removeItem(keyOf(file))
}
