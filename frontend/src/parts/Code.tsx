import { ActionIcon, CopyButton } from '@mantine/core'
import { IconCheck, IconCopy } from './icons'

/** Text to be taken elsewhere. */
export function Code({ text, label }: { text: string; label: string }) {
  return (
    <div className="code">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
      <pre tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
      <Copy text={text} label={label} />
    </div>
  )
}

export function Copy({ text, label }: { text: string; label: string }) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <ActionIcon variant="subtle" color="gray" onClick={copy} aria-label={copied ? 'Copied' : `Copy ${label}`}>
          {copied ? <IconCheck /> : <IconCopy />}
        </ActionIcon>
      )}
    </CopyButton>
  )
}
