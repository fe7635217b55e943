import { readFileSync } from "node:fs"
import { type Field, type Fields, type Read, readField, type Values } from "./field.ts"
import { limits } from "./limits.ts"

/** Environment variables by name. */
export type Environment = { readonly [name: string]: string | undefined }

/** Every problem of the configuration at once; the process prints the message and exits with 1. */
export class SettingsError extends Error {
  readonly _tag = "SettingsError"
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? "1 setting is" : `${problems.length} settings are`
    super(`${count} not usable; nothing was started.\n${problems.map((line) => `  - ${line}`).join("\n")}`)
    this.problems = problems
  }
}

/**
 * Reads the variables of a table from the environment, all of them before it complains.
 * A secret may instead be in a file that `<NAME>_FILE` names. An empty variable counts as absent.
 * `check` sees the values when each alone is right, and says what is wrong with them together.
 */
export const loadSettings = <const Table extends Fields>(
  table: Table,
  env: Environment,
  check: (values: Values<Table>) => readonly string[] = () => [],
): Values<Table> => {
  const problems = [...environmentProblems(env)]
  const values: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(table)) {
    const read = readVariable(name, field, env)
    if (read.ok) values[name] = read.value
    else problems.push(read.problem)
  }
  // Each name of the table now has a value of its own kind, or there is a problem and nothing is returned.
  const settings = values as Values<Table>
  if (problems.length === 0) problems.push(...check(settings))
  if (problems.length > 0) throw new SettingsError(problems)
  return settings
}

/** What no table names and no service may run with. */
const environmentProblems = (env: Environment): readonly string[] =>
  env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0"
    ? [
        "NODE_TLS_REJECT_UNAUTHORIZED=0 would let anybody answer for the bridge and the nodes. Leave it out; NODE_EXTRA_CA_CERTS names a file with the certificate of a private issuer.",
      ]
    : []

/** The variables of a table as a Markdown table, for the reference pages and `--help`. */
export const describeSettings = (table: Fields): string => {
  const lines = Object.entries(table).map(([name, field]) => {
    const absent = field.absent.is === "refused" ? "required" : (field.absent.text ?? "none")
    const file = field.kind.sensitive ? ` (or \`${name}_FILE\`)` : ""
    return `| \`${name}\`${file} | ${field.describe} | ${field.kind.accepted} | ${absent} |`
  })
  return ["| Variable | What for | Accepted | Default |", "| --- | --- | --- | --- |", ...lines].join("\n")
}

const readVariable = (name: string, field: Field<unknown>, env: Environment): Read<unknown> => {
  const given = givenText(name, field, env)
  if (!given.ok) return given
  const read = readField(field, given.value.text)
  if (read.ok) return read
  const { kind, describe } = field
  return {
    ok: false,
    problem: `${given.value.label}: ${read.problem}. Expected ${kind.accepted} (${describe}). Example: ${name}=${kind.example}`,
  }
}

/** What was given for a variable, and how a message may call it. */
interface Given {
  readonly text: string | undefined
  readonly label: string
}

const givenText = (name: string, field: Field<unknown>, env: Environment): Read<Given> => {
  const { sensitive } = field.kind
  const text = env[name] === "" ? undefined : env[name]
  const path = sensitive && env[`${name}_FILE`] !== "" ? env[`${name}_FILE`] : undefined
  if (path === undefined)
    return {
      ok: true,
      value: { text, label: text === undefined ? name : `${name}=${shown(text, sensitive)}` },
    }
  if (text !== undefined)
    return { ok: false, problem: `${name} and ${name}_FILE are both set: set one of them` }
  const label = `${name}_FILE=${shown(path, false)}`
  try {
    const content = readFileSync(path, "utf8").trim()
    return content.length > limits.config.file_chars_max
      ? { ok: false, problem: `${label}: the file is too long` }
      : { ok: true, value: { text: content, label: `${label} (its content is not shown)` } }
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    return { ok: false, problem: `${label}: the file cannot be read (${cause})` }
  }
}

/** A value as it may be printed: quoted and cut, and not at all when it may hold a password. */
const shown = (text: string, sensitive: boolean): string => {
  if (sensitive) return "(not shown, it may be secret)"
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}
