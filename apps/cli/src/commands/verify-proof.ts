import { readFile } from "node:fs/promises"
import { required } from "@landfall/adapters/config/field"
import { text } from "@landfall/adapters/config/kinds"
import { readLeaf } from "@landfall/adapters/transparency-log/leaf"
import { NoteRefused } from "@landfall/adapters/transparency-log/note"
import { checkTlogProof, ProofRefused, type Proved } from "@landfall/adapters/transparency-log/tlog-proof"
import { readVerifierText } from "@landfall/adapters/verify/key-file"
import { timestamp } from "@landfall/domain/timestamp"
import { defineCommand } from "../define-command.ts"
import { CommandFailed, exitCodes } from "../exit-codes.ts"
import { printable } from "../output/printable.ts"

/** `landfall verify proof`: checks a proof with nothing but a public key. */
export const verifyProofCommand = defineCommand({
  name: "verify proof",
  summary: "Checks the proof that a message is in the record, with nothing but the public key",
  description:
    "Proofs are made by `landfall why EVENT --proof`, in the format c2sp.org/tlog-proof. Neither database nor Kafka is asked.\nPrints the message that is proved. Exit code 3 when the proof does not hold.",
  arguments: { file: required(text, "the proof") },
  options: { "public-key": required(text, "the public key of the log, name+id+key, or a file with it") },
  examples: [
    { line: "landfall verify proof alert.tlog-proof --public-key landfall.pub", for: "what it proves" },
  ],
  run: async ({ output }, { arguments: { file }, options }) => {
    const verifier = await readVerifierText(options["public-key"])
    const proof = await readFile(file, "utf8").catch((error: unknown) => {
      throw new CommandFailed(`${file} cannot be read: ${error instanceof Error ? error.message : error}`)
    })
    let proved: Proved
    try {
      proved = checkTlogProof(proof, verifier)
    } catch (error) {
      if (!(error instanceof ProofRefused || error instanceof NoteRefused)) throw error
      output.result({ file, holds: false, reason: error.message }, () =>
        output.line(`${output.paint("red", "the proof does not hold")}: ${printable(error.message)}`),
      )
      return exitCodes.difference
    }
    const { index, head } = proved
    const message = readLeaf(proved.message)
    if (message === null) throw new CommandFailed(`${file} proves bytes that are no message of this program`)
    const shown = {
      log: head.origin,
      index,
      size: head.size,
      root: head.root.toString("base64"),
      topic_id: Buffer.from(message.topicId).toString("hex"),
      partition: message.partition,
      offset: message.offset,
      kafka_timestamp: message.timestampMs < 0 ? null : timestamp(message.timestampMs),
      key: asText(message.key, "utf8"),
      value: asText(message.value, "utf8"),
      value_base64: asText(message.value, "base64"),
    }
    output.result({ file, holds: true, ...shown }, () => {
      output.line(
        `${output.paint("green", "the proof holds")}: leaf ${index} of ${head.size} of ${printable(head.origin)}`,
      )
      output.line(`offset  ${message.offset}`)
      output.line(`time    ${shown.kafka_timestamp ?? "none"}`)
      output.line(`key     ${shown.key === null ? "none" : printable(shown.key)}`)
      output.line(`value   ${shown.value === null ? "none" : printable(shown.value)}`)
    })
    return exitCodes.ok
  },
})

const asText = (bytes: Uint8Array | null, encoding: "utf8" | "base64"): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString(encoding)
