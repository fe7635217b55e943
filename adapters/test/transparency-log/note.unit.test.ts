import { askTlogCheck } from "@landfall/setup/parts/tlog-check"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { readTreeHead, treeHeadText } from "../../src/transparency-log/checkpoint-note.ts"
import { openNote, signNote } from "../../src/transparency-log/note.ts"
import {
  isKeyName,
  newKey,
  readSigner,
  readVerifier,
  verifierText,
} from "../../src/transparency-log/note-key.ts"

const name = "desk.example/landfall"
const secret = newKey(name)
const signer = readSigner(`${secret}\n`)
const text = "desk.example/landfall/ops.alert/0\n3\nAAAA\n"
const note = signNote(text, signer)

/** The example of c2sp.org/signed-note's model implementation, golang.org/x/mod/sumdb/note. */
const example = {
  secret: "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
  verifier: "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
  note: `If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`,
}

describe("a signed note", () => {
  it("is opened by the key that signed it, and says what was signed", () => {
    expect(openNote(note, readVerifier(verifierText(signer.verifier)))).toBe(text)
  })

  it("is read and written as the published example, byte for byte", () => {
    const known = readSigner(example.secret)
    expect(verifierText(known.verifier)).toBe(example.verifier)
    const opened = openNote(example.note, readVerifier(example.verifier))
    expect(signNote(opened, known)).toBe(example.note)
  })

  it("is the same for Go's sumdb: it opens ours, we open its, and one key makes the same note in both", () => {
    const verifier = verifierText(signer.verifier)
    const [opened, signed, generated] = askTlogCheck([
      { op: "open", verifier, note },
      { op: "sign", signer: secret, text },
      { op: "generate", name: "gö.example/clé" },
    ])
    expect(opened).toEqual({ text })
    expect(signed).toEqual({ note })
    const theirs = readSigner(generated?.signer ?? "")
    expect(verifierText(theirs.verifier)).toBe(generated?.verifier)
    const [again] = askTlogCheck([
      { op: "open", verifier: generated?.verifier, note: signNote("text\n\nand more\n", theirs) },
    ])
    expect(again).toEqual({ text: "text\n\nand more\n" })
  })

  it("is opened when others signed it too, also under our name with another key", () => {
    const [other, namesake] = [readSigner(newKey("witness.example")), readSigner(newKey(name))]
    const line = (of: typeof other) => signNote(text, of).split("\n\n")[1]
    expect(openNote(`${text}\n${line(other)}${line(signer)}${line(namesake)}`, signer.verifier)).toBe(text)
  })

  it("is opened when the same signature is there twice, and refused when one of two does not fit", () => {
    expect(openNote(`${note}${line}`, signer.verifier)).toBe(text)
    const another = signNote("another\n", signer).split("\n\n")[1]
    expect(() => openNote(`${note}${another}`, signer.verifier)).toThrow("does not fit")
  })

  const signature = note.slice(note.lastIndexOf(" ") + 1, -1)
  const [, line] = note.split("\n\n") as [string, string]
  it.each([
    ["with a changed text", note.replace("\n3\n", "\n4\n"), "does not fit"],
    [
      "with a changed signature",
      note.replace(signature, `${signature.slice(0, 20)}AAAA${signature.slice(24)}`),
      "does not fit",
    ],
    ["with a shortened signature", note.replace(signature, `${signature.slice(0, 40)}`), "does not fit"],
    ["of another key", signNote(text, readSigner(newKey(name))), "not signed by"],
    ["of another name", signNote(text, readSigner(newKey("other.example"))), "not signed by"],
    [
      "with a signature of another text",
      signNote("another\n", signer).replace("another\n", text),
      "does not fit",
    ],
    ["without a signature", text, "no signed note"],
    ["without a blank line", text + line, "no signed note"],
    ["that ends early", note.slice(0, -1), "no signed note"],
    ["cut in its signature", note.slice(0, -10), "no signed note"],
    ["with a line that is no signature", `${note}# comment\n`, "no signature line"],
    ["with lenient base64", note.replace(signature, signature.replace(/=*$/, "")), "no signature line"],
    ["with a hyphen for the dash", note.replace("— ", "- "), "no signature line"],
    ["with a control character", note.replace("\n3\n", "\n\t3\n"), "control characters"],
    ["with carriage returns", note.replaceAll("\n", "\r\n"), "no signed note"],
    ["with too many signatures", note + line.repeat(100), "more than 100"],
    ["that is empty", "", "no signed note"],
  ])("is refused %s", (_, spoilt, reason) => {
    expect(() => openNote(spoilt, signer.verifier)).toThrow(reason)
    const [answer] = askTlogCheck([{ op: "open", verifier: verifierText(signer.verifier), note: spoilt }])
    expect(answer?.error).toBeTypeOf("string")
  })

  it("is refused when any one character of it was changed, and never opened to another text", () => {
    fc.assert(
      fc.property(fc.nat({ max: note.length - 1 }), fc.string({ minLength: 0, maxLength: 1 }), (at, by) => {
        const spoilt = note.slice(0, at) + by + note.slice(at + 1)
        fc.pre(spoilt !== note)
        expect(() => openNote(spoilt, signer.verifier)).toThrow()
      }),
      { seed: 20_261_123, numRuns: 300 },
    )
  })

  it.each(["no newline", "", "a\u0007bell\n", "lone \ud800 surrogate\n"])("is not made of %j", (bad) => {
    expect(() => signNote(bad, signer)).toThrow("nothing was signed")
  })
})

describe("a key", () => {
  it("survives its text, whatever bytes it has", () => {
    for (let count = 0; count < 50; count++) {
      const one = readSigner(newKey(name))
      const verifier = readVerifier(verifierText(one.verifier))
      expect(openNote(signNote(text, one), verifier)).toBe(text)
    }
  })

  const verifier = verifierText(signer.verifier)
  it.each([
    ["an empty file", "", "no key file"],
    ["a public key", verifier, "no key file"],
    ["a PEM file", "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n", "no key file"],
    ["two lines", `${secret}\n${secret}\n`, "no key file"],
    ["a cut key", secret.slice(0, -4), "not an Ed25519 key"],
    [
      "a key of another type",
      secret.replace(/\+[^+]{8}\+.*/, `+00000000+${Buffer.alloc(33, 2).toString("base64")}`),
      "not an Ed25519 key",
    ],
    [
      "a name that does not belong to it",
      secret.replace("desk.example", "desk.exampl"),
      "do not belong together",
    ],
    ["another id", secret.replace(/\+[0-9a-f]{8}\+/, "+00000000+"), "do not belong together"],
  ])("file is refused when it is %s", (_, file, reason) => {
    expect(() => readSigner(file)).toThrow(reason)
    const quoted = (() => {
      try {
        readSigner(file)
        return ""
      } catch (error) {
        return String(error)
      }
    })()
    expect(quoted).not.toContain(secret.slice(-20))
  })

  it.each([
    ["nothing", "", "no public key"],
    ["a secret key", secret, "secret key"],
    ["cut", verifier.slice(0, -4), "not an Ed25519 key"],
    ["of another name", verifier.replace("desk", "disk"), "do not belong together"],
    ["a word", "landfall", "no public key"],
  ])("is refused as public key when it is %s", (_, key, reason) => {
    expect(() => readVerifier(key)).toThrow(reason)
  })

  it.each(["", "with space", "with+plus", "tab\t", "line\n"])("is not made for the name %j", (bad) => {
    expect(isKeyName(bad)).toBe(false)
    expect(() => newKey(bad)).toThrow("cannot name a key")
  })
})

describe("a checkpoint", () => {
  const head = { origin: `${name}/ops.alert/0`, size: 7, root: Buffer.alloc(32, 9) }

  it("is origin, size and root, a line each", () => {
    expect(treeHeadText(head)).toBe(`${name}/ops.alert/0\n7\n${head.root.toString("base64")}\n`)
    expect(readTreeHead(treeHeadText(head))).toEqual(head)
    expect(readTreeHead(treeHeadText({ ...head, size: 0 })).size).toBe(0)
  })

  it("may have extension lines, which say nothing to us", () => {
    expect(readTreeHead(`${treeHeadText(head)}extension 1\nextension 2\n`)).toEqual(head)
  })

  const root = head.root.toString("base64")
  it.each([
    ["no origin", `\n7\n${root}\n`],
    ["no size", `o\n\n${root}\n`],
    ["a leading zero", `o\n07\n${root}\n`],
    ["a negative size", `o\n-7\n${root}\n`],
    ["a size in words", `o\nseven\n${root}\n`],
    ["a size that cannot be counted", `o\n9007199254740993\n${root}\n`],
    ["no root", "o\n7\n\n"],
    ["a short root", `o\n7\n${Buffer.alloc(31).toString("base64")}\n`],
    ["a root in hex", `o\n7\n${head.root.toString("hex")}\n`],
    ["no end", `o\n7\n${root}`],
    ["an empty extension", `o\n7\n${root}\n\nx\n`],
    ["nothing", ""],
  ])("is refused with %s", (_, bad) => {
    expect(() => readTreeHead(bad)).toThrow("no checkpoint")
  })
})
