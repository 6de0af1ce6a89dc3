export interface SignInWay {
  name: string
  url: string
}

/** What the page learns of its deployment from `config.js` when it is loaded. */
export interface Config {
  /** Where the API is; empty: where the page comes from. */
  apiUrl: string
  customer: string
  signIn: SignInWay[]
}

declare global {
  interface Window {
    KRAI?: Partial<Config>
  }
}

export const config: Config = { apiUrl: '', customer: 'krai', signIn: [], ...window.KRAI }
export const apiUrl = config.apiUrl || window.location.origin
