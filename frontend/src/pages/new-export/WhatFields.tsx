import { MultiSelect, Select, Text } from '@mantine/core'
import type { ColumnAnswer, DatasetAnswer } from '../../api/schema'
import { Ago } from '../../parts/Ago'
import { bytes, rows } from '../../words/format'
import { EMPTY, type Form } from './form'

interface Props {
  form: Form
  datasets: readonly DatasetAnswer[]
  columns: readonly ColumnAnswer[]
  change: (changes: Partial<Form>) => void
}

/** Which dataset, and which of its columns in which order. */
export function WhatFields({ form, datasets, columns, change }: Props) {
  const dataset = datasets.find((one) => one.name === form.dataset)
  const names = columns.map((column) => column.name)
  const { conditions, columns: none, order, filter } = EMPTY
  return (
    <>
      <div>
        <Select
          label="Dataset"
          data={datasets.map((one) => one.name)}
          value={form.dataset}
          onChange={(chosen) => chosen && change({ dataset: chosen, conditions, columns: none, order, filter })}
          allowDeselect={false}
          searchable
          error={dataset ? undefined : 'There is no dataset of this name.'}
        />
        {dataset && (
          <Text size="sm" c="dimmed" mt={4} className="numbers">
            {rows(dataset.rows)} rows, {bytes(dataset.bytes)}, changed <Ago at={dataset.updated_at} />
          </Text>
        )}
      </div>
      <MultiSelect
        label="Columns"
        description="In the order in which they are chosen; all when none is."
        data={names}
        value={form.columns}
        onChange={(chosen) => change({ columns: chosen })}
        placeholder={form.columns.length === 0 ? `All ${names.length} columns` : ''}
        searchable
        clearable
        hidePickedOptions
      />
      <MultiSelect
        label="Sorted by"
        data={names.flatMap((name) => [
          { value: name, label: `${name}, ascending`, disabled: form.order.includes(`-${name}`) },
          { value: `-${name}`, label: `${name}, descending`, disabled: form.order.includes(name) },
        ])}
        value={form.order}
        onChange={(chosen) => change({ order: chosen })}
        placeholder={form.order.length === 0 ? 'As they are in the dataset' : ''}
        searchable
        clearable
        hidePickedOptions
      />
    </>
  )
}
