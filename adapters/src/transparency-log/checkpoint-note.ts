import { fromBase64 } from "./base64.ts"
import { NoteRefused } from "./note.ts"

/** A log's size and root, as a checkpoint (c2sp.org/tlog-checkpoint) tells them. */
export interface TreeHead {
  /** Which log: `<key name>/<topic>/<partition>`. */
  readonly origin: string
  readonly size: number
  /** 32 bytes. */
  readonly root: Buffer
}

/** The text of a checkpoint: origin, size and root, a line each. */
export const treeHeadText = ({ origin, size, root }: TreeHead): string =>
  `${origin}\n${size}\n${root.toString("base64")}\n`

/** Reads a checkpoint's text; extension lines are passed over. Throws {@link NoteRefused}. */
export const readTreeHead = (text: string): TreeHead => {
  const [origin = "", digits = "", base64 = "", ...extensions] = text.split("\n")
  const size = readSize(digits)
  const root = fromBase64(base64)
  if (
    origin === "" ||
    size === null ||
    root?.length !== 32 ||
    extensions.pop() !== "" ||
    extensions.includes("")
  )
    throw new NoteRefused(
      `this is no checkpoint: origin, size and root are expected, a line each, got ${JSON.stringify(text.slice(0, 300))}`,
    )
  return { origin, size, root }
}

/** A decimal number without leading zeroes that is counted exactly; null for anything else. */
export const readSize = (digits: string): number | null => {
  const size = /^(?:0|[1-9][0-9]{0,15})$/.test(digits) ? Number(digits) : Number.NaN
  return Number.isSafeInteger(size) ? size : null
}
