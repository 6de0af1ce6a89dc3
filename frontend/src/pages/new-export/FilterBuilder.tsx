import { ActionIcon, Button, Group, NativeSelect, SegmentedControl, Stack, Textarea, TextInput } from '@mantine/core'
import type { ColumnAnswer } from '../../api/schema'
import { IconCross, IconPlus } from '../../parts/icons'
import { type Condition, filterText, operatorsOf } from './filter'
import type { Form } from './form'

interface Props {
  form: Form
  columns: readonly ColumnAnswer[]
  change: (changes: Partial<Form>) => void
  error: string | null
}

/** Which rows: conditions to be picked, or the text of a filter. */
export function FilterBuilder({ form, columns, change, error }: Props) {
  function turn(builds: boolean) {
    // What has been picked goes on as text; what was written cannot be picked apart again.
    const filter = builds ? form.filter : filterText(form.conditions, form.joint, columns) || form.filter
    change({ builds, filter })
  }
  return (
    <Stack gap="sm">
      <SegmentedControl
        aria-label="How the filter is written"
        value={form.builds ? 'pick' : 'write'}
        onChange={(value) => turn(value === 'pick')}
        data={[
          { value: 'pick', label: 'Pick conditions' },
          { value: 'write', label: 'Write a filter' },
        ]}
        style={{ alignSelf: 'flex-start' }}
      />
      {form.builds ? (
        <Conditions form={form} columns={columns} change={change} />
      ) : (
        <Textarea
          aria-label="Filter"
          description="One SQL condition on the columns, such as: country IN ('DE', 'FR') AND NOT notes LIKE '%test%'"
          autosize
          minRows={3}
          value={form.filter}
          onChange={(event) => change({ filter: event.currentTarget.value })}
          error={error}
          spellCheck={false}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
        />
      )}
      {form.builds && error && (
        <div role="alert" style={{ color: 'var(--bad)', fontSize: '0.85rem' }}>
          {error}
        </div>
      )}
    </Stack>
  )
}

function Conditions({ form, columns, change }: Omit<Props, 'error'>) {
  const set = (id: number, changes: Partial<Condition>) =>
    change({ conditions: form.conditions.map((one) => (one.id === id ? { ...one, ...changes } : one)) })
  const first = columns[0]
  function add() {
    if (!first) return
    const id = Math.max(0, ...form.conditions.map((one) => one.id)) + 1
    const operator = operatorsOf(first.type)[0]?.value ?? '='
    change({ conditions: [...form.conditions, { id, column: first.name, operator, value: '' }] })
  }
  return (
    <Stack gap="xs">
      {form.conditions.length > 1 && (
        <NativeSelect
          aria-label="Which of the conditions must hold"
          data={[
            { value: 'AND', label: 'All of these hold' },
            { value: 'OR', label: 'Any of these holds' },
          ]}
          value={form.joint}
          onChange={(event) => change({ joint: event.currentTarget.value as Form['joint'] })}
          style={{ alignSelf: 'flex-start' }}
        />
      )}
      {form.conditions.map((condition, number) => (
        <Row
          key={condition.id}
          label={`Condition ${number + 1}`}
          condition={condition}
          columns={columns}
          set={(changes) => set(condition.id, changes)}
          remove={() => change({ conditions: form.conditions.filter((one) => one.id !== condition.id) })}
        />
      ))}
      <div>
        <Button variant="default" size="xs" leftSection={<IconPlus />} onClick={add} disabled={!first}>
          Add a condition
        </Button>
      </div>
    </Stack>
  )
}

const HINTS = { one: '', two: 'from, to', list: 'a, b, c', nothing: '' } as const

function Row(props: {
  label: string
  condition: Condition
  columns: readonly ColumnAnswer[]
  set: (changes: Partial<Condition>) => void
  remove: () => void
}) {
  const { label, condition, columns, set } = props
  const type = columns.find((one) => one.name === condition.column)?.type ?? 'string'
  const operators = operatorsOf(type)
  const takes = operators.find((one) => one.value === condition.operator)?.takes ?? 'one'
  function setColumn(column: string) {
    const next = operatorsOf(columns.find((one) => one.name === column)?.type ?? 'string')
    const kept = next.some((one) => one.value === condition.operator)
    set({ column, operator: kept ? condition.operator : (next[0]?.value ?? '=') })
  }
  return (
    <Group gap="xs" role="group" aria-label={label} className="condition">
      <NativeSelect
        aria-label={`${label}: column`}
        data={columns.map((one) => one.name)}
        value={condition.column}
        onChange={(event) => setColumn(event.currentTarget.value)}
      />
      <NativeSelect
        aria-label={`${label}: comparison`}
        data={operators.map(({ value, label }) => ({ value, label }))}
        value={condition.operator}
        onChange={(event) => set({ operator: event.currentTarget.value })}
      />
      {takes !== 'nothing' && (
        <TextInput
          aria-label={`${label}: value`}
          placeholder={HINTS[takes] || type}
          value={condition.value}
          onChange={(event) => set({ value: event.currentTarget.value })}
          style={{ flex: '1 1 8rem' }}
        />
      )}
      <ActionIcon variant="subtle" color="gray" aria-label={`Remove ${label.toLowerCase()}`} onClick={props.remove}>
        <IconCross />
      </ActionIcon>
    </Group>
  )
}
