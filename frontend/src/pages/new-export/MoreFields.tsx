import { Accordion, Select, Stack, Switch, TextInput } from '@mantine/core'
import { Remarks } from '../../parts/Remarks'
import type { Form } from './form'

const DELIMITERS = [
  { value: '', label: 'Comma' },
  { value: ';', label: 'Semicolon' },
  { value: '\t', label: 'Tab' },
  { value: '|', label: 'Bar' },
]

interface Props {
  form: Form
  change: (changes: Partial<Form>) => void
}

/** What is seldom asked for. */
export function MoreFields({ form, change }: Props) {
  const text = form.format === 'csv' || form.format === 'tsv'
  return (
    <Accordion variant="contained" radius="lg">
      <Accordion.Item value="more">
        <Accordion.Control>More: an earlier snapshot, labels, details of the format</Accordion.Control>
        <Accordion.Panel>
          <Stack gap="md">
            <TextInput
              label="As the dataset was"
              description="The id of a snapshot, or a time such as 2026-01-31T12:00:00Z."
              value={form.asOf}
              onChange={(event) => change({ asOf: event.currentTarget.value })}
              placeholder="As it is now"
            />
            {form.format === 'csv' && (
              <Select
                label="Delimiter"
                data={DELIMITERS}
                value={form.delimiter}
                onChange={(value) => change({ delimiter: value ?? '' })}
                allowDeselect={false}
              />
            )}
            {text && (
              <Switch
                label="For a spreadsheet: text that looks like a formula stays text"
                checked={form.spreadsheet}
                onChange={(event) => change({ spreadsheet: event.currentTarget.checked })}
              />
            )}
            <Remarks said={form} change={change} />
          </Stack>
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  )
}
