/** Calls one method. The caller names the result's shape: this drives tests and sandbox, it does not check. */
export type JsonRpc = <Result = unknown>(method: string, ...params: readonly unknown[]) => Promise<Result>

const timeoutMs = 60_000

/** A small JSON-RPC client. User and password in the URL are sent as basic authorization. */
export function jsonRpc(url: string): JsonRpc {
  const { username, password, origin, pathname } = new URL(url)
  const headers = new Headers({ "content-type": "application/json" })
  if (username !== "") headers.set("authorization", `Basic ${btoa(`${username}:${password}`)}`)
  return async <Result>(method: string, ...params: readonly unknown[]) => {
    const response = await fetch(origin + pathname, {
      method: "POST",
      headers,
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      signal: AbortSignal.timeout(timeoutMs),
    })
    const text = await response.text()
    if (!text.startsWith("{"))
      throw new Error(`${method} at ${origin}: HTTP ${response.status} ${text.slice(0, 200)}`)
    const answer: { result: Result; error?: { code: number; message: string } | null } = JSON.parse(text)
    if (answer.error)
      throw new Error(`${method} at ${origin}: ${answer.error.message} (code ${answer.error.code})`)
    return answer.result
  }
}
