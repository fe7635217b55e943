import { connect } from "node:net"

/** What comes back for bytes on a socket, until the other side closes it; what it says before the final answer left out. */
export const exchange = (port: number, bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes))
    let answer = ""
    socket.setEncoding("utf8").on("data", (chunk) => {
      answer += chunk
    })
    socket
      .on("close", () => resolve(answer.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, "")))
      // Reset after the answer, because it did not want the rest of what was sent.
      .on("error", (error) => (answer === "" ? reject(error) : undefined))
  })

/** The status of an answer, or 0 for none. */
export const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0)

/** A request as bytes; the body is what it is, whatever the headers say of it. */
export const request = (
  method: string,
  target: string,
  headers: ReadonlyArray<string> = [],
  body = "",
): string =>
  `${method} ${target} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n${body}`
