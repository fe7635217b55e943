/** Where the sandbox prints: one line a step, coloured only for a terminal that wants it. */
export interface Terminal {
  readonly heading: (text: string) => void
  /** One finished step: what it was, what it showed, how long it took. */
  readonly done: (what: string, detail: string, tookMs: number) => void
  readonly failed: (what: string, why: string) => void
  readonly line: (text: string) => void
}

/** A terminal that writes to the stream; `NO_COLOR` and pipes get plain text. */
export const openTerminal = (out: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Terminal => {
  const coloured = out.isTTY === true && env["NO_COLOR"] === undefined
  const paint = (code: number, text: string): string => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text)
  const line = (text: string): void => {
    out.write(`${text}\n`)
  }
  return {
    line,
    heading: (text) => line(`\n${paint(1, text)}`),
    done: (what, detail, tookMs) =>
      line(
        `  ${paint(32, "ok")}  ${what.padEnd(52)} ${paint(2, `${(tookMs / 1000).toFixed(1)} s`.padStart(7))}  ${detail}`,
      ),
    failed: (what, why) => line(`  ${paint(31, "FAILED")}  ${what}\n          ${why}`),
  }
}

/** Does something, and prints how it went. */
export const step = async <Value>(
  terminal: Terminal,
  what: string,
  work: () => Promise<Value>,
  detail: (value: Value) => string,
): Promise<Value> => {
  const startedMs = performance.now()
  try {
    const value = await work()
    terminal.done(what, detail(value), performance.now() - startedMs)
    return value
  } catch (error) {
    terminal.failed(what, error instanceof Error ? error.message : String(error))
    throw new StepFailed(what, { cause: error })
  }
}

/** A step failed and was already printed. */
export class StepFailed extends Error {
  override readonly name = "StepFailed"
}
