import { Accordion, NumberInput, Select, Stack, Switch, TagsInput, TextInput } from '@mantine/core'
import { Remarks } from '../../parts/Remarks'
import type { Form } from './form'

const DELIMITERS = [
  { value: '', label: 'Found by the file' },
  { value: ',', label: 'Comma' },
  { value: ';', label: 'Semicolon' },
  { value: '\t', label: 'Tab' },
  { value: '|', label: 'Bar' },
]

interface Props {
  form: Form
  change: (changes: Partial<Form>) => void
}

/** How the file is written where it does not tell, and what is seldom asked for. */
export function MoreFields({ form, change }: Props) {
  return (
    <Accordion variant="contained" radius="lg">
      <Accordion.Item value="more">
        <Accordion.Control>More: how the file is written, rejected rows, labels</Accordion.Control>
        <Accordion.Panel>
          <Stack gap="md">
            <Select
              label="Delimiter"
              data={DELIMITERS}
              value={form.delimiter}
              onChange={(value) => change({ delimiter: value ?? '' })}
              allowDeselect={false}
            />
            <TextInput
              label="Encoding"
              description="Such as windows-1252, utf-16 or shift_jis."
              value={form.encoding}
              onChange={(event) => change({ encoding: event.currentTarget.value })}
              placeholder="utf-8"
            />
            <Switch
              label="The first line has the names of the columns"
              checked={form.header}
              onChange={(event) => change({ header: event.currentTarget.checked })}
            />
            <TagsInput
              label="What means nothing is there"
              description="Besides an empty cell, such as NULL or n/a. Enter ends one."
              value={form.nulls}
              onChange={(nulls) => change({ nulls })}
            />
            <TextInput
              label="Sheet"
              description="Of an XLSX file, by name or by number from 1."
              value={form.sheet}
              onChange={(event) => change({ sheet: event.currentTarget.value })}
              placeholder="The first that is shown"
            />
            <Switch
              label="Stop at the first row that cannot be imported"
              checked={form.onError === 'abort'}
              onChange={(event) => change({ onError: event.currentTarget.checked ? 'abort' : 'reject' })}
            />
            <NumberInput
              label="Fail with more rejected rows than"
              value={form.onError === 'abort' ? '' : form.maxErrors}
              disabled={form.onError === 'abort'}
              onChange={(value) => change({ maxErrors: String(value) })}
              min={0}
              allowDecimal={false}
              placeholder="However many"
              hideControls
            />
            <Remarks said={form} change={change} />
          </Stack>
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  )
}
