// Before the first paint: light or dark, as it was chosen last, or else as the system has it.
;(() => {
  let chosen = null
  try {
    chosen = localStorage.getItem('krai-color-scheme')
  } catch {
    // No storage: the system decides.
  }
  const dark = matchMedia('(prefers-color-scheme: dark)').matches
  const scheme = chosen === 'light' || chosen === 'dark' ? chosen : dark ? 'dark' : 'light'
  document.documentElement.setAttribute('data-mantine-color-scheme', scheme)
})()
