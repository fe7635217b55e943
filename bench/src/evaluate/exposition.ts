import { createServer, type Server } from "node:http"
import { freePort } from "@landfall/setup/parts/ports"

/** A page of metrics that Prometheus reads: one series a transfer, with when it was first seen. */
export interface Exposition extends AsyncDisposable {
  readonly address: string
}

/** Serves so many series, of which `due` are older than the window and stay so; the others never get so old. */
export const serveExposition = async (series: number, due: number, window_s: number): Promise<Exposition> => {
  const now_s = Math.floor(Date.now() / 1000)
  const lines = ["# TYPE funding_first_seen_timestamp_seconds gauge"]
  for (let serial = 0; serial < series; serial++) {
    const isDue = Math.floor((serial * due) / series) !== Math.floor(((serial + 1) * due) / series)
    const seen_s = isDue ? now_s - 2 * window_s : now_s
    const id = serial.toString(16).padStart(12, "0")
    lines.push(
      `funding_first_seen_timestamp_seconds{transfer_id="00000001-0000-5000-8000-${id}",chain="bitcoin",asset_id="BTC"} ${seen_s}`,
    )
  }
  const page = Buffer.from(`${lines.join("\n")}\n`)
  const server: Server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4", "content-length": page.length })
    response.end(page)
  })
  const port = await freePort()
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, "127.0.0.1", resolve)
  })
  return {
    address: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
