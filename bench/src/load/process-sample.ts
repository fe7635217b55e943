import { readdir, readFile } from "node:fs/promises"

/** What the kernel says of a process. */
export interface ProcessSample {
  readonly rss_bytes: number
  /** Processor time of all its threads since its start. */
  readonly cpu_ms: number
  /** Files, sockets and pipes that it holds. */
  readonly files: number
}

/** Linux counts processor time in hundredths of a second, whatever its own clock does (USER_HZ). */
const tickMs = 10

/** Processor time from `/proc/PID/stat`; with `children` also that of the ones that it started and that have ended. */
export const cpuMsOf = (stat: string, children: "with children" | "alone" = "alone"): number => {
  // The second field is the command in brackets, and may itself hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15).map(Number)
  return (user + system + (children === "with children" ? childUser + childSystem : 0)) * tickMs
}

/** Resident memory from `/proc/PID/status`, in bytes; 0 of a process that has ended. */
export const rssOf = (status: string): number => Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024

/** The sum of a metric over its labels, in a text of `/metrics`; only the lines that have `label`, when it is given. */
export const metricOf = (text: string, name: string, label = ""): number =>
  text
    .split("\n")
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .filter((line) => line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0)

const proc = (pid: number, file: string): Promise<string> =>
  readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")

/** Looks at a process; all is 0 when it has ended. */
export const processSample = async (pid: number): Promise<ProcessSample> => {
  const [stat, status, files] = await Promise.all([
    proc(pid, "stat"),
    proc(pid, "status"),
    readdir(`/proc/${pid}/fd`).catch(() => []),
  ])
  return { rss_bytes: rssOf(status), cpu_ms: stat === "" ? 0 : cpuMsOf(stat), files: files.length }
}

/** Processor time of PostgreSQL: the postmaster, the backends that live, and those that have ended. */
export const clusterCpuMs = async (postmaster: number): Promise<number> => {
  const children = (await proc(postmaster, `task/${postmaster}/children`)).split(" ").filter(Boolean)
  const stats = await Promise.all(children.map((pid) => proc(Number(pid), "stat")))
  const living = stats.filter((stat) => stat !== "").reduce((sum, stat) => sum + cpuMsOf(stat), 0)
  return cpuMsOf(await proc(postmaster, "stat"), "with children") + living
}
