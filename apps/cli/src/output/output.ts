import { styleText } from "node:util"
import type { Environment } from "@landfall/adapters/config/settings"
import { toJson } from "@landfall/domain/codec"
import { harmless, printable } from "./printable.ts"
import { openProgress, type Progress } from "./progress.ts"
import { type Column, tableLines } from "./table.ts"

/** How a word is painted for people. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow"

/** Where a command prints. Results go to stdout, all else to stderr, so that a pipe gets results alone. */
export interface Output {
  /** Whether results are wanted as JSON: then nothing but JSON goes to stdout. */
  readonly json: boolean
  /** The result: `value` as one JSON document under `--json`, else what `people` prints. */
  readonly result: (value: unknown, people: () => void) => void
  /**
   * A JSON document of `head` and, under `name`, of items that need not fit into memory together. Resolves when all were
   * written.
   */
  readonly document: (
    head: Readonly<Record<string, unknown>>,
    name: string,
    items: Iterable<unknown> | AsyncIterable<unknown>,
  ) => Promise<void>
  /** One line of NDJSON, for results that are streamed. Resolves when the stream has room again. */
  readonly record: (value: unknown) => Promise<void>
  /** A line for people on stdout. Data in it must have gone through `printable`. */
  readonly line: (text?: string) => void
  /**
   * A table for people on stdout; `empty` stands there when it has no rows. `detail` gives lines under a row, for ids and
   * hashes that no terminal is wide enough for beside the rest.
   */
  readonly table: <Row>(
    columns: ReadonlyArray<Column<Row>>,
    rows: ReadonlyArray<Row>,
    empty: string,
    detail?: (row: Row) => ReadonlyArray<string>,
  ) => void
  /** Chatter, on stderr. */
  readonly note: (text: string) => void
  /** A progress line on stderr, for work that takes long. */
  readonly progress: (label: string) => Progress
  /** Painted for a terminal that wants colours; plain in pipes and under `NO_COLOR`. */
  readonly paint: (style: Style, text: string) => string
}

/** The streams of a run: those of the process, or what stands for them. */
export interface Streams {
  readonly stdout: Pick<NodeJS.WriteStream, "write" | "once" | "isTTY">
  readonly stderr: Pick<NodeJS.WriteStream, "write" | "isTTY" | "columns">
}

/** The output of one run. */
export const openOutput = (options: {
  readonly json: boolean
  readonly env: Environment
  readonly streams?: Streams
}): Output => {
  const { stdout, stderr } = options.streams ?? process
  const wantsColour = stdout.isTTY === true && (options.env["NO_COLOR"] ?? "") === ""
  const paint = (style: Style, text: string): string =>
    wantsColour ? styleText(style, text, { validateStream: false }) : text
  const line = (text = ""): void => {
    stdout.write(`${harmless(text)}\n`)
  }
  const write = async (text: string): Promise<void> => {
    if (!stdout.write(harmless(text))) await new Promise((resolve) => stdout.once("drain", resolve))
  }
  return {
    json: options.json,
    paint,
    line,
    result: (value, people) => {
      if (options.json) line(toJson(value, 2))
      else people()
    },
    record: (value) => write(`${toJson(value)}\n`),
    document: async (head, name, items) => {
      await write(`${toJson(head, 2).replace(/\n?\}$/, "")},\n  ${JSON.stringify(name)}: [`)
      let separator = "\n    "
      for await (const item of items) {
        await write(`${separator}${toJson(item)}`)
        separator = ",\n    "
      }
      await write("\n  ]\n}\n")
    },
    table: (columns, rows, empty, detail = () => []) => {
      if (rows.length === 0) return line(paint("dim", empty))
      const [titles = "", ...lines] = tableLines(columns, rows)
      line(paint("bold", titles))
      for (const [place, row] of rows.entries()) {
        line(lines[place])
        for (const text of detail(row)) line(`    ${printable(text)}`)
      }
    },
    note: (text) => {
      stderr.write(`${harmless(text)}\n`)
    },
    progress: (label) => openProgress(stderr, label),
  }
}
