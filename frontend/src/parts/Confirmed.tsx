import { Button, Group, Modal, Stack, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Failure } from './Failure'

interface Props {
  label: string
  icon: ReactNode
  /** What will happen, and whether it can be taken back. */
  question: string
  /** The verb of the button that does it. */
  verb: string
  danger?: boolean
  run: () => Promise<unknown>
}

/** A button that asks first, stays until it is done, and says why it could not be. */
export function Confirmed({ label, icon, question, verb, danger = false, run }: Props) {
  const [opened, { open, close }] = useDisclosure(false)
  const doing = useMutation({ mutationFn: run, onSuccess: close })
  return (
    <>
      <Button variant="default" leftSection={icon} onClick={open}>
        {label}
      </Button>
      <Modal.Root opened={opened} onClose={close} centered>
        <Modal.Overlay />
        <Modal.Content aria-label={label}>
          <Modal.Body>
            <Stack>
              <Title order={2}>{label}</Title>
              <Text size="sm">{question}</Text>
              {doing.error && <Failure error={doing.error} />}
              <Group justify="flex-end" gap="xs">
                <Button variant="default" onClick={close}>
                  Leave it
                </Button>
                <Button
                  {...(danger ? { color: 'red.8' } : {})}
                  loading={doing.isPending}
                  onClick={() => doing.mutate()}
                >
                  {verb}
                </Button>
              </Group>
            </Stack>
          </Modal.Body>
        </Modal.Content>
      </Modal.Root>
    </>
  )
}
