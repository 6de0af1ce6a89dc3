import { Autocomplete, SegmentedControl, Stack, Switch, TagsInput, Text } from '@mantine/core'
import type { DatasetAnswer } from '../../api/schema'
import { rows } from '../../words/format'
import { type Form, isDatasetName } from './form'

const MODES = [
  { value: 'append', label: 'Add' },
  { value: 'upsert', label: 'Add or update' },
  { value: 'replace', label: 'Replace' },
]
const MEANS = {
  append: 'The rows are added to those that are there.',
  upsert: 'Rows take the place of those with the same key; all others are added.',
  replace: 'The rows take the place of all that are there, columns and all.',
} as const

interface Props {
  form: Form
  datasets: readonly DatasetAnswer[]
  change: (changes: Partial<Form>) => void
}

/** Into which dataset, and what becomes of the rows that are there. */
export function IntoFields({ form, datasets, change }: Props) {
  const dataset = datasets.find((one) => one.name === form.dataset)
  const valid = form.dataset === '' || isDatasetName(form.dataset)
  return (
    <Stack gap="md">
      <div>
        <Autocomplete
          label="Dataset"
          data={datasets.map((one) => one.name)}
          value={form.dataset}
          onChange={(name) => change({ dataset: name })}
          error={valid ? undefined : 'Takes a small letter, then up to 62 small letters, digits and underscores.'}
        />
        {valid && form.dataset !== '' && (
          <Text size="sm" c="dimmed" mt={4} className="numbers">
            {dataset
              ? `There are ${rows(dataset.rows)} rows in it now.`
              : 'There is none of this name; it will be made.'}
          </Text>
        )}
      </div>
      <div>
        <SegmentedControl
          aria-label="What becomes of the rows that are there"
          data={MODES}
          value={form.mode}
          onChange={(mode) => change({ mode: mode as Form['mode'] })}
        />
        <Text size="sm" c="dimmed" mt={4}>
          {MEANS[form.mode]}
        </Text>
      </div>
      {form.mode === 'upsert' && (
        <TagsInput
          label="Key"
          description="The columns of the dataset that tell rows apart."
          data={dataset?.columns.map((column) => column.name) ?? []}
          value={form.key}
          onChange={(key) => change({ key })}
        />
      )}
      {form.mode !== 'replace' && dataset && (
        <Switch
          label="The file may bring columns that the dataset does not have"
          checked={form.evolve}
          onChange={(event) => change({ evolve: event.currentTarget.checked })}
        />
      )}
    </Stack>
  )
}
