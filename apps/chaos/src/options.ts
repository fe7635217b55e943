import { parseArgs } from "node:util"

export const usage = `usage: npm run chaos -- [--seed N] [--minutes M] [--rate N] [--report FILE] [--keep] [--plan]
  --seed N       which faults come when (1); a whole number up to 2147483647
  --minutes M    how long they come (10); 0.1 to 1440
  --rate N       events a second beside the deposits (2000); 0 to 20000
  --report FILE  where the report goes, as Markdown (.chaos/seed-N.md)
  --keep         keep data and logs also when everything held
  --plan         only print what the seed would do

Ends with 1 when something did not hold, and says how to repeat it.`

export interface Options {
  readonly seed: number
  readonly minutes: number
  readonly rate: number
  readonly report: string | null
  readonly keep: boolean
  readonly planOnly: boolean
}

/** What the arguments ask for, `"help"`, or what is wrong with them. */
export const optionsOf = (
  args: ReadonlyArray<string>,
): Options | "help" | { readonly problems: ReadonlyArray<string> } => {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: "string", default: "1" },
        minutes: { type: "string", default: "10" },
        rate: { type: "string", default: "2000" },
        report: { type: "string" },
        keep: { type: "boolean", default: false },
        plan: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    })
    if (values.help) return "help"
    const problems: string[] = []
    const number = (name: string, text: string, shape: RegExp, least: number, most: number): number => {
      const value = shape.test(text) ? Number(text) : Number.NaN
      const fits = value >= least && value <= most
      if (!fits) problems.push(`--${name} is ${JSON.stringify(text)}: it must be from ${least} to ${most}`)
      return value
    }
    const seed = number("seed", values.seed, /^\d{1,10}$/, 0, 2_147_483_647)
    const minutes = number("minutes", values.minutes, /^\d{1,4}(?:\.\d{1,3})?$/, 0.1, 1_440)
    const rate = number("rate", values.rate, /^\d{1,5}$/, 0, 20_000)
    if (values.report === "") problems.push("--report is empty: name a file")
    if (problems.length > 0) return { problems }
    return { seed, minutes, rate, report: values.report ?? null, keep: values.keep, planOnly: values.plan }
  } catch (error) {
    return { problems: [error instanceof Error ? error.message : String(error)] }
  }
}
