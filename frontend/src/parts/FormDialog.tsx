import { Button, Group, Stack } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Dialog } from './Dialog'
import { Failure } from './Failure'

interface DialogProps {
  label: string
  /** What a screen reader says of the button, where the label alone does not tell which row it belongs to. */
  about?: string
  title?: string
  icon?: ReactNode
  inRow?: boolean
  children: (close: () => void) => ReactNode
}

/** A button that opens a form; what was filled in is forgotten with it. */
export function FormDialog({ label, about, title = label, icon, inRow = false, children }: DialogProps) {
  const [opened, { open, close }] = useDisclosure(false)
  return (
    <>
      <Button
        leftSection={icon}
        onClick={open}
        {...(about ? { 'aria-label': `${label}: ${about}` } : {})}
        {...(inRow ? { variant: 'subtle', size: 'compact-sm' } : {})}
      >
        {label}
      </Button>
      <Dialog opened={opened} close={close} title={title} form>
        {children(close)}
      </Dialog>
    </>
  )
}

interface FormProps {
  verb: string
  ready: boolean
  run: () => Promise<unknown>
  close: () => void
  /** The form stays open for what it has brought. */
  stays?: boolean
  children: ReactNode
}

/** Fields, and a button that sends them and says why it could not. */
export function DialogForm({ verb, ready, run, close, stays = false, children }: FormProps) {
  const doing = useMutation({
    mutationFn: run,
    onSuccess: () => {
      if (!stays) close()
    },
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        doing.mutate()
      }}
    >
      <Stack>
        {children}
        {doing.error && <Failure error={doing.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" disabled={!ready} loading={doing.isPending}>
            {verb}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
