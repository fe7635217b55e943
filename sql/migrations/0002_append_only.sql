-- What makes a table append-only: a trigger that refuses every other change, for the owner and for superusers as well,
-- also in a session that runs as a replica (`enable always`).
set local role landfall_owner;

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% on % refused: evidence is append-only; record a correction as a new event', tg_op, tg_table_name
    using errcode = 'restrict_violation';
end
$$;

-- Called by later migrations for each evidence table.
create function make_append_only(target regclass) returns void language plpgsql as $$
begin
  execute format('create trigger append_only before update or delete or truncate on %s
    for each statement execute function refuse_change()', target);
  execute format('alter table %s enable always trigger append_only', target);
  execute format('revoke all on %s from public', target);
  execute format('grant select, insert on %s to landfall_writer', target);
  execute format('grant select on %s to landfall_auditor', target);
end
$$;
revoke execute on function make_append_only(regclass) from public;

reset role;
