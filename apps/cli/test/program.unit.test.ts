import { optional, required, withDefault } from "@landfall/adapters/config/field"
import { flag, integer, text } from "@landfall/adapters/config/kinds"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { openConfirm } from "../src/confirm.ts"
import { defineCommand } from "../src/define-command.ts"
import { CommandFailed, exitCodes, UsageError } from "../src/exit-codes.ts"
import { runProgram } from "../src/program.ts"
import { commands as registry } from "../src/registry.ts"

const seen: unknown[] = []

const act = defineCommand({
  name: "act",
  summary: "Acts",
  arguments: { what: required(text, "what to act on"), more: optional(text, "more of it") },
  options: {
    count: withDefault(integer({ min: 1, max: 9 }), "3", "how often"),
    "dry-cleaning": withDefault(flag, "false", "whether to clean"),
  },
  changes: true,
  examples: [{ line: "landfall act here", for: "acting here" }],
  run: async ({ output, mayChange }, given) => {
    seen.push(given)
    if (given.arguments.what === "fail") throw new CommandFailed("it broke\u001b[2J; mend it")
    if (given.arguments.what === "refuse") throw new UsageError("not like this")
    if (given.arguments.what === "differ") return exitCodes.difference
    if (given.arguments.what === "change")
      output.result({ done: await mayChange("1 row is changed") }, () => {})
    else output.result({ amount: 5n }, () => output.line("five"))
    return exitCodes.ok
  },
})
const nested = defineCommand({
  name: "group inner",
  summary: "Is inside",
  examples: [],
  run: async () => exitCodes.ok,
})

let [stdout, stderr] = ["", ""]
beforeEach(() => {
  seen.length = 0
  stdout = stderr = ""
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    stdout += String(chunk)
    return true
  })
  vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    stderr += String(chunk)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
})

const run = (...argv: ReadonlyArray<string>) =>
  runProgram([act, nested], argv, { env: {}, signal: new AbortController().signal })

describe("a command line", () => {
  it("is read by the command's own fields", async () => {
    expect(await run("act", "here", "--count", "7", "--dry-cleaning")).toBe(0)
    expect(await run("act", "here", "there")).toBe(0)
    expect(seen).toEqual([
      { arguments: { what: "here", more: null }, options: { count: 7, "dry-cleaning": true } },
      { arguments: { what: "here", more: "there" }, options: { count: 3, "dry-cleaning": false } },
    ])
  })

  it("gives JSON alone on stdout when it asks for it", async () => {
    expect(await run("act", "here", "--json")).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ amount: "5" })
    stdout = ""
    expect(await run("act", "here")).toBe(0)
    expect(stdout).toBe("five\n")
  })

  it("finds a command in a group", async () => {
    expect(await run("group", "inner")).toBe(0)
  })
})

describe("a command line that is not understood ends with 2, the usage on stderr and nothing on stdout:", () => {
  it.each([
    ["no command", [], "Usage: landfall"],
    ["an unknown command", ["atc"], "error: unknown command 'atc'\n(Did you mean act?)"],
    ["a group without its command", ["group"], "Usage: landfall group"],
    ["an unknown command of a group", ["group", "outer"], "unknown command 'outer'"],
    ["an unknown option", ["act", "here", "--often"], "error: unknown option '--often'"],
    ["a missing argument", ["act"], "error: missing required argument 'what'"],
    ["a superfluous argument", ["act", "a", "b", "c"], "too many arguments for 'act'"],
    ["an option without its value", ["act", "a", "--count"], "option '--count <count>' argument missing"],
    [
      "a wrong value",
      ["act", "a", "--count", "12"],
      'error: --count "12": it is more than 9; expected a whole number',
    ],
    ["what the command refuses", ["act", "refuse"], "error: not like this"],
    ["a change that nobody can be asked about", ["act", "change"], "add --yes, or --dry-run"],
  ])("%s", async (_, argv, words) => {
    expect(await run(...argv)).toBe(exitCodes.usage)
    expect(stdout).toBe("")
    expect(stderr).toContain(words)
    expect(stderr).toContain("Usage: landfall")
  })

  it("tells every wrong value at once", async () => {
    await run("act", "", "--count", "x")
    expect(stderr).toContain('what ""')
    expect(stderr).toContain("--count")
  })
})

describe("exit codes", () => {
  it("tell a failure from a difference", async () => {
    expect(await run("act", "fail")).toBe(exitCodes.failed)
    expect(stderr).toBe("error: it broke\\u001b[2J; mend it\n")
    expect(await run("act", "differ")).toBe(exitCodes.difference)
  })

  it("are 0 for help and version, which go to stdout", async () => {
    expect(await run("act", "--help")).toBe(0)
    expect(stdout).toContain("landfall act here")
    expect(stdout).toContain("--dry-run")
    expect(await run("--version")).toBe(0)
    expect(stderr).toBe("")
  })
})

describe("a change", () => {
  it("is done with --yes, and never with --dry-run", async () => {
    expect(await run("act", "change", "--yes", "--json")).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ done: true })
    expect(stderr).toContain("1 row is changed")
    stdout = ""
    expect(await run("act", "change", "--dry-run", "--yes", "--json")).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ done: false })
    expect(stderr).toContain("nothing was changed: this was a dry run")
  })

  it("is refused where nobody can be asked", async () => {
    const confirm = openConfirm({ dryRun: false, yes: false, note: () => {} })
    await expect(confirm("1 row is changed")).rejects.toThrow(UsageError)
  })
})

describe("the registry", () => {
  it("has no command twice, and each says what it is for and how it is used", () => {
    expect(new Set(registry.map(({ name }) => name)).size).toBe(registry.length)
    for (const { name, summary, examples } of registry) {
      expect(name).toMatch(/^[a-z]+(?:-[a-z]+)*(?: [a-z]+(?:-[a-z]+)*)?$/)
      expect(summary, name).toMatch(/^[A-Z].*[^.]$/)
      expect(examples.length, name).toBeGreaterThan(0)
      for (const { line } of examples) expect(line).toContain(`landfall ${name}`)
    }
  })
})
