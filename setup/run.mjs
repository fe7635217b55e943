// What `npm start`, `npm test` and the other commands of package.json that need real parts run first, on any Node from 18 on
// and before anything is installed: obtains what is missing, and goes on with the Node and the parts that it obtained.
import { join } from "node:path"
import { SetupFailure } from "./lib/failure.mjs"
import { launch } from "./lib/launch.mjs"
import { logFile, root } from "./lib/paths.mjs"
import { hasLog } from "./lib/run.mjs"
import { runFaults } from "./lib/run-faults.mjs"
import { runTests } from "./lib/run-tests.mjs"
import { setUp } from "./lib/set-up.mjs"

/** @typedef {import("./lib/steps-node.mjs").Node} Node */

/** @type {Record<string, (node: Node, args: string[]) => number | Promise<number>>} */
const commands = {
  setup: () => 0,
  start: ({ node, env }, args) =>
    launch(node, [join(root, "apps", "sandbox", "src", "main.ts"), ...args], env),
  chaos: ({ node, env }, args) => launch(node, [join(root, "apps", "chaos", "src", "main.ts"), ...args], env),
  bench: ({ node, env }, args) => launch(node, [join(root, "bench", "src", "main.ts"), ...args], env),
  test: ({ env }, args) => runTests(args, env),
  "test-faults": ({ env }, args) => runFaults(args, env),
}

const [name = "", ...args] = process.argv.slice(2)
const command = commands[name]
if (command === undefined) {
  process.stderr.write(`usage: node setup/run.mjs ${Object.keys(commands).join("|")} [arguments]\n`)
  process.exitCode = 2
} else {
  try {
    process.exitCode = await command(await setUp(name), args)
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error
    process.stderr.write(`\nset-up stopped: ${error.message}\n`)
    if (hasLog()) process.stderr.write(`\nThe whole log is in ${logFile}.\n`)
    process.exitCode = 1
  }
}
