import { execFile } from "node:child_process"
import { chown } from "node:fs/promises"
import { promisify } from "node:util"
import { identityArguments } from "./leash.ts"

const run = promisify(execFile)

/** Whom PostgreSQL runs as: nobody else, or a user given by number. */
export interface PostgresUser {
  readonly uid?: number
  readonly gid?: number
  readonly passFolders?: boolean
}

/**
 * PostgreSQL refuses to run as root, so for root it is the user `postgres` or `nobody`. That user must be able to enter
 * the checkout and the data folder; where a folder above is for root only (a clone in /root, a temporary folder), it is
 * given the right to pass.
 */
export async function postgresUser(data: string, command: string): Promise<PostgresUser> {
  if (process.getuid?.() !== 0) return {}
  const name = (await userExists("postgres")) ? "postgres" : await nobodyOrNew()
  const user = { uid: await idOf(name, "-u"), gid: await idOf(name, "-g") }
  await chown(data, user.uid, user.gid)
  if (await canWork(user, data, command)) return user
  const passing = { ...user, passFolders: true }
  if (await canWork(passing, data, command)) return passing
  throw new Error(
    `PostgreSQL does not run as root, and the user ${name} cannot read ${command} or write ${data}: ` +
      "let others enter the folders above them (chmod o+x), or move the checkout to where everyone may read, or set DATABASE_URL",
  )
}

async function canWork(
  user: Required<Pick<PostgresUser, "uid" | "gid">>,
  data: string,
  command: string,
): Promise<boolean> {
  const probe = ["sh", "-c", '[ -w "$1" ] && "$2" --version', "sh", data, command]
  return await run("setpriv", [...identityArguments(user), ...probe]).then(
    () => true,
    () => false,
  )
}

async function nobodyOrNew(): Promise<string> {
  if (await userExists("nobody")) return "nobody"
  await run("useradd", ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "postgres"])
  return "postgres"
}

async function userExists(name: string): Promise<boolean> {
  return await run("id", ["-u", name]).then(
    () => true,
    () => false,
  )
}

async function idOf(name: string, flag: "-u" | "-g"): Promise<number> {
  const { stdout } = await run("id", [flag, name])
  return Number(stdout.trim())
}
