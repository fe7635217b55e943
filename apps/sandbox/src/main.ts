import { mkdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import postgres from "postgres"
import { refuseSecondSandbox, removeConnections, writeConnections } from "./stack/connections.ts"
import { openProgram } from "./stack/ending.ts"
import { servicesOf, startOperation } from "./stack/operation.ts"
import { startParts } from "./stack/parts.ts"
import { openFundedWallet, openWallet } from "./stack/wallets.ts"
import { playStory } from "./story/story.ts"
import { openTerminal, StepFailed } from "./terminal.ts"

const usage = `usage: npm start -- [--once | --no-story] [--keep]
  --once      end after the story; the exit code is 1 when a step failed
  --no-story  only run the stack
  --keep      go on with the data of the last run instead of starting afresh
Data, logs and connections.json are in .sandbox/, or where SANDBOX_DIR says.`

const folder = process.env["SANDBOX_DIR"] || fileURLToPath(new URL("../../../.sandbox/", import.meta.url))
const connectionsFile = join(folder, "connections.json")
const accountId = "desk.near"
const terminal = openTerminal(process.stdout, process.env)

const options = readOptions()
const { cleanup, end, told, isUnderWay } = openProgram(terminal)
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => told(signal === "SIGINT" ? 130 : 143))

try {
  await run()
} catch (error) {
  if (!isUnderWay()) {
    if (!(error instanceof StepFailed))
      terminal.failed("the sandbox", error instanceof Error ? error.message : String(error))
    terminal.line(
      `\nThe logs of all parts and services are in ${folder}. Try \`npm run setup\` if a part is missing.`,
    )
  }
  await end(1)
}

async function run(): Promise<void> {
  await refuseSecondSandbox(connectionsFile)
  if (!options.keep) await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })

  terminal.heading("Real parts, and the simulated ones")
  const parts = await startParts(terminal, folder, process.env, cleanup)

  terminal.heading("Services")
  const operation = await startOperation(terminal, parts, accountId, folder, cleanup)
  const services = servicesOf(operation)
  // Only what this sandbox has written: the file of one that already runs is none of ours.
  cleanup.add(() => removeConnections(connectionsFile))
  await writeConnections(connectionsFile, parts, services)
  terminal.line(`      tokens and addresses: ${connectionsFile}`)

  if (options.story) {
    const miner = await openFundedWallet(parts.bitcoinUrl, "miner")
    const bridgeWallet = await openWallet(parts.bitcoinUrl, "bridge")
    const sql = postgres(parts.databaseUrl, {
      max: 1,
      onnotice: () => {},
      connection: { role: "landfall_auditor" },
    })
    cleanup.add(() => sql.end())
    await playStory({ terminal, parts, operation, miner, bridgeWallet, account: accountId, sql })
  }
  if (options.once) return end(0)

  terminal.heading("Running. Ctrl-C ends everything.")
  terminal.line(`  curl ${operation.writer.url}/v1/transfers`)
  terminal.line(`  curl ${operation.manager.url}/state`)
  const ended = await Promise.race(
    services.map(async ({ name, process: child, log }) => ({ name, log, ending: await child.exited })),
  )
  throw new Error(
    `${ended.name} ended by itself (${ended.ending.code ?? ended.ending.signal}); its log is ${ended.log}`,
  )
}

function readOptions(): { readonly once: boolean; readonly story: boolean; readonly keep: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        once: { type: "boolean", default: false },
        "no-story": { type: "boolean", default: false },
        keep: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    })
    if (values.help) {
      process.stdout.write(`${usage}\n`)
      process.exit(0)
    }
    return { once: values.once, story: !values["no-story"], keep: values.keep }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n${usage}\n`)
    process.exit(2)
  }
}
