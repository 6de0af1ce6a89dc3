import { TagsInput, TextInput } from '@mantine/core'

export interface Said {
  labels: string[]
  description: string
}

interface Props {
  said: Said
  change: (changes: Partial<Said>) => void
}

/** What somebody says of a job they ask for: fields of a form. */
export function Remarks({ said, change }: Props) {
  return (
    <>
      <TagsInput
        label="Labels"
        description="Such as team:sales; jobs are found by them. Enter ends one."
        value={said.labels}
        onChange={(labels) => change({ labels })}
      />
      <TextInput
        label="Description"
        value={said.description}
        onChange={(event) => change({ description: event.currentTarget.value })}
        maxLength={500}
      />
    </>
  )
}
