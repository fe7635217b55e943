import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { checkFile } from "./house/check.ts"
import { layerProblems } from "./house/layers.ts"
import { purityProblems } from "./house/purity.ts"
import {
  incomingProblems,
  inventoryProblems,
  inventoryReachProblems,
  outgoingProblems,
  transactionProblems,
  watchOnlyProblems,
} from "./house/safety.ts"
import { codeOf, importsOf, scan } from "./house/scan.ts"
import { tidinessProblems } from "./house/tidiness.ts"
import { readFiles } from "./house/walk.ts"
import { dependencyProblems, workspaceProblems } from "./house/workspaces.ts"

const files = readFiles(fileURLToPath(new URL("../..", import.meta.url)))

describe("the house", () => {
  it("is seen whole", () => {
    for (const path of [
      "domain/src/topic.ts",
      "apps/sandbox/package.json",
      "setup/run.mjs",
      "tsconfig.base.json",
    ])
      expect([...files.keys()]).toContain(path)
    expect([...files.keys()].filter((path) => path.includes("node_modules"))).toEqual([])
  })

  it("has no file that breaks a rule", () => {
    expect([...files].flatMap(([path, text]) => checkFile(path, text))).toEqual([])
  })

  it("computes inventory without a way to funding observations", () => {
    expect(inventoryReachProblems(files)).toEqual([])
  })

  it("compiles every workspace with the common options", () => {
    expect(workspaceProblems(files)).toEqual([])
  })

  it("names every imported package in the workspace that imports it", () => {
    expect(dependencyProblems(files)).toEqual([])
  })

  it("is read correctly: nothing is lost, and brackets outside of texts and comments match", () => {
    for (const [path, text] of files) {
      if (!path.endsWith(".ts")) continue
      expect(
        scan(text)
          .map((piece) => piece.text)
          .join(""),
        path,
      ).toBe(text)
      const count = (pattern: RegExp) => codeOf(text).match(pattern)?.length ?? 0
      expect([count(/\(/g), count(/\[/g)], path).toEqual([count(/\)/g), count(/\]/g)])
    }
  })
})

const rejected = (problems: ReadonlyArray<string>) => expect(problems.length).toBeGreaterThan(0)
const accepted = (problems: ReadonlyArray<string>) => expect(problems).toEqual([])

describe("imports go one way", () => {
  it.each([
    ["domain/src/a.ts", 'import { x } from "@landfall/projections/registry"'],
    ["domain/src/a.ts", 'import pino from "pino"'],
    ["domain/src/a.ts", 'import { readFileSync } from "node:fs"'],
    ["domain/src/a.ts", 'import { x } from "effect/http"'],
    ["domain/src/a.ts", 'import fc from "fast-check"'],
    ["domain/src/topics/a.ts", 'import { x } from "../../../projections/src/registry.ts"'],
    ["domain/src/a.ts", 'import { x } from "../test/records.ts"'],
    ["domain/src/a.ts", 'export * from "@landfall/adapters/log/log"'],
    ["domain/src/a.ts", 'import type { X } from "@landfall/adapters/log/log"'],
    ["domain/src/a.ts", 'import "@landfall/adapters/log/log"'],
    ["domain/src/a.ts", 'const x = import("@landfall/adapters/log/log")'],
    ["domain/src/a.ts", "const x = import(name)"],
    ["domain/src/a.ts", "const x = import(`node:${name}`)"],
    ["domain/src/a.ts", 'const x = require("fs")'],
    ["projections/src/a.ts", 'import { x } from "@landfall/evaluators/rule"'],
    ["projections/src/a.ts", 'import fc from "fast-check"'],
    ["evaluators/src/a.ts", 'import { x } from "@landfall/adapters/log/log"'],
    ["evaluators/src/a.ts", 'import { historyOf } from "@landfall/projections/testing/generators"'],
    ["adapters/src/a.ts", 'import { x } from "@landfall/history-writer/main"'],
    ["adapters/src/a.ts", 'import { x } from "@landfall/setup/parts/kafka"'],
    ["apps/history-writer/src/a.ts", 'import { x } from "@landfall/liquidity-manager/main"'],
    ["apps/history-writer/src/a.ts", 'import { x } from "@landfall/setup/parts/kafka"'],
    ["apps/history-writer/src/a.ts", 'import { x } from "../../sandbox/src/main.ts"'],
    ["setup/parts/a.ts", 'import { x } from "@landfall/adapters/log/log"'],
  ])("%s may not have: %s", (path, text) => rejected(layerProblems(path, text)))

  it.each([
    [
      "domain/src/topics/a.ts",
      'import { Schema } from "effect"\nimport { v5 } from "uuid"\nimport { x } from "../text.ts"',
    ],
    ["domain/src/a.ts", '// import { x } from "@landfall/adapters/log/log"'],
    ["domain/test/a.unit.test.ts", 'import { x } from "@landfall/adapters/log/log"'],
    ["projections/src/a.ts", 'import { topics } from "@landfall/domain/registry"'],
    ["projections/src/laws/a.ts", 'import fc from "fast-check"'],
    ["projections/src/testing/a.ts", 'import fc from "fast-check"'],
    [
      "adapters/src/a.ts",
      'import { x } from "@landfall/projections/registry"\nimport postgres from "postgres"',
    ],
    ["apps/sandbox/src/a.ts", 'import { startKafka } from "@landfall/setup/parts/kafka"'],
    ["bench/src/a.ts", 'import { x } from "@landfall/history-writer/main"'],
  ])("%s may have: %s", (path, text) => accepted(layerProblems(path, text)))
})

describe("pure packages", () => {
  it.each([
    "const at = Date.now()",
    "const at = Date . now ()",
    "const at = Date['now']()",
    "const at = new Date()",
    "const at = new Date",
    "const at = Date()",
    "const at = performance.now()",
    "const one = Math.random()",
    "const id = crypto.randomUUID()",
    "const home = process.env.HOME",
    "setTimeout(go, 5)",
    "setInterval(go, 5)",
    "queueMicrotask(go)",
    "const answer = fetch(url)",
    "console.log(row)",
    "const text = price.toLocaleString()",
    "const now = globalThis.Date",
    "const run = eval(text)",
    "const later = async () => 1",
    "const text = `at ${Date.now()}`",
    "const text = `a ${`b ${Math.random()}`}`",
    'import { Clock } from "effect"',
    'import { Effect, Schema } from "effect"',
    'import { v4 } from "uuid"',
    'import * as uuid from "uuid"',
  ])("may not have: %s", (text) => {
    for (const path of [
      "domain/src/a.ts",
      "projections/src/a.ts",
      "projections/src/testing/a.ts",
      "evaluators/src/b/a.ts",
    ])
      rejected(purityProblems(path, text))
  })

  it.each([
    "const at = new Date(at_ms).toISOString()",
    "const at = Date.parse(text) + Date.UTC(2026, 0, 1)",
    "const half = Math.floor(n / 2) // never Math.random()",
    'const text = "Date.now() and process.exit()"',
    "const text = `Date.now() ${at_ms} process`",
    "const settings = { process: 1, console: 2, fetch: 3 }",
    "const quote = /[\"'`]/.test(text) ? 1 : 2",
    'import { Schema, SchemaAST } from "effect"',
    'import { parse, v5 } from "uuid"',
  ])("may have: %s", (text) => accepted(purityProblems("domain/src/a.ts", text)))

  it("are not the shell or the tests", () => {
    accepted(purityProblems("adapters/src/a.ts", "const at = Date.now()"))
    accepted(purityProblems("domain/test/a.unit.test.ts", "const at = Date.now()"))
  })
})

describe("one way to PostgreSQL", () => {
  it.each([
    "await sql.begin(async (tx) => tx`select 1`)",
    "await this.client.sql.begin('read only', work)",
    "await sql\n  .begin(work)",
    "await sql?.begin(work)",
    "const { begin } = sql",
    'await sql["begin"](work)',
    "await sql`begin`",
    "await sql.unsafe('BEGIN; delete from t')",
    "await sql.unsafe(`begin transaction isolation level serializable`)",
    "await sql`  start transaction read only`",
  ])("no other file may have: %s", (text) => {
    rejected(transactionProblems("adapters/src/history/a.ts", text))
    rejected(transactionProblems("apps/cli/src/a.ts", text))
    accepted(transactionProblems("adapters/src/postgres/transaction.ts", text))
  })

  it.each([
    "rows.begin(columns.length)",
    'const message = "begin again after the last offset"',
    'const first = late("did not begin to answer", 5)',
    "// sql.begin would go past the wrapper",
  ])("may have: %s", (text) => accepted(transactionProblems("adapters/src/history/a.ts", text)))
})

describe("watch only", () => {
  it.each([
    'rpc("sendrawtransaction", [hex])',
    'rpc("sendtoaddress", [address, 1])',
    'rpc("signrawtransactionwithwallet", [hex])',
    'rpc("walletpassphrase", [secret, 60])',
    'rpc("eth_sendRawTransaction", [hex])',
    'rpc("eth_sendTransaction", [call])',
    'rpc("personal_sign", [text])',
    'rpc("bumpfee", [txid])',
    "const account = privateKeyToAccount(key)",
    "const privateKey = read()",
    "const private_key = read()",
    "await client.sendTransaction(call)",
    "await client.signTransaction(call)",
    "// unlike sendrawtransaction this only looks",
  ])("no code that watches may have: %s", (text) => {
    for (const path of ["adapters/src/chain/a.ts", "evaluators/src/a.ts", "apps/liquidity-manager/src/a.ts"])
      rejected(watchOnlyProblems(path, text))
    accepted(watchOnlyProblems("apps/sandbox/src/a.ts", text))
    accepted(watchOnlyProblems("setup/parts/a.ts", text))
  })

  it("may make a wallet without keys, check that it has none, look, and test what would be accepted", () => {
    const text =
      'rpc("createwallet", { disable_private_keys: true }); if (info.private_keys_enabled) throw holdsKeys(); rpc("testmempoolaccept", [hex]); producer.sendOffsetsToTransaction()'
    accepted(watchOnlyProblems("adapters/src/chain/a.ts", text))
  })
})

describe("one way out", () => {
  it.each([
    "const answer = await fetch(url)",
    "const answer = globalThis\n  ; fetch (url)",
    'import { request } from "node:https"',
    'import http from "http"',
    'import { Agent } from "undici"',
    'import { createPublicClient } from "viem"',
    "const socket = new WebSocket(url)",
  ])("no other file may have: %s", (text) => {
    rejected(outgoingProblems("adapters/src/bridge/a.ts", text))
    rejected(outgoingProblems("apps/cli/src/a.ts", text))
    accepted(outgoingProblems("adapters/src/net/exchange.ts", text))
    accepted(outgoingProblems("apps/sandbox/src/a.ts", text))
  })

  it.each(['import { isAddress } from "viem"', "// fetch(url) has no limits", "await cache.fetch(key)"])(
    "may have: %s",
    (text) => accepted(outgoingProblems("adapters/src/chain/a.ts", text)),
  )
})

describe("the one way in", () => {
  it.each([
    "const app = fastify({ logger })",
    "const server = createServer(answer)",
    'import net from "node:net"\nnew net.Server().listen(0)',
    "await app.listen({ port })",
  ])("no other file may have: %s", (text) => {
    rejected(incomingProblems("apps/ops-sentinel/src/a.ts", text))
    accepted(incomingProblems("adapters/src/http/app.ts", text))
    accepted(incomingProblems("apps/sandbox/src/a.ts", text))
    accepted(incomingProblems("adapters/test/net/odd-server.ts", text))
  })
})

describe("inventory", () => {
  it.each([
    ["apps/inventory-sync/src/main.ts", 'import { x } from "@landfall/domain/topics/funding-observation"'],
    ["apps/inventory-sync/src/main.ts", 'import { x } from "@landfall/projections/uncredited"'],
    [
      "apps/inventory-sync/src/main.ts",
      'import { x } from "@landfall/evaluators/funding/decide-observations"',
    ],
    ["projections/src/intent-inventory.ts", 'import { x } from "./funding-transfer.ts"'],
    ["adapters/src/verifier/read-inventory.ts", 'import { x } from "@landfall/projections/funding-transfer"'],
    [
      "evaluators/src/inventory-age.ts",
      'export type { X } from "@landfall/domain/topics/funding-observation"',
    ],
  ])("%s may not have: %s", (path, text) => rejected(inventoryProblems(path, text)))

  it("may be read by others, and may read the verifier", () => {
    accepted(
      inventoryProblems(
        "apps/inventory-sync/src/main.ts",
        'import { x } from "@landfall/domain/topics/intent-inventory"',
      ),
    )
    accepted(
      inventoryProblems("adapters/src/a.ts", 'import { x } from "@landfall/projections/funding-transfer"'),
    )
  })

  it("has no way to an observation through a file in between, but files beside that way are free", () => {
    const planted = new Map([
      ["projections/src/intent-inventory.ts", 'import { x } from "./helper.ts"'],
      ["projections/src/helper.ts", 'import { y } from "@landfall/domain/topics/shared"'],
      ["domain/src/topics/shared.ts", 'import { z } from "./funding-observation.ts"'],
    ])
    expect(inventoryReachProblems(planted)).toEqual([
      expect.stringContaining("domain/src/topics/funding-observation.ts"),
    ])
    planted.set("projections/src/helper.ts", 'import { y } from "@landfall/domain/text"')
    accepted(inventoryReachProblems(planted))
  })
})

describe("tidiness", () => {
  const word = `TO${"DO"}`
  it.each([
    ["domain/src/a.ts", "const a = 1\n".repeat(400)],
    ["domain/src/a.ts", `// ${word}: later`],
    ["sql/migrations/1.sql", `-- FIX${"ME"}`],
    ["domain/src/a.ts", `// @ts-${"ignore"}\n`],
    ["domain/src/a.ts", `const a = b as ${"any"}`],
    ["domain/test/a.test.ts", "it('works', go)"],
    ["domain/test/a.unit.test.ts", "it.skip('works', go)"],
    ["domain/test/a.unit.test.ts", "describe.only('works', go)"],
  ])("%s may not have: %j", (path, text) => rejected(tidinessProblems(path, text)))

  it.each([
    ["domain/src/a.ts", "const a = 1\n".repeat(399)],
    ["domain/src/a.ts", `const ${word}S = 1 // as any reader sees`],
    ["domain/test/a.unit.test.ts", "it('skips what is known', go)\nitems.skip = 1"],
  ])("%s may have: %j", (path, text) => accepted(tidinessProblems(path, text)))
})

describe("workspaces", () => {
  const base = ["tsconfig.base.json", '{"compilerOptions":{"strict":true}}'] as const
  const manifest = ["apps/a/package.json", '{"name":"@landfall/a","dependencies":{"effect":"1"}}'] as const

  it.each([
    ["no tsconfig", []],
    ["a tsconfig of its own", [["apps/a/tsconfig.json", "{}"]]],
    ["another base", [["apps/a/tsconfig.json", '{"extends":"../tsconfig.base.json"}']]],
    [
      "a looser option",
      [["apps/a/tsconfig.json", '{"extends":"../../tsconfig.base.json","compilerOptions":{"strict":false}}']],
    ],
  ] as const)("may not have %s", (_, more) => rejected(workspaceProblems(new Map([base, manifest, ...more]))))

  it("extend the common options, and may add to them", () => {
    const own = '{"extends":"../../tsconfig.base.json","compilerOptions":{"allowJs":true}}'
    accepted(workspaceProblems(new Map([base, manifest, ["apps/a/tsconfig.json", own]])))
  })

  it("name what they import", () => {
    const imports = (text: string) => new Map([manifest, ["apps/a/src/main.ts", text]])
    rejected(dependencyProblems(imports('import { x } from "@landfall/domain/text"')))
    rejected(dependencyProblems(imports('import pino from "pino/file"')))
    accepted(
      dependencyProblems(
        imports('import { Schema } from "effect/Schema"\nimport "node:fs"\nimport "./b.ts"'),
      ),
    )
  })
})

describe("imports are found", () => {
  it("in every form, over several lines, and not in comments", () => {
    const text = `import {\n  a,\n} from "one"\nexport * from 'two'\nimport "three"\nawait import(\n"four")\nrequire("five")\n/* import "six" */\nimport(six)`
    expect(importsOf(text)).toEqual(["one", "two", "three", "four", "five", null])
  })

  it("not in texts that look like them", () => {
    expect(importsOf('const a = sql`select 1 from "t"`; const b = \'import "x"\'')).toEqual([])
  })
})
