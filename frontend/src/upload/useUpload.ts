import { useEffect, useRef, useState } from 'react'
import { answer, client } from '../api/client'
import { forget, type Remembered, recall, remember } from './remembered'
import { PlaceGone, sendFile } from './send'

export type Upload =
  | { state: 'none' }
  | { state: 'sending'; sentBytes: number; resumed: boolean }
  | { state: 'done'; uploadId: string }
  | { state: 'failed'; error: unknown }

/** Sends `file` as soon as there is one; another file, or none, stops that. */
export function useUpload(file: File | null): [Upload, () => void] {
  const [upload, setUpload] = useState<Upload>({ state: 'none' })
  const [again, setAgain] = useState(0)
  const known = useRef(new Map<File, string>())
  // biome-ignore lint/correctness/useExhaustiveDependencies: `again` starts it anew
  useEffect(() => {
    if (file === null) {
      setUpload({ state: 'none' })
      return
    }
    const done = known.current.get(file)
    if (done !== undefined) {
      setUpload({ state: 'done', uploadId: done })
      return
    }
    const stop = new AbortController()
    setUpload({ state: 'sending', sentBytes: 0, resumed: false })
    send(file, stop.signal, (sentBytes, resumed) => setUpload({ state: 'sending', sentBytes, resumed })).then(
      (uploadId) => {
        if (stop.signal.aborted) return
        known.current.set(file, uploadId)
        setUpload({ state: 'done', uploadId })
      },
      (error: unknown) => {
        if (!stop.signal.aborted) setUpload({ state: 'failed', error })
      },
    )
    return () => stop.abort()
  }, [file, again])
  return [upload, () => setAgain((count) => count + 1)]
}

type Progress = (sentBytes: number, resumed: boolean) => void

async function send(file: File, signal: AbortSignal, progress: Progress): Promise<string> {
  const kept = recall(file, Date.now())
  if (kept !== null) {
    try {
      return await sendTo(kept, file, signal, progress, true)
    } catch (error) {
      if (!(error instanceof PlaceGone)) throw error
      forget(file)
    }
  }
  // Without an AbortSignal: an upload that is opened is remembered, also when nobody waits for it any more.
  const body = { filename: nameOf(file), size_bytes: file.size }
  const opened = remember(file, await answer(client.POST('/api/v1/uploads', { body })))
  return sendTo(opened, file, signal, progress, false)
}

async function sendTo(
  place: Remembered,
  file: File,
  signal: AbortSignal,
  progress: Progress,
  resumed: boolean,
): Promise<string> {
  await sendFile({ place, file, fresh: !resumed, signal, progress: (sent) => progress(sent, resumed) })
  return place.upload_id
}

/** As krai takes names: no folder, no dot at the start, nothing that makes it look like another. */
function nameOf(file: File): string {
  const name = file.name
    .replace(/[/\\:*?"<>|\p{C}\p{Z}]+/gu, ' ')
    .trim()
    .replace(/^\.+/, '')
  return name.slice(0, 60) || 'upload'
}
