import { spawn } from "node:child_process"
import { closeSync, mkdirSync, openSync } from "node:fs"
import { dirname } from "node:path"
import { Readable } from "node:stream"
import { isMainThread } from "node:worker_threads"

/** How a process ended: by itself with `code`, or by `signal`. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A child process that cannot outlive the process that started it. */
export interface Leashed {
  /** The command's own process id, not that of a wrapper. */
  readonly pid: number
  readonly exited: Promise<Ending>
  running(): boolean
  /** Asks it to end (SIGTERM unless told otherwise), and kills it when it has not ended after `timeoutMs`. */
  stop(signal?: NodeJS.Signals, timeoutMs?: number): Promise<void>
  /** Kills it at once (SIGKILL) together with its process group. */
  kill(): Promise<void>
}

export interface LeashOptions {
  /** Added to this process's environment; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** The file that its output is appended to. */
  readonly log: string
  /** Only for root: the user and group to run as. */
  readonly uid?: number
  readonly gid?: number
  /** With `uid`: lets that user pass through folders that only root may enter (Linux capability DAC_OVERRIDE). */
  readonly passFolders?: boolean
}

const stopTimeoutMs = 15_000

/**
 * Starts a command that ends when this process ends in any way, SIGKILL included.
 *
 * The kernel does it (PR_SET_PDEATHSIG, set by util-linux's `setpriv`): no watcher that could itself be killed, and
 * every step is an `exec`, so that `pid` is the command's. Only the command itself is on the leash, not what it
 * starts: PostgreSQL's backends end by themselves when their postmaster is gone, the other parts are one process.
 * The command leads its own session, so that Ctrl-C in a terminal reaches only the process that will stop it in order.
 */
export async function spawnLeashed(
  command: string,
  args: readonly string[],
  options: LeashOptions,
): Promise<Leashed> {
  // The kernel watches the thread that forked, and a worker's thread may end long before its process.
  if (!isMainThread) throw new Error(`start ${command} from the main thread: a worker's end would kill it`)
  mkdirSync(dirname(options.log), { recursive: true })
  const log = openSync(options.log, "a")
  const child = spawn("setpriv", [...leashArguments(options), command, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", log, log, "pipe"],
    detached: true,
  })
  closeSync(log)
  const exited = new Promise<Ending>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }))
  })
  // The shell closes its end when the leash is on: until then a stopped child could outlive this process.
  const leashIsOn = child.stdio[3]
  await new Promise<void>((resolve, reject) => {
    if (leashIsOn instanceof Readable) leashIsOn.once("close", resolve).resume()
    child.once("error", (cause) =>
      reject(new Error(`cannot start ${command}: setpriv (package util-linux) did not run`, { cause })),
    )
  })
  return leashed(child.pid ?? 0, exited)
}

/** The arguments of `setpriv` up to the command. */
function leashArguments({ uid, gid, passFolders }: LeashOptions): string[] {
  // A parent that ended before the kernel knew of the leash is noticed by the shell's PPID.
  const guard = ["sh", "-c", `[ "$PPID" = ${process.pid} ] || exit 1; exec "$@" 3>&-`, "sh"]
  const identity = uid === undefined ? [] : identityArguments({ uid, gid: gid ?? uid, passFolders })
  return ["--pdeathsig", "KILL", ...identity, ...guard]
}

/** Whom a command runs as, as arguments of `setpriv`. */
export function identityArguments(user: {
  readonly uid: number
  readonly gid: number
  readonly passFolders?: boolean | undefined
}): string[] {
  const identity = ["--reuid", String(user.uid), "--regid", String(user.gid), "--clear-groups"]
  if (!user.passFolders) return identity
  // Without the secure bit, access(2) would deny what open(2) allows: it asks without the capabilities.
  const bits = ["--securebits", "+no_setuid_fixup"]
  return [...identity, ...bits, "--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]
}

function leashed(pid: number, exited: Promise<Ending>): Leashed {
  let ended = false
  void exited.then(() => {
    ended = true
  })
  // A signal after the end could reach a stranger who was given the same number.
  const signalTo = (target: number, signal: NodeJS.Signals) => {
    if (!ended) sendSignal(target, signal)
  }
  return {
    pid,
    exited,
    running: () => !ended,
    async stop(signal = "SIGTERM", timeoutMs = stopTimeoutMs) {
      signalTo(pid, signal)
      // A stopped process (SIGSTOP) hears nothing until it goes on.
      signalTo(pid, "SIGCONT")
      const timer = setTimeout(() => signalTo(-pid, "SIGKILL"), timeoutMs)
      await exited
      clearTimeout(timer)
    },
    async kill() {
      signalTo(-pid, "SIGKILL")
      await exited
    },
  }
}

/** Sends a signal, and takes "no such process" for an answer: it ended meanwhile. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ESRCH")) throw cause
  }
}
