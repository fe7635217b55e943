import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { expect, it, onTestFinished } from "vitest"
import { allEnded } from "./processes.ts"

const launchModule = new URL("../lib/launch.mjs", import.meta.url).href

/** A program that launches a shell script and takes over its exit code. */
function launching(script: string): string[] {
  const program = `
    import { launch } from ${JSON.stringify(launchModule)}
    process.exitCode = await launch("sh", ["-c", ${JSON.stringify(script)}], {})`
  return ["--input-type=module", "--eval", program]
}

function startLaunching(script: string) {
  const child = spawn(process.execPath, launching(script), { stdio: ["ignore", "pipe", "inherit"] })
  onTestFinished(() => {
    child.kill("SIGKILL")
  })
  return child
}

it.each([
  ["exit 7", 7],
  ["exit 0", 0],
  ["kill -TERM $$", 143],
])("takes over the exit code of `%s`", (script, code) => {
  expect(spawnSync(process.execPath, launching(script)).status).toBe(code)
})

it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "hands %s on and waits for the program to end in order",
  async (signal) => {
    const child = startLaunching(
      "trap 'echo bye; exit 3' INT TERM HUP; echo up; while :; do sleep 0.02; done",
    )
    const said: string[] = []
    child.stdout.setEncoding("utf8").on("data", (text: string) => said.push(text))
    await once(child.stdout, "data")
    child.kill(signal)
    const [code] = await once(child, "close")
    expect(code).toBe(3)
    expect(said.join("")).toBe("up\nbye\n")
  },
)

it("ends the program when it is itself killed", async () => {
  const child = startLaunching("echo $$; exec sleep 60")
  const [line] = await once(child.stdout.setEncoding("utf8"), "data")
  child.kill("SIGKILL")
  await allEnded([Number(line)])
})

it("says how it is used when asked for a command that it does not know", () => {
  const run = fileURLToPath(new URL("../run.mjs", import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [run, "strat"], { encoding: "utf8" })
  expect(status).toBe(2)
  expect(stderr).toContain("setup|start|chaos|bench|test|test-faults")
})
