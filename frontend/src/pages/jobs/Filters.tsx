import { Button, Group, NativeSelect, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import type { JobFilters } from '../../api/jobs'

const TYPES = [
  { value: '', label: 'All types' },
  { value: 'export', label: 'Exports' },
  { value: 'import', label: 'Imports' },
  { value: 'undo', label: 'Undone imports' },
  { value: 'drop', label: 'Dropped datasets' },
]
const STATES = [
  { value: '', label: 'Any status' },
  { value: 'PENDING', label: 'Waiting' },
  { value: 'PROCESSING', label: 'Running' },
  { value: 'COMPLETED', label: 'Completed' },
  { value: 'FAILED', label: 'Failed' },
  { value: 'CANCELLED', label: 'Cancelled' },
]
const DATASET = /^[a-z][a-z0-9_]{0,62}$/
const LABEL = /^[a-z][a-z0-9_.-]{0,62}[:=]/
const TYPING_MS = 300

/** What is shown of the list; it stands in the address, so that it can be sent to somebody. */
export function Filters({ filters }: { filters: JobFilters }) {
  const navigate = useNavigate({ from: '/' })
  function set(name: keyof JobFilters, value: string) {
    void navigate({ search: (before) => ({ ...before, [name]: value || undefined }), replace: true })
  }
  return (
    <Group gap="xs" role="search" aria-label="Jobs">
      <NativeSelect
        aria-label="Type"
        data={TYPES}
        value={filters.type ?? ''}
        onChange={(event) => set('type', event.currentTarget.value)}
      />
      <NativeSelect
        aria-label="Status"
        data={STATES}
        value={filters.status ?? ''}
        onChange={(event) => set('status', event.currentTarget.value)}
      />
      <Typed
        name="Dataset"
        value={filters.dataset ?? ''}
        shape={DATASET}
        hint="Small letters, digits and _"
        set={(value) => set('dataset', value)}
      />
      <Typed
        name="Label"
        placeholder="team:sales"
        value={filters.label ?? ''}
        shape={LABEL}
        hint="name:value"
        set={(value) => set('label', value)}
      />
      {Object.keys(filters).length > 0 && (
        <Button variant="subtle" color="gray" onClick={() => void navigate({ search: {}, replace: true })}>
          Clear
        </Button>
      )}
    </Group>
  )
}

function Typed(props: {
  name: string
  value: string
  shape: RegExp
  hint: string
  placeholder?: string
  set: (value: string) => void
}) {
  const [text, setText] = useState(props.value)
  useEffect(() => setText(props.value), [props.value])
  const pass = useDebouncedCallback(props.set, TYPING_MS)
  const fits = text === '' || props.shape.test(text)
  return (
    <TextInput
      aria-label={props.name}
      placeholder={props.placeholder ?? props.name}
      value={text}
      w={170}
      error={fits ? undefined : props.hint}
      onChange={(event) => {
        const value = event.currentTarget.value
        setText(value)
        if (value === '' || props.shape.test(value)) pass(value)
      }}
    />
  )
}
