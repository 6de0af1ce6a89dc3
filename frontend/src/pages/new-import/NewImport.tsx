import { Page } from '../../parts/Page'

export default function NewImport() {
  return <Page title="NewImport">…</Page>
}
