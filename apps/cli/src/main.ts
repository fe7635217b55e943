import { CommandFailed } from "./exit-codes.ts"
import { runProgram } from "./program.ts"
import { commands } from "./registry.ts"

const stop = new AbortController()
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    // A second one does not wait for the end of what is under way.
    if (stop.signal.aborted) process.exit(signal === "SIGINT" ? 130 : 143)
    stop.abort(new CommandFailed(`ended by ${signal} before it was done`))
  })
// The reader of a pipe may leave before the end, as `head` does; that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0)
  throw error
})

process.exitCode = await runProgram(commands, process.argv.slice(2), {
  env: process.env,
  signal: stop.signal,
})
