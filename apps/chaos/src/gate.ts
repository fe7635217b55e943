import { connect, createServer, type Server, type Socket } from "node:net"

/** A way to a part on this machine that can be shut, so that the part is away though it knows nothing of it. */
export interface Gate {
  readonly port: number
  /** Ends what is connected, and refuses who comes. */
  readonly shut: () => Promise<void>
  readonly open: () => Promise<void>
}

/** Opens a gate at the port; what comes there goes to the other one. */
export const openGate = async (port: number, target: number): Promise<Gate> => {
  const sockets = new Set<Socket>()
  let server: Server | null = null
  const open = async (): Promise<void> => {
    if (server !== null) return
    const opened = createServer((near) => {
      const far = connect(target, "127.0.0.1")
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(from)
        from.on("error", () => to.destroy())
        from.on("close", () => {
          sockets.delete(from)
          to.destroy()
        })
        from.pipe(to)
      }
    })
    server = opened
    await new Promise<void>((resolve, reject) => {
      opened.once("error", reject)
      opened.listen(port, "127.0.0.1", resolve)
    })
  }
  await open()
  return {
    port,
    open,
    shut: async () => {
      const closing = server
      server = null
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => (closing === null ? resolve() : closing.close(() => resolve())))
    },
  }
}
