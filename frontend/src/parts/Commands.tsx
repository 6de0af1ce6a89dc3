import { Tabs } from '@mantine/core'
import { Code } from './Code'

/** The same in several ways, each by its name; those that are null cannot say it. */
export function Commands({ ways, what = 'the request' }: { ways: Record<string, string | null>; what?: string }) {
  const shown = Object.entries(ways).filter((way): way is [string, string] => way[1] !== null)
  const [first] = shown
  if (!first) return null
  return (
    <Tabs defaultValue={first[0]}>
      <Tabs.List mb="sm">
        {shown.map(([name]) => (
          <Tabs.Tab key={name} value={name}>
            {name}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {shown.map(([name, text]) => (
        <Tabs.Panel key={name} value={name}>
          <Code text={text} label={`${what}, as ${name}`} />
        </Tabs.Panel>
      ))}
    </Tabs>
  )
}
