import type { Transaction } from "../postgres/transaction.ts"

/** No writer is silent for so long in the midst of a batch and goes on. */
export const silentMsMax = 10_000

/**
 * Ends the sessions of writers that were stopped in the midst of a COPY and still hold checkpoints; how many there were.
 * A server that waits for the rows of a COPY knows no time limit (none of its timeouts is looked at there) and lets go of the
 * locks only when it is told to end: without this, whoever takes the partitions over waits for as long as the process stands
 * still. It is told so only of sessions of the same login, program and database. One that was healthy after all loses a batch
 * that it has to do again.
 */
export const endSilentHolders = async (
  transaction: Transaction,
  silentMs: number = silentMsMax,
): Promise<number> => {
  // A session may end those of its own login, which the role that it acts as may not.
  await transaction.script("set local role none")
  const ended = await transaction.query(
    `select pg_terminate_backend(pid) from pg_stat_activity as session
     where datname = current_database() and usename = session_user
       and application_name = current_setting('application_name') and pid <> pg_backend_pid()
       and state = 'active' and wait_event = 'ClientRead'
       and query_start < clock_timestamp() - make_interval(secs => $1::double precision / 1000)
       and exists (select from pg_locks as held where held.pid = session.pid and held.granted
         and held.relation = 'checkpoints'::regclass and held.mode = 'RowShareLock')`,
    [silentMs],
  )
  await transaction.script("reset role")
  return ended.length
}
