/** What grants are made of, as krai takes them. */

export const KINDS = [
  { value: 'dataset', label: 'Dataset' },
  { value: 'bucket', label: 'Bucket' },
] as const
export type Kind = (typeof KINDS)[number]['value']

const NAMES = {
  dataset: /^[a-z][a-z0-9_]{0,62}$/,
  bucket: /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/,
} as const
const GRANTEE =
  /^(all|user:[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[a-z0-9.-]{1,189}|(group|tenant):[a-z][a-z0-9_-]{0,62}|key:[0-9a-f]{16})$/

export function isName(kind: Kind, name: string): boolean {
  return NAMES[kind].test(name)
}

/** What somebody who types means: an address is a user, a lone word a group. Small letters, as krai keeps them. */
export function granteeOf(text: string): string {
  const typed = text.trim().toLowerCase()
  if (typed === '' || typed === 'all' || /^(user|group|tenant|key):/.test(typed)) return typed
  return typed.includes('@') ? `user:${typed}` : `group:${typed}`
}

export function isGrantee(text: string): boolean {
  return GRANTEE.test(text)
}

export function resourceOf(resource: string): { kind: Kind; name: string } {
  const [kind = '', name = ''] = resource.split('/', 2)
  return { kind: kind === 'bucket' ? 'bucket' : 'dataset', name }
}
