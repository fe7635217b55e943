import type { Transaction } from "../../src/postgres/transaction.ts"

type Line = { readonly line: string }

const lines = async (transaction: Transaction, statement: string): Promise<ReadonlyArray<string>> =>
  (await transaction.query<Line>(statement)).map(({ line }) => line).sort()

/** What others than the owner may do with a thing, from its access list. */
const grants = (acl: string, owner: string): string =>
  `(select coalesce(string_agg(format('%s to %s', lower(privilege_type), coalesce(nullif(grantee, 0)::regrole::text, 'public')),
     ', ' order by privilege_type, grantee::regrole::text), 'nobody') from aclexplode(${acl}) where grantee <> ${owner})`

const perTable: ReadonlyArray<string> = [
  `select format('column %s %s%s%s', attname, format_type(atttypid, atttypmod), case when attnotnull then ' not null' else '' end,
     coalesce(' default ' || (select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = attrelid and adnum = attnum), '')) as line
   from pg_attribute where attrelid = $table and attnum > 0 and not attisdropped`,
  // Type n is the "not null" that stands beside the column.
  `select format('constraint %s %s', conname, pg_get_constraintdef(oid)) as line
   from pg_constraint where conrelid = $table and contype <> 'n'`,
  `select pg_get_indexdef(indexrelid) as line from pg_index where indrelid = $table`,
  `select format('trigger %s (%s)', pg_get_triggerdef(oid), case tgenabled when 'A' then 'enabled always'
     when 'O' then 'enabled' when 'R' then 'enabled for replicas' else 'disabled' end) as line
   from pg_trigger where tgrelid = $table and not tgisinternal`,
  `select format('granted %s', ${grants("relacl", "relowner")}) as line from pg_class where oid = $table`,
  `select format('granted on %s: %s', attname, ${grants("attacl", "0")}) as line
   from pg_attribute where attrelid = $table and attacl is not null`,
]

const section = (title: string, body: ReadonlyArray<string>): string =>
  [title, ...body.map((line) => `  ${line}`)].join("\n")

const dumpRelation = async (
  transaction: Transaction,
  { oid, title }: { readonly oid: string; readonly title: string },
): Promise<string> => {
  const parts: string[] = []
  for (const statement of perTable)
    parts.push(...(await lines(transaction, statement.replaceAll("$table", `${oid}::oid`))))
  return section(title, parts)
}

/**
 * All that the migrations have made of a database, as sorted text: tables with columns, constraints, indexes, triggers and
 * grants, functions, and the roles. What PostgreSQL itself brings along is left out.
 */
export const dumpSchema = async (transaction: Transaction): Promise<string> => {
  const relations = await transaction.query<{ oid: string; title: string }>(
    `select oid::text, format('%s %s, owned by %s%s', case relkind when 'r' then 'table' when 'v' then 'view' when 'S' then 'sequence'
       else 'relation' end, relname, relowner::regrole, coalesce(', with ' || array_to_string(reloptions, ', '), '')) as title
     from pg_class where relnamespace = 'public'::regnamespace and relkind not in ('i', 'I', 't') order by relname collate "C"`,
  )
  const sections: string[] = []
  for (const relation of relations) sections.push(await dumpRelation(transaction, relation))
  const functions = await transaction.query<{ title: string; body: string }>(
    `select format('function %s, owned by %s, granted %s', oid::regprocedure, proowner::regrole, ${grants("coalesce(proacl, acldefault('f', proowner))", "proowner")}) as title,
       pg_get_functiondef(oid) as body
     from pg_proc where pronamespace = 'public'::regnamespace order by oid::regprocedure::text collate "C"`,
  )
  for (const { title, body } of functions) sections.push(section(title, body.trimEnd().split("\n")))
  const roles = await lines(
    transaction,
    `select format('%s: login %s, superuser %s, creates roles %s, creates databases %s, bypasses row security %s, member of %s', rolname,
       rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls,
       coalesce((select string_agg(roleid::regrole::text, ', ') from pg_auth_members where member = pg_roles.oid), 'none')) as line
     from pg_roles where rolname like 'landfall%'`,
  )
  const schema = await lines(
    transaction,
    `select format('granted %s', ${grants("nspacl", "nspowner")}) as line from pg_namespace where nspname = 'public'`,
  )
  sections.push(section("roles", roles), section("schema public", schema))
  return `${sections.join("\n\n")}\n`
}
