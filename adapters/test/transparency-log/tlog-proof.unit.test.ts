import { askTlogCheck } from "@landfall/setup/parts/tlog-check"
import { describe, expect, it } from "vitest"
import { treeHeadText } from "../../src/transparency-log/checkpoint-note.ts"
import { leafBytes, leafHash, leafOf, type RawMessage, readLeaf } from "../../src/transparency-log/leaf.ts"
import { openNote, signNote } from "../../src/transparency-log/note.ts"
import { newKey, readSigner, verifierText } from "../../src/transparency-log/note-key.ts"
import { checkTlogProof, readTlogProof, tlogProofText } from "../../src/transparency-log/tlog-proof.ts"
import { proveInclusion, rootOf } from "./given-log.ts"

const signer = readSigner(newKey("desk.example/landfall"))
const { verifier } = signer
const origin = "desk.example/landfall/ops.alert/0"

const messages: ReadonlyArray<RawMessage> = Array.from({ length: 11 }, (_, offset) => ({
  topicId: Buffer.alloc(16, 7),
  partition: 0,
  offset,
  leaderEpoch: 0,
  timestampMs: 1_795_426_200_000 + offset,
  key: offset % 3 === 0 ? null : Buffer.from(`key ${offset}`),
  headers: null,
  value: Buffer.from(`{"n":${offset}}`),
}))
const leaves = messages.map(leafHash)
const head = { origin, size: leaves.length, root: rootOf(leaves) }
const checkpoint = signNote(treeHeadText(head), signer)
const proofOf = (index: number) => ({
  message: leafBytes(messages[index] as RawMessage),
  index,
  hashes: proveInclusion(leaves, index),
  checkpoint,
})
const text = tlogProofText(proofOf(6))
const lines = text.split("\n")

describe("a tlog-proof", () => {
  it("has the lines that the format asks for", () => {
    const { message, hashes } = proofOf(6)
    expect(lines).toEqual([
      "c2sp.org/tlog-proof@v1",
      `extra ${message.toString("base64")}`,
      "index 6",
      ...hashes.map((hash) => hash.toString("base64")),
      "",
      ...checkpoint.split("\n"),
    ])
    expect(readTlogProof(text)).toEqual(proofOf(6))
  })

  it("shows with the public key alone which message is in which log, and the message is all there", () => {
    for (const [index, message] of messages.entries()) {
      const proved = checkTlogProof(tlogProofText(proofOf(index)), verifier)
      expect(proved).toMatchObject({ index, head })
      expect(readLeaf(proved.message)).toEqual(message)
    }
  })

  it("has no hashes when the log has one leaf", () => {
    const [leaf] = leaves
    const single = signNote(treeHeadText({ origin, size: 1, root: leaf as Buffer }), signer)
    const proved = checkTlogProof(tlogProofText({ ...proofOf(0), hashes: [], checkpoint: single }), verifier)
    expect(proved.index).toBe(0)
  })

  it("holds up against Go's sumdb, part by part", () => {
    const { message, index, hashes } = readTlogProof(text)
    const leaf = leafOf(message).toString("base64")
    const answers = askTlogCheck([
      { op: "open", verifier: verifierText(verifier), note: readTlogProof(text).checkpoint },
      { op: "leaf", data: message.toString("base64") },
      { op: "root", leaves: leaves.map((hash) => hash.toString("base64")) },
      {
        op: "check inclusion",
        proof: hashes.map((hash) => hash.toString("base64")),
        index,
        leaf,
        size: head.size,
        root: head.root.toString("base64"),
      },
    ])
    expect(answers).toEqual([
      { text: openNote(checkpoint, verifier) },
      { hash: leaf },
      { hash: head.root.toString("base64") },
      {},
    ])
  })

  const other = readSigner(newKey("desk.example/landfall"))
  const elsewhere = signNote(treeHeadText({ ...head, origin: "other.example/log" }), signer)
  const swapped = lines.with(3, lines[4] as string).with(4, lines[3] as string)
  it.each([
    [
      "a changed message",
      text.replace(/extra .*/, `extra ${leafBytes(messages[5] as RawMessage).toString("base64")}`),
      "is not leaf 6",
    ],
    ["another index", text.replace("index 6", "index 5"), "is not leaf 5"],
    ["an index beyond the log", text.replace("index 6", "index 11"), "is not leaf 11"],
    ["swapped hashes", swapped.join("\n"), "is not leaf 6"],
    ["one hash less", lines.toSpliced(3, 1).join("\n"), "is not leaf 6"],
    ["one hash more", lines.toSpliced(3, 0, lines[3] as string).join("\n"), "is not leaf 6"],
    [
      "the hashes of another leaf",
      tlogProofText({ ...proofOf(6), hashes: proveInclusion(leaves, 5) }),
      "is not leaf 6",
    ],
    [
      "the checkpoint of another key",
      tlogProofText({ ...proofOf(6), checkpoint: signNote(treeHeadText(head), other) }),
      "not signed by",
    ],
    ["a forged checkpoint", text.replace(`\n${head.size}\n`, "\n12\n"), "does not fit"],
    [
      "an older checkpoint of the log",
      tlogProofText({
        ...proofOf(6),
        checkpoint: signNote(treeHeadText({ origin, size: 7, root: rootOf(leaves.slice(0, 7)) }), signer),
      }),
      "is not leaf 6",
    ],
    ["the checkpoint of another log", tlogProofText({ ...proofOf(6), checkpoint: elsewhere }), "no log of"],
    ["no checkpoint", text.slice(0, text.indexOf("\n\n") + 2), "no signed note"],
    ["a cut end", text.slice(0, -20), "no signed note"],
    ["a cut beginning", lines.slice(1).join("\n"), "this is no proof"],
    ["another version", text.replace("@v1", "@v2"), "this is no proof"],
    ["no message", lines.toSpliced(1, 1).join("\n"), "no extra line"],
    ["a message that is no base64", text.replace(/extra .*/, "extra ***"), "no extra line"],
    ["no index", lines.toSpliced(2, 1).join("\n"), "no index"],
    ["an index with a leading zero", text.replace("index 6", "index 06"), "no index"],
    ["a hash that is none", text.replace(lines[3] as string, "AAAA"), "no hash of a proof"],
    [
      "more hashes than any tree has",
      lines.toSpliced(3, 0, ...Array.from({ length: 70 }, () => lines[3] as string)).join("\n"),
      "more than any tree",
    ],
    ["nothing", "", "this is no proof"],
  ])("is refused with %s", (_, spoilt, reason) => {
    expect(() => checkTlogProof(spoilt, verifier)).toThrow(reason)
  })
})

describe("a leaf's bytes", () => {
  it("are what the leaf hash covers", () => {
    for (const [index, message] of messages.entries())
      expect(leafOf(leafBytes(message))).toEqual(leaves[index])
  })

  it.each([
    ["are nothing", Buffer.alloc(0)],
    ["end early", leafBytes(messages[1] as RawMessage).subarray(0, -1)],
    ["go on after the end", Buffer.concat([leafBytes(messages[1] as RawMessage), Buffer.of(0)])],
  ])("are not read as a message when they %s", (_, bytes) => {
    expect(readLeaf(bytes)).toBeNull()
  })
})
