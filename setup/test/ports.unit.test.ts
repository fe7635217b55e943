import { spawnSync } from "node:child_process"
import { createServer } from "node:net"
import { expect, onTestFinished, test } from "vitest"
import { freePorts } from "../parts/ports.ts"

test("no port is given twice, to this process or to another", async () => {
  const mine = [...(await freePorts(40)), ...(await freePorts(40))]
  const script = `import { freePorts } from ${JSON.stringify(new URL("../parts/ports.ts", import.meta.url).href)}
    console.log(JSON.stringify(await freePorts(500)))`
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    encoding: "utf8",
  })
  if (stdout === "") throw new Error(stderr)
  const theirs: number[] = JSON.parse(stdout)
  expect(new Set([...mine, ...theirs]).size).toBe(mine.length + theirs.length)
})

test("the ports of a process that ended are free again", async () => {
  const few = { first: 9_300, end: 9_310 }
  const script = `import { freePorts } from ${JSON.stringify(new URL("../parts/ports.ts", import.meta.url).href)}
    await freePorts(10, ${JSON.stringify(few)}); process.kill(process.pid, "SIGKILL")`
  spawnSync(process.execPath, ["--input-type=module", "--eval", script])
  expect(await freePorts(10, few)).toHaveLength(10)
  await expect(freePorts(1, few)).rejects.toThrow("no 1 free ports between 9300 and 9310")
})

test("a port that something listens on is passed over", async () => {
  const [port = 0] = await freePorts(1)
  const server = createServer()
  onTestFinished(() => void server.close())
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve))
  expect(server.listening).toBe(true)
  expect(await freePorts(100)).not.toContain(port)
})
