import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** One call on its way back: what was asked, and what the real node answered. */
export interface Passing {
  readonly method: string
  readonly params: ReadonlyArray<unknown>
  readonly result: unknown
}

/** How the proxy lies: another result, or the node's own. What it throws is a refusal in these words. */
export type Lie = (passing: Passing) => unknown

export interface LyingProxy {
  readonly url: string
  /** From now on every result goes through the lie; null tells the truth again. */
  readonly lie: (lie: Lie | null) => void
  /** From now on the whole answer is this; null answers properly again. */
  readonly instead: (answer: ((response: ServerResponse) => void) | null) => void
  /** From now on every answer waits for this. */
  readonly hold: (until: Promise<void> | null) => void
  /** Asks the real node about something else. */
  readonly ask: (method: string, ...params: ReadonlyArray<unknown>) => Promise<unknown>
  /** The methods that were called. */
  readonly asked: string[]
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

interface Call {
  readonly id: number
  readonly method: string
  readonly params: ReadonlyArray<unknown>
}

/** A proxy in front of an EVM node that says what the test wants. */
export const lyingProxy = async (behind: string): Promise<LyingProxy> => {
  let lie: Lie | null = null
  let instead: ((response: ServerResponse) => void) | null = null
  let hold: Promise<void> | null = null
  const asked: string[] = []
  const forward = async (body: string): Promise<unknown> => {
    const response = await fetch(behind, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    })
    return response.json()
  }
  const server = createServer(async (request, response) => {
    let body = ""
    for await (const chunk of request) body += chunk
    await hold
    if (instead !== null) return instead(response)
    const calls: Call[] = JSON.parse(body)
    asked.push(...calls.map(({ method }) => method))
    const answers = (await forward(body)) as Array<{ id: number; result?: unknown }>
    const told = answers.map((answer) => {
      const call = calls.find(({ id }) => id === answer.id)
      if (lie === null || call === undefined || answer.result === undefined) return answer
      const { id } = answer
      try {
        const result = lie({ method: call.method, params: call.params, result: answer.result })
        return { jsonrpc: "2.0", id, result }
      } catch (error) {
        return { jsonrpc: "2.0", id, error: { code: -32005, message: String(error) } }
      }
    })
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify(told))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    lie: (next) => {
      lie = next
    },
    instead: (next) => {
      instead = next
    },
    hold: (until) => {
      hold = until
    },
    ask: async (method, ...params) => {
      const answer = (await forward(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }))) as {
        result: unknown
      }
      return answer.result
    },
    asked,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
