/**
 * Shows one line a step on stderr: what is going on, and then how it ended and how long it took.
 * @template Result
 * @param {string} title
 * @param {(retitle: (title: string) => void) => Promise<Result>} work may name the step better once it knows more
 * @returns {Promise<Result>}
 */
export async function step(title, work) {
  const { stderr } = process
  const start = performance.now()
  const elapsed = () => {
    const seconds = Math.round((performance.now() - start) / 1000)
    return seconds < 1 ? "" : ` (${seconds} s)`
  }
  let shown = title
  const tick = () => stderr.write(stderr.isTTY ? `\r\x1b[K … ${shown}${elapsed()}` : ` … ${shown}\n`)
  // In a file or a pipe a step that takes long is announced once.
  const timer = stderr.isTTY ? setInterval(tick, 1000) : setTimeout(tick, 500)
  const line = (/** @type {string} */ text) => stderr.write(`${stderr.isTTY ? "\r\x1b[K" : ""}${text}\n`)
  try {
    const result = await work((better) => {
      shown = better
    })
    line(`ok ${shown}${elapsed()}`)
    return result
  } catch (error) {
    line(`failed ${shown}${elapsed()}`)
    throw error
  } finally {
    clearInterval(timer)
  }
}
