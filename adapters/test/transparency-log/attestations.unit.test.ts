import { askTlogCheck } from "@landfall/setup/parts/tlog-check"
import { describe, expect, it } from "vitest"
import { attestationText, newestFrom, readAttestations } from "../../src/transparency-log/attestations.ts"
import { treeHeadText } from "../../src/transparency-log/checkpoint-note.ts"
import { signNote } from "../../src/transparency-log/note.ts"
import { newKey, readSigner, verifierText } from "../../src/transparency-log/note-key.ts"
import { readStatement, type Statement, statementText } from "../../src/transparency-log/statement.ts"

const name = "desk.example/landfall"
const signer = readSigner(newKey(name))
const { verifier } = signer

const statement = (size: number): Statement => ({
  at: `2026-11-23T08:00:0${size % 10}.000Z`,
  schema: 10,
  logs: [
    { origin: `${name}/ops.alert/0`, size, root: Buffer.alloc(32, size), next: size + 5 },
    { origin: `${name}/ref.market_price/11`, size: 0, root: Buffer.alloc(32), next: 0 },
  ],
  states: [{ projection: "alert", version: 1, rows: size, hash: Buffer.alloc(32, 9) }],
})
const one = attestationText(statement(1), signer)
const two = attestationText(statement(2), signer)
const file = `${one}\n${two}`

describe("a file of attestations", () => {
  it("holds a signed checkpoint for each log, and a signed statement about all of them", () => {
    expect(readAttestations(file, verifier)).toEqual({
      attestations: [statement(1), statement(2)].map((stated) => ({
        statement: stated,
        checkpoints: stated.logs.map((log) => signNote(treeHeadText(log), signer)),
      })),
      torn: null,
    })
    expect(readAttestations("", verifier)).toEqual({ attestations: [], torn: null })
  })

  it("is nothing but signed notes: Go's sumdb opens each of them", () => {
    const notes = file.split(/(?<=\n)\n(?!—)/)
    expect(notes).toHaveLength(6)
    const answers = askTlogCheck(
      notes.map((note) => ({ op: "open", verifier: verifierText(verifier), note })),
    )
    expect(answers.map(({ error, text }) => [error, text?.split("\n")[0]])).toEqual(
      [1, 2].flatMap(() => [
        [undefined, `${name}/ops.alert/0`],
        [undefined, `${name}/ref.market_price/11`],
        [undefined, name],
      ]),
    )
  })

  it("is read from its last two attestations on, so that a newest whole one is found wherever the end was torn off", () => {
    const three = attestationText(statement(3), signer)
    const long = `${file}\n${three}`
    expect([newestFrom(""), newestFrom(one), newestFrom(file)]).toEqual([0, 0, 0])
    expect(newestFrom(long)).toBe(one.length + 1)
    const from = (text: string) => readAttestations(text, verifier, newestFrom(text))
    expect(from(long).attestations.map((read) => read.statement)).toEqual([statement(2), statement(3)])
    for (let cut = file.length + 1; cut < long.length; cut++) {
      const text = long.slice(0, cut)
      const newest = from(text)
      expect(newest.attestations.at(-1)?.statement, `cut at ${cut}`).toEqual(statement(2))
      expect(newest.torn, `cut at ${cut}`).toEqual(readAttestations(text, verifier).torn)
    }
  })

  it("tells an end that was torn off, wherever it was, and keeps what stands before it", () => {
    for (let cut = one.length + 1; cut < file.length; cut++) {
      const { attestations, torn } = readAttestations(file.slice(0, cut), verifier)
      expect(attestations, `cut at ${cut}`).toHaveLength(1)
      expect(torn, `cut at ${cut}`).toEqual({
        at: Buffer.byteLength(one),
        bytes: Buffer.byteLength(file.slice(one.length, cut)),
      })
    }
    for (let cut = 1; cut < one.length; cut++)
      expect(readAttestations(one.slice(0, cut), verifier), `cut at ${cut}`).toMatchObject({
        attestations: [],
        torn: { at: 0 },
      })
  })

  const [checkpoint = "", empty = "", stated = ""] = one.split(/(?<=\n)\n(?!—)/)
  const [other = ""] = two.split(/(?<=\n)\n(?!—)/)
  it.each([
    ["with a changed size", file.replace("\n1\n", "\n3\n"), /^line 1: the signature .* does not fit/],
    ["with a changed statement", file.replace("schema 10", "schema 11"), /the signature .* does not fit/],
    ["with a changed last statement", file.replace(/schema 10(?!.*schema 10)/s, "schema 11"), /does not fit/],
    [
      "with the checkpoint of another attestation",
      [other, empty, stated].join("\n"),
      /not those that it names/,
    ],
    ["without one of the checkpoints", [empty, stated].join("\n"), /not those that it names/],
    [
      "with a checkpoint twice",
      [checkpoint, checkpoint, empty, stated].join("\n"),
      /not those that it names/,
    ],
    ["with checkpoints in another order", [empty, checkpoint, stated].join("\n"), /not those that it names/],
    [
      "of another key",
      attestationText(statement(1), readSigner(newKey(name))),
      /^line 1: the note is not signed by/,
    ],
    ["of another name", attestationText(statement(1), readSigner(newKey("other.example"))), /not signed by/],
    ["with another text at its end", `${file}\nhello\n`, /this is no attestation/],
    ["with a note of others at its end", `${file}\nhello\n\n— x AAAAAAAA\n`, /not signed by/],
    ["that is none", "# Readme\n\nSome text.\n", /this is no attestation|no signature line/],
    ["that is JSON", '{"a": 1}\n', /this is no attestation/],
    ["with an extra line between", `${one}\n\n${two}`, /./],
    ["without a line between", one + two, /blank line|signature line/],
    ["with carriage returns", file.replaceAll("\n", "\r\n"), /this is no attestation/],
    ["of a key", newKey(name), /this is no attestation/],
  ])("is refused %s", (_, spoilt, reason) => {
    expect(() => readAttestations(spoilt, verifier)).toThrow(reason)
  })
})

describe("a statement", () => {
  const text = statementText(name, statement(3))

  it("says when, of which schema, the logs and the states", () => {
    expect(text).toBe(
      [
        name,
        "landfall statement v1",
        "at 2026-11-23T08:00:03.000Z",
        "schema 10",
        `log ${name}/ops.alert/0 3 ${Buffer.alloc(32, 3).toString("base64")} next 8`,
        `log ${name}/ref.market_price/11 0 ${Buffer.alloc(32).toString("base64")} next 0`,
        `state alert version 1 rows 3 sha256 ${Buffer.alloc(32, 9).toString("base64")}`,
        "",
      ].join("\n"),
    )
    expect(readStatement(name, text)).toEqual(statement(3))
  })

  it.each([
    ["another name", text.replace(name, "other")],
    ["another version", text.replace("v1", "v2")],
    ["no time", text.replace(/at .*\n/, "")],
    ["no schema", text.replace("schema 10\n", "")],
    ["an unknown line", text.replace("state alert", "status alert")],
    ["a short hash", text.replace(/sha256 .*/, "sha256 AAAA")],
    ["a log without its end", text.replace(/ next 8/, "")],
    ["no last newline", text.slice(0, -1)],
  ])("is refused with %s", (_, bad) => {
    expect(() => readStatement(name, bad)).toThrow("this is no statement")
  })
})
