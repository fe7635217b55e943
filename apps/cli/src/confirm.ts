import { createInterface } from "node:readline/promises"
import { UsageError } from "./exit-codes.ts"

/** Asks whether to do what the text tells, one line or several. */
export type Confirm = (plan: string) => Promise<boolean>

/** The question before a change: the plan goes to stderr, the answer comes from `--yes` or from a person. */
export const openConfirm =
  (options: {
    readonly dryRun: boolean
    readonly yes: boolean
    readonly note: (text: string) => void
  }): Confirm =>
  async (plan) => {
    options.note(plan)
    if (options.dryRun) {
      options.note("nothing was changed: this was a dry run")
      return false
    }
    if (options.yes) return true
    if (!(process.stdin.isTTY && process.stderr.isTTY))
      throw new UsageError(
        "this changes something and nobody can be asked: add --yes, or --dry-run to look only",
      )
    const asked = createInterface({ input: process.stdin, output: process.stderr })
    try {
      const answer = await asked.question("do it? [y/N] ")
      const agreed = /^y(?:es)?$/i.test(answer.trim())
      if (!agreed) options.note("nothing was changed")
      return agreed
    } finally {
      asked.close()
    }
  }
