import type { ServerResponse } from "node:http"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { setTimeout as sleep } from "node:timers/promises"
import type { Fault } from "./faults.ts"

/** More than any client should read. */
const huge_bytes = 64 * 1_048_576
const drip_interval_ms = 100
const deep_levels = 100_000

/** Gives a wrong answer on the raw response. `right` is the text that a sound part would have sent. */
export const misbehave = async (
  fault: Fault<never>,
  right: string,
  response: ServerResponse,
): Promise<void> => {
  const json = { "content-type": "application/json" }
  switch (fault.kind) {
    case "delay":
      await sleep(fault.delay_ms ?? 1_000)
      response.writeHead(200, json).end(right)
      return
    case "malformed_json":
      response.writeHead(200, json).end(right.slice(0, Math.ceil(right.length / 2)))
      return
    case "html":
      response
        .writeHead(200, { "content-type": "text/html" })
        .end("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>")
      return
    case "status_500":
      response.writeHead(500, json).end('{"error":"internal server error"}')
      return
    case "redirect":
      response.writeHead(302, { location: "http://127.0.0.1:1/" }).end()
      return
    case "deep_json":
      response.writeHead(200, json).end("[".repeat(deep_levels) + "]".repeat(deep_levels))
      return
    case "huge":
      response.writeHead(200, json)
      await pour(response)
      return
    case "slow_drip":
      response.writeHead(200, json)
      await drip(right, response)
      return
    case "reset":
      response.socket?.resetAndDestroy()
      return
    case "hang":
    case "refuse": // The one that came in just before the part stopped to listen.
      return
  }
}

const pour = async (response: ServerResponse): Promise<void> => {
  const chunks = function* () {
    const chunk = Buffer.alloc(65_536, " ")
    for (let sent = 0; sent < huge_bytes; sent += chunk.length) yield chunk
  }
  // A client that has read enough closes the connection, which ends the pipeline with an error.
  await pipeline(Readable.from(chunks()), response).catch(() => {})
}

const drip = async (text: string, response: ServerResponse): Promise<void> => {
  for (const char of text) {
    if (response.destroyed) return
    response.write(char)
    await sleep(drip_interval_ms)
  }
  response.end()
}
