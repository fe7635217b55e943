import { migrate, pendingMigrations } from "@landfall/adapters/postgres/migrate"
import { defineCommand } from "../define-command.ts"
import { exitCodes } from "../exit-codes.ts"

const shown = ({ number, name }: { readonly number: number; readonly name: string }) => ({ number, name })

/** `landfall migrate`: brings the database's schema up to this program's. */
export const migrateCommand = defineCommand({
  name: "migrate",
  summary: "Applies the migrations that the database lacks",
  description:
    "Migrations go forward only, all that are missing in one transaction. The login must be allowed to create roles.",
  changes: true,
  examples: [
    { line: "landfall migrate --dry-run", for: "which migrations are missing" },
    { line: "landfall migrate --yes", for: "apply them without asking" },
  ],
  run: async ({ connections, output, mayChange }) => {
    const database = connections.database(null)
    const pending = (await pendingMigrations(database)).map(shown)
    const list = pending.map(({ number, name }) => `  ${number} ${name}`).join("\n")
    const agreed =
      pending.length > 0 && (await mayChange(`${pending.length} migrations are to be applied:\n${list}`))
    const applied = agreed ? (await migrate(database)).map(shown) : []
    output.result({ pending: agreed ? [] : pending, applied }, () => {
      if (pending.length === 0) output.line("the database has every migration")
      for (const { number, name } of applied) output.line(`applied ${number} ${name}`)
    })
    return exitCodes.ok
  },
})
