/**
 * Ends this process at once, with this exit code, whatever its threads are doing.
 *
 * `process.exit` joins the threads of Node's pool before it ends anything, after it has ended every worker that could watch it.
 * A call of the Kafka client that waits for a broker holds such a thread: for half a minute when it commits, and for ever when it
 * closes a consumer, since that waits for the event loop, which waits for it. A signal to oneself would not wait, but says the
 * wrong thing: SIGTERM reads as an end in order, and SIGKILL as a lack of memory. So the process becomes another program
 * (execve(2) ends every thread, and closes every connection), one that does nothing but end with the code. Nothing of the log is
 * lost: its lines are written at once.
 */
export const leave = (exitCode: number): never => {
  if (typeof process.execve !== "function") process.exit(exitCode) // not on Windows
  const library = process.env["LD_LIBRARY_PATH"]
  // Nothing else of the environment: it may hold options for Node, and needs nothing.
  const env = library === undefined ? {} : { LD_LIBRARY_PATH: library }
  return process.execve(process.execPath, [process.execPath, "--eval", `process.exit(${exitCode})`], env)
}
