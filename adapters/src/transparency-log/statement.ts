import { fromBase64 } from "./base64.ts"
import { readSize, readTreeHead, type TreeHead } from "./checkpoint-note.ts"
import { NoteRefused } from "./note.ts"

/** One log as a statement names it. */
export interface StatedLog extends TreeHead {
  /** The first offset that is not in it; for the log of acts, the next act's number. */
  readonly next: number
}

/** A projection's state as a statement names it. */
export interface StatedState {
  readonly projection: string
  readonly version: number
  readonly rows: number
  /** 32 bytes. */
  readonly hash: Buffer
}

/** What is attested beside the checkpoints: when, of which schema, the logs together, and what their events fold to. */
export interface Statement {
  /** RFC 3339, UTC. */
  readonly at: string
  /** The number of the last migration. */
  readonly schema: number
  readonly logs: ReadonlyArray<StatedLog>
  readonly states: ReadonlyArray<StatedState>
}

/** The second line of every statement. */
export const heading = "landfall statement v1"

/**
 * The text of a statement. It is no checkpoint and cannot be read as one: its second line is no size. Its logs are those of
 * the checkpoints that stand before it, so that none of them can be left out or put elsewhere.
 */
export const statementText = (name: string, { at, schema, logs, states }: Statement): string =>
  [
    name,
    heading,
    `at ${at}`,
    `schema ${schema}`,
    ...logs.map(
      ({ origin, size, root, next }) => `log ${origin} ${size} ${root.toString("base64")} next ${next}`,
    ),
    ...states.map(
      ({ projection, version, rows, hash }) =>
        `state ${projection} version ${version} rows ${rows} sha256 ${hash.toString("base64")}`,
    ),
    "",
  ].join("\n")

/** Whether a note's text claims to be a statement. */
export const isStatement = (text: string): boolean => text.split("\n")[1] === heading

/** Reads a statement. Throws {@link NoteRefused}. */
export const readStatement = (name: string, text: string): Statement => {
  const lines = text.split("\n")
  const refuse = (line: string | undefined): never => {
    throw new NoteRefused(`this is no statement of ${name}: ${JSON.stringify((line ?? "").slice(0, 200))}`)
  }
  const at = /^at (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/.exec(lines[2] ?? "")?.[1]
  const schema = readSize(/^schema (\d+)$/.exec(lines[3] ?? "")?.[1] ?? "")
  if (lines[0] !== name || lines[1] !== heading || lines.at(-1) !== "") return refuse(lines[0])
  if (at === undefined) return refuse(lines[2])
  if (schema === null) return refuse(lines[3])
  const logs: StatedLog[] = []
  const states: StatedState[] = []
  for (const line of lines.slice(4, -1)) {
    const log = /^log (\S+) (\d+) (\S+) next (\d+)$/.exec(line)
    const state = /^state (\S+) version (\d+) rows (\d+) sha256 (\S+)$/.exec(line)
    if (log !== null) {
      const next = readSize(log[4] ?? "")
      if (next === null) refuse(line)
      else logs.push({ ...readTreeHead(`${log[1]}\n${log[2]}\n${log[3]}\n`), next })
    } else {
      const hash = fromBase64(state?.[4] ?? "")
      const [version, rows] = [readSize(state?.[2] ?? ""), readSize(state?.[3] ?? "")]
      if (state === null || hash?.length !== 32 || version === null || rows === null) refuse(line)
      else states.push({ projection: state[1] as string, version, rows, hash })
    }
  }
  return { at, schema, logs, states }
}
