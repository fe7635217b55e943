import type { Sql } from "postgres"

/** A table or an index, and what it takes on the disk. */
export interface Relation {
  readonly name: string
  /** The table that it is an index of; null for a table. */
  readonly of: string | null
  readonly bytes: number
}

/** The tables of the record that hold anything, each followed by its indexes, the largest table first. */
export const relationSizes = async (sql: Sql): Promise<ReadonlyArray<Relation>> => {
  const rows = await sql<Array<{ name: string; of: string | null; bytes: string }>>`
    select relation.relname as name, owner.relname as of,
      case when owner.oid is null then pg_table_size(relation.oid) else pg_relation_size(relation.oid) end as bytes
    from pg_class relation
    left join pg_index on pg_index.indexrelid = relation.oid
    left join pg_class owner on owner.oid = pg_index.indrelid
    where relation.relnamespace = 'public'::regnamespace and relation.relkind in ('r', 'i')
      and pg_relation_size(coalesce(owner.oid, relation.oid)) > 0
    order by pg_table_size(coalesce(owner.oid, relation.oid)) desc, owner.oid is not null, bytes desc`
  return rows.map(({ name, of, bytes }) => ({ name, of, bytes: Number(bytes) }))
}

/** What PostgreSQL has done since it was started, as far as it tells why it is slow. */
export interface ServerWork {
  /** Bytes of the write-ahead log, and how many whole pages are among it. */
  readonly wal_bytes: number
  readonly wal_pages: number
  /** Pages that were not in PostgreSQL's own memory: of the index of event ids, of the other indexes, of tables. */
  readonly id_index_reads: number
  readonly other_index_reads: number
  readonly table_reads: number
  readonly checkpoints: number
  /** Tables that PostgreSQL went through by itself: after many rows it marks their pages as seen by everybody. */
  readonly vacuums: number
}

export const serverWork = async (sql: Sql, idIndex: string): Promise<ServerWork> => {
  const [row] = await sql<Array<Record<keyof ServerWork, string>>>`
    select wal_bytes, wal_fpi as wal_pages, num_timed + num_requested as checkpoints,
      (select coalesce(sum(idx_blks_read), 0) from pg_statio_user_indexes where indexrelname = ${idIndex}) as id_index_reads,
      (select coalesce(sum(idx_blks_read), 0) from pg_statio_user_indexes where indexrelname <> ${idIndex}) as other_index_reads,
      (select coalesce(sum(heap_blks_read), 0) from pg_statio_user_tables) as table_reads,
      (select coalesce(sum(autovacuum_count), 0) from pg_stat_user_tables) as vacuums
    from pg_stat_wal, pg_stat_checkpointer`
  if (row === undefined) throw new Error("PostgreSQL tells nothing of its work")
  return {
    wal_bytes: Number(row.wal_bytes),
    wal_pages: Number(row.wal_pages),
    id_index_reads: Number(row.id_index_reads),
    other_index_reads: Number(row.other_index_reads),
    table_reads: Number(row.table_reads),
    checkpoints: Number(row.checkpoints),
    vacuums: Number(row.vacuums),
  }
}
