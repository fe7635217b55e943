import { fork } from "node:child_process"

/** Runs a module as a process of its own, so that its memory is its own, and gives the first thing that it tells. */
export const runChild = async <Told>(
  module: URL,
  order: unknown,
  options: { readonly execArgv?: ReadonlyArray<string> } = {},
): Promise<Told> => {
  const child = fork(module, [JSON.stringify(order)], { execArgv: [...(options.execArgv ?? [])] })
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve))
  const told = new Promise<Told>((resolve) => child.once("message", (message) => resolve(message as Told)))
  const ended = exited.then((code) => {
    throw new Error(`${module.pathname} ended with code ${code} and told nothing`)
  })
  ended.catch(() => {}) // heard below, unless it told something before
  const message = await Promise.race([told, ended])
  if (child.connected) child.disconnect()
  await exited
  return message
}

/** In a process that {@link runChild} started: does the work it was ordered and tells what came of it. */
export const serveChild = <Order>(work: (order: Order) => Promise<unknown>): void => {
  process.on("disconnect", () => process.exit(0))
  const order: Order = JSON.parse(process.argv[2] ?? "null")
  work(order).then(
    (told) => process.send?.(told),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
      process.exit(1)
    },
  )
}
