import { Button, Group, Progress, Stack, Text } from '@mantine/core'
import { type DragEvent, useId, useState } from 'react'
import type { Upload } from '../upload/useUpload'
import { bytes } from '../words/format'
import { Failure } from './Failure'
import { IconCheck, IconImport } from './icons'
import './drop.css'

interface Props {
  file: File | null
  upload: Upload
  choose: (file: File | null) => void
  again: () => void
}

/** Where a file is dropped, or chosen, and how far it has been sent. */
export function DropZone({ file, upload, choose, again }: Props) {
  if (file === null) return <Target choose={choose} />
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <div style={{ minWidth: 0 }}>
          <Text fw={600} className="cut">
            {file.name}
          </Text>
          <Text size="sm" c="dimmed" className="numbers" role="status">
            <Told file={file} upload={upload} />
          </Text>
        </div>
        <Button variant="default" size="xs" onClick={() => choose(null)}>
          Another file
        </Button>
      </Group>
      {upload.state === 'sending' && (
        <Progress value={(100 * upload.sentBytes) / Math.max(1, file.size)} aria-label="Sent" radius="xl" />
      )}
      {upload.state === 'failed' && <Failure error={upload.error} again={again} />}
    </Stack>
  )
}

function Told({ file, upload }: { file: File; upload: Upload }) {
  switch (upload.state) {
    case 'sending':
      return `${bytes(upload.sentBytes)} of ${bytes(file.size)} sent${upload.resumed ? ', going on where it was interrupted' : ''}`
    case 'done':
      return (
        <>
          <IconCheck style={{ verticalAlign: '-0.2em', color: 'var(--good)' }} /> {bytes(file.size)}, stored
        </>
      )
    default:
      return bytes(file.size)
  }
}

function Target({ choose }: { choose: (file: File) => void }) {
  const id = useId()
  const [over, setOver] = useState(false)
  function drop(event: DragEvent) {
    event.preventDefault()
    setOver(false)
    const [file] = event.dataTransfer.files
    if (file) choose(file)
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is for the mouse; the button inside does the same
    <div
      className="drop"
      data-over={over}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <input
        id={id}
        type="file"
        className="drop-input"
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? []
          if (file) choose(file)
        }}
      />
      <label htmlFor={id}>
        <IconImport width="2em" height="2em" />
        <span>
          Drop a file here, or <b>choose one</b>
        </span>
        <Text component="span" size="sm" c="dimmed">
          CSV, TSV, NDJSON, JSON, XLSX or Parquet, also packed with gzip or zstd
        </Text>
      </label>
    </div>
  )
}
