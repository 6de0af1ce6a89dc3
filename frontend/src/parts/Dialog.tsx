import { Modal, Stack, Title } from '@mantine/core'
import type { ReactNode } from 'react'

interface Props {
  opened: boolean
  close: () => void
  title: string
  /** It is left by its own buttons and Escape alone: a slip of the mouse loses nothing. */
  form?: boolean
  children: ReactNode
}

/** A question or a form above the page; its title is no banner, as that of Modal would be. */
export function Dialog({ opened, close, title, form = false, children }: Props) {
  return (
    <Modal.Root opened={opened} onClose={close} centered closeOnClickOutside={!form} {...(form ? { size: 'lg' } : {})}>
      <Modal.Overlay />
      <Modal.Content aria-label={title}>
        <Modal.Body>
          <Stack>
            <Title order={2}>{title}</Title>
            {children}
          </Stack>
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}
