import { spawn } from "node:child_process"
import { EventEmitter } from "node:events"
import { fileURLToPath } from "node:url"
import { expect } from "vitest"
import type { Streams } from "../src/output/output.ts"
import { runProgram } from "../src/program.ts"
import { commands } from "../src/registry.ts"
import type { House } from "./given-house.ts"

/** How a run of the program ended, and what it printed. */
export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const main = fileURLToPath(new URL("../bin/landfall.mjs", import.meta.url))

/** Runs the program as a process, its output in pipes. */
export const runCli = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  options: { readonly stdin?: string } = {},
): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], {
      env: { PATH: process.env["PATH"], ...env },
      stdio: ["pipe", "pipe", "pipe"],
    })
    let [stdout, stderr] = ["", ""]
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text
    })
    child.stdin.on("error", () => {}) // a program that reads nothing may have ended before
    child.stdin.end(options.stdin ?? "")
    child.once("error", reject)
    child.once("close", (code) => resolve({ code, stdout, stderr }))
  })

/** Runs the program in this process, as {@link runCli} does but for the half second that a process takes to start. */
export const runHere = async (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
): Promise<Ran> => {
  const printed = { stdout: "", stderr: "" }
  const into = (name: keyof typeof printed) =>
    Object.assign(new EventEmitter(), {
      isTTY: false,
      columns: 80,
      write: (text: string | Uint8Array): boolean => {
        printed[name] += String(text)
        return true
      },
    })
  // A pipe is all that these are asked to be.
  const streams = { stdout: into("stdout"), stderr: into("stderr") } as unknown as Streams
  const code = await runProgram(commands, args, { env, streams, signal: new AbortController().signal })
  return { code, ...printed }
}

/** The program run against a house, as a person and as a program does. */
export const cliOf = (house: () => House) => {
  const landfall = (...args: ReadonlyArray<string>): Promise<Ran> =>
    runHere(args, { DATABASE_URL: house().url, KAFKA_BROKERS: house().kafka.brokers })
  return {
    landfall,
    /** The result of a command that ends well: nothing but one JSON document on stdout, in a pipe too. */
    json: async <Value = Record<string, unknown>>(...args: ReadonlyArray<string>): Promise<Value> => {
      const { code, stdout, stderr } = await landfall(...args, "--json")
      expect({ code, stderr }).toMatchObject({ code: 0 })
      return JSON.parse(stdout) as Value
    },
  }
}
