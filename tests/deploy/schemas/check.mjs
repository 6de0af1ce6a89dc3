// Holds custom resources against the types of their operators: a JSON array of manifests on standard input, on standard output an array of
// what is wrong with each. The compiler refuses unknown fields, which the generated validators let pass; those know patterns and formats,
// which types do not.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

const PACKAGES = {
  'argoproj.io': 'argo-cd',
  'cert-manager.io': 'cert-manager',
  'external-secrets.io': 'external-secrets',
  'gateway.networking.k8s.io': 'gateway-api',
  'keda.sh': 'keda',
  'monitoring.coreos.com': 'prometheus-operator',
  'networking.gke.io': 'gke',
}
const WITHOUT_PACKAGE = { 'monitoring.googleapis.com/v1': './google.js' }
const OPTIONS = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
  lib: ['lib.es2022.d.ts'],
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
}

function moduleOf({ apiVersion, kind }) {
  return WITHOUT_PACKAGE[apiVersion] ?? `@kubernetes-models/${PACKAGES[apiVersion.split('/')[0]]}/${apiVersion}/${kind}`
}

// A file that exists only here, with the manifest as a literal of its type.
function sourceOf(manifest) {
  const from = JSON.stringify(moduleOf(manifest))
  return `import type { I${manifest.kind} as T } from ${from}\nexport const manifest: T =\n${JSON.stringify(manifest, null, 1)}\n`
}

function hostWith(sources) {
  const host = ts.createCompilerHost(OPTIONS)
  const { fileExists, readFile } = host
  host.fileExists = (file) => sources.has(file) || fileExists(file)
  host.readFile = (file) => sources.get(file) ?? readFile(file)
  return host
}

function told({ file, start, messageText }) {
  const line = file.text.split('\n')[file.getLineAndCharacterOfPosition(start).line].trim()
  return `${line.slice(0, 100)}: ${ts.flattenDiagnosticMessageText(messageText, ' ').slice(0, 300)}`
}

async function validated(manifest) {
  const from = moduleOf(manifest)
  if (!from.startsWith('@')) return []
  try {
    const { [manifest.kind]: Kind } = await import(from)
    new Kind(structuredClone(manifest)).validate()
    return []
  } catch (error) {
    return [error.message]
  }
}

const manifests = JSON.parse(readFileSync(0, 'utf8'))
const files = manifests.map((_, number) => join(import.meta.dirname, `manifest${number}.ts`))
const sources = new Map(files.map((file, number) => [file, sourceOf(manifests[number])]))
const program = ts.createProgram(files, OPTIONS, hostWith(sources))
const answers = []
for (const [number, file] of files.entries()) {
  const of = program.getSourceFile(file)
  const typed = ts.getPreEmitDiagnostics(program, of).map(told)
  answers.push([...typed, ...(await validated(manifests[number]))])
}
console.log(JSON.stringify(answers))
