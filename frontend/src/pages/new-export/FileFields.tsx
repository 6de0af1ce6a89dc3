import { NumberInput, Select, TextInput } from '@mantine/core'
import type { Form } from './form'

const FORMATS = [
  { value: 'csv', label: 'CSV' },
  { value: 'tsv', label: 'TSV' },
  { value: 'ndjson', label: 'NDJSON, an object a line' },
  { value: 'json', label: 'JSON, one array' },
  { value: 'parquet', label: 'Parquet' },
  { value: 'xlsx', label: 'XLSX, for spreadsheets' },
]
const PACKED = [
  { value: 'none', label: 'As it is' },
  { value: 'gzip', label: 'gzip' },
  { value: 'zstd', label: 'zstd' },
]

interface Props {
  form: Form
  change: (changes: Partial<Form>) => void
}

/** The format of the files, how many rows and how many files. */
export function FileFields({ form, change }: Props) {
  return (
    <div className="fields">
      <Select
        label="Format"
        data={FORMATS}
        value={form.format}
        onChange={(value) => value && change({ format: value as Form['format'] })}
        allowDeselect={false}
      />
      <Select
        label="Compression"
        data={PACKED}
        value={form.format === 'xlsx' ? 'none' : form.compression}
        onChange={(value) => value && change({ compression: value as Form['compression'] })}
        allowDeselect={false}
        disabled={form.format === 'xlsx'}
      />
      <NumberInput
        label="At most so many rows"
        value={form.limit}
        onChange={(value) => change({ limit: String(value) })}
        min={1}
        allowDecimal={false}
        thousandSeparator=","
        placeholder="All"
        hideControls
      />
      <NumberInput
        label="Rows per file"
        value={form.splitRows}
        onChange={(value) => change({ splitRows: String(value) })}
        min={1}
        allowDecimal={false}
        thousandSeparator=","
        placeholder="One file"
        hideControls
      />
      <TextInput
        label="Name of the file"
        value={form.filename}
        onChange={(event) => change({ filename: event.currentTarget.value })}
        placeholder="Named by the dataset"
      />
    </div>
  )
}
