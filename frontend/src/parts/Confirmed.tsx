import { Button, Group, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { Dialog } from './Dialog'
import { Failure } from './Failure'

interface Props {
  label: string
  icon?: ReactNode
  /** What a screen reader says of the button, where the label alone does not tell which row it belongs to. */
  about?: string
  inRow?: boolean
  /** What will happen, and whether it can be taken back. */
  question: string
  /** The verb of the button that does it. */
  verb: string
  danger?: boolean
  /** What must be typed first, where a slip would cost too much. */
  typed?: string
  run: () => Promise<unknown>
}

/** A button that asks first, stays until it is done, and says why it could not be. */
export function Confirmed(props: Props) {
  const { label, icon, about, inRow = false, question, verb, danger = false, typed, run } = props
  const [text, setText] = useState('')
  const [opened, { open, close }] = useDisclosure(false, { onOpen: () => setText('') })
  const doing = useMutation({ mutationFn: run, onSuccess: close })
  return (
    <>
      <Button
        leftSection={icon}
        onClick={open}
        {...(about ? { 'aria-label': `${label}: ${about}` } : {})}
        {...(inRow ? { variant: 'subtle', size: 'compact-sm' } : { variant: 'default' })}
        {...(inRow && danger ? { color: 'red', c: 'var(--bad)' } : {})}
      >
        {label}
      </Button>
      <Dialog opened={opened} close={close} title={label}>
        <Text size="sm">{question}</Text>
        {typed !== undefined && (
          <TextInput
            label={
              <>
                Type <span className="mono">{typed}</span> to go on
              </>
            }
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
          />
        )}
        {doing.error && <Failure error={doing.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button
            {...(danger ? { color: 'red.8' } : {})}
            loading={doing.isPending}
            disabled={typed !== undefined && text !== typed}
            onClick={() => doing.mutate()}
          >
            {verb}
          </Button>
        </Group>
      </Dialog>
    </>
  )
}
