// Files of undici that have no types of their own; `undici-agent.ts` says what they are.

declare module 'undici/lib/dispatcher/agent.js' {
  const agent: unknown
  export default agent
}

declare module 'undici/lib/api/api-request.js' {
  const request: unknown
  export default request
}
