import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** A row as the test changes it, and as the wire has it. */
export interface WireRow {
  readonly address: string
  readonly amount: number
  tx_hash: string
  status: string
  readonly created_at: string
}

/** A bridge for one account that answers from what the test put into it. */
export const givenBridge = async (account_id: string) => {
  const rows: WireRow[] = []
  let address: string | null = null
  const result = (method: string): object =>
    method === "deposit_address"
      ? { address }
      : method === "supported_tokens"
        ? { tokens: [] }
        : {
            deposits: rows.map((row) => ({
              ...row,
              account_id,
              chain: "btc:mainnet",
              defuse_asset_identifier: "btc:mainnet:native",
            })),
            total: rows.length,
          }
  const server = createServer(async (request, response) => {
    let body = ""
    for await (const chunk of request) body += chunk
    const { method, params } = JSON.parse(body) as { method: string; params: [{ chain?: string }] }
    const answer = params[0].chain === "eth:100" ? { deposits: [], address: null } : result(method)
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify({ jsonrpc: "2.0", id: "1", result: answer }))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/rpc`,
    rows,
    issue: (issued: string) => {
      address = issued
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
