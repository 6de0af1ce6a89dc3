import { expect, test } from 'vitest'
import { granteeOf, isGrantee, isName, resourceOf } from './grant'

test('an address is a user, and a lone word a group', () => {
  expect(granteeOf(' Ada@Example.org')).toBe('user:ada@example.org')
  expect(granteeOf('sales')).toBe('group:sales')
  expect(granteeOf('all')).toBe('all')
  expect(granteeOf('key:0123456789abcdef')).toBe('key:0123456789abcdef')
})

test('what krai would refuse is told at once', () => {
  expect(isGrantee('tenant:acme')).toBe(true)
  expect(isGrantee('group:two words')).toBe(false)
  expect(isGrantee('key:short')).toBe(false)
  expect(isName('dataset', 'orders')).toBe(true)
  expect(isName('dataset', 'acme-landing')).toBe(false)
  expect(isName('bucket', 'acme-landing')).toBe(true)
})

test('a resource has a kind and a name', () => {
  expect(resourceOf('bucket/acme.landing')).toEqual({ kind: 'bucket', name: 'acme.landing' })
})
