import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { loadSettings, SettingsError } from "@landfall/adapters/config/settings"
import { Schema } from "effect"
import { describe, expect, test } from "vitest"
import { configProblems, deskConfig, FundingConfig } from "../src/funding-config.ts"
import { settingsTable } from "../src/settings.ts"

const enough = {
  KAFKA_BROKERS: "127.0.0.1:9092",
  DATABASE_URL: "postgres://u:p@127.0.0.1/landfall",
  BRIDGE_URL: "http://127.0.0.1:1/rpc",
  ACCOUNT_ID: "desk.near, other.near,desk.near",
}

const fundingFile = (content: unknown): string => {
  const path = join(mkdtempSync(join(tmpdir(), "landfall-funding-")), "funding.json")
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content))
  return path
}

const problemsOf = (env: Record<string, string>): ReadonlyArray<string> => {
  try {
    loadSettings(settingsTable, env, ({ FUNDING_FILE }) =>
      FUNDING_FILE === null ? [] : configProblems(FUNDING_FILE),
    )
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.problems
    throw error
  }
}

describe("the settings", () => {
  test("watch the second version of EURe, and refuse the first with what to use instead", () => {
    expect(loadSettings(settingsTable, enough)).toMatchObject({
      GNOSIS_OBSERVER_URL: null,
      GNOSIS_CHAIN_ID: 100,
      EURE_CONTRACT: "0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430",
    })
    const first = "0xcB444e90D8198415266c6a2724b7900fb12FC56E"
    const [problem, ...others] = problemsOf({ ...enough, EURE_CONTRACT: first })
    expect(others).toEqual([])
    expect(problem).toMatch(/^EURE_CONTRACT=.*EURe's first version.*use 0x420CA0f9/)
  })

  test("have defaults for all but the places and the account", () => {
    const settings = loadSettings(settingsTable, enough)
    expect(settings).toMatchObject({
      POLL_INTERVAL_MS: 500,
      BITCOIN_NETWORK: "main",
      ACCOUNT_ID: ["desk.near", "other.near"],
    })
    expect(problemsOf({}).map((line) => line.split(":")[0])).toEqual([
      "KAFKA_BROKERS",
      "DATABASE_URL",
      "BRIDGE_URL",
      "ACCOUNT_ID",
    ])
  })

  test("are all complained about at once", () => {
    expect(
      problemsOf({ ...enough, POLL_INTERVAL_MS: "fast", BITCOIN_NETWORK: "doge", ACCOUNT_ID: "a,,b" }),
    ).toHaveLength(3)
  })
})

describe("the funding file", () => {
  const written = Schema.encodeSync(FundingConfig)(deskConfig)

  test("holds what the desk has unless told otherwise", () => {
    const settings = loadSettings(settingsTable, { ...enough, FUNDING_FILE: fundingFile(written) })
    expect(settings.FUNDING_FILE).toEqual(deskConfig)
  })

  test.each<[string, unknown, RegExp]>([
    ["no JSON", "{", /cannot be read/],
    ["an amount that is a number", { ...written, match_window_ms: 0.5 }, /does not fit/],
    ["an unknown field", { ...written, confirmations: 3 }, /does not fit/],
    ["no assets", { ...written, assets: [] }, /does not fit/],
    [
      "an asset twice",
      { ...written, assets: [...written.assets, ...written.assets] },
      /BTC on bitcoin twice/,
    ],
    ...(["asset_id", "bridge_chain", "defuse_asset_identifier"] as const).map(
      (field): [string, unknown, RegExp] => [
        `EURe's first version in ${field}`,
        {
          ...written,
          assets: written.assets.map((asset) => ({
            ...asset,
            [field]: `${asset.asset_id}:0xCB444e90d8198415266c6a2724b7900fb12fc56e`,
          })),
        },
        new RegExp(`the ${field} EURe:0xCB.* cannot be used: it is EURe's first version.*use 0x420CA0f9`),
      ],
    ),
    [
      "a handle of no asset",
      {
        ...written,
        handles: [{ account_id: "a", asset_id: "DOGE", chain: "bitcoin", funding_handle: "x" }],
      },
      /DOGE on bitcoin, which is not among the assets/,
    ],
  ])("with %s is refused", (_what, content, problem) => {
    expect(problemsOf({ ...enough, FUNDING_FILE: fundingFile(content) }).join("\n")).toMatch(problem)
  })
})
