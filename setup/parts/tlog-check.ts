import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { toolsFolder } from "./paths.ts"

/** A request to `setup/tlog-check/main.go`, which says what there is to ask. */
export type TlogRequest = { readonly op: string } & Readonly<Record<string, unknown>>

/** Its answer; `error` is there when it refuses. */
export interface TlogAnswer {
  readonly error?: string
  readonly signer?: string
  readonly verifier?: string
  readonly text?: string
  readonly note?: string
  /** Base64, as all hashes here. */
  readonly hash?: string
  readonly proof?: ReadonlyArray<string>
}

/** The answers of golang.org/x/mod/sumdb, in the order of the requests; throws when set-up has not built the program. */
export function askTlogCheck(requests: ReadonlyArray<TlogRequest>): ReadonlyArray<TlogAnswer> {
  const program = process.env.TLOG_CHECK || join(toolsFolder, "tlog-check", "tlog-check")
  if (!existsSync(program))
    throw new Error(
      `${program} is not there: run \`bash setup/get-tlog-check.sh .tools/tlog-check/tlog-check\`, or name one with TLOG_CHECK`,
    )
  const input = requests.map((request) => `${JSON.stringify(request)}\n`).join("")
  const output = execFileSync(program, { input, encoding: "utf8", maxBuffer: 256 * 1024 * 1024 })
  return output
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as TlogAnswer)
}
