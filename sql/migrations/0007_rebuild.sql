-- A snapshot is made again in a table beside the live one, its shadow, while the live one is read and written; then the two
-- change names in one short transaction. What was live stays as `<projection>_previous`, to be put back if need be.
-- Whoever writes snapshots owns no table, so the few statements that need an owner are functions that act as one, each for
-- the tables of one projection, with a fixed search path.
set local role landfall_owner;

alter table snapshot_versions
  -- Goes up with every change of which table is live or of whether it is written: a writer that finds another number than
  -- it knows forgets the rows that it holds and begins its session anew.
  add column generation bigint not null default 1 check (generation > 0),
  -- Since when no writer folds into the live table, because a newer version is to take its place; null while it is written.
  add column frozen_at timestamptz;

-- The tables beside the live one.
create table snapshot_copies (
  projection text not null,
  -- `shadow` or `previous`.
  copy text not null,
  version integer not null check (version > 0),
  -- What the rows were folded from, `evidence` or `topics`; `live` for a table that was the live one.
  source text not null,
  -- Who makes it, for whoever finds it locked.
  holder text not null,
  began_at timestamptz not null,
  primary key (projection, copy)
);
revoke all on snapshot_copies from public;
grant select, insert, update, delete on snapshot_copies to landfall_writer;
grant select on snapshot_copies to landfall_auditor;

-- How far a table has been folded where the checkpoints do not say: one beside the live one, or a live one that is frozen.
create table snapshot_positions (
  projection text not null,
  -- `shadow`, `previous` or `live`.
  copy text not null,
  topic_partition integer not null,
  next_offset bigint not null,
  -- Events folded: at an equal position it must be the size of the partition's log.
  events bigint not null,
  primary key (projection, copy, topic_partition)
);
revoke all on snapshot_positions from public;
grant select, insert, update, delete on snapshot_positions to landfall_writer;
grant select on snapshot_positions to landfall_auditor;

-- Renames a table and its indexes, whose names all begin with the table's.
create function rename_snapshot(projection_name text, old_copy text, new_copy text) returns void
language plpgsql set search_path = public, pg_temp as $$
declare
  old_name text := projection_name || '_' || old_copy;
  new_name text := projection_name || '_' || new_copy;
  one record;
begin
  for one in select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = format('%I', old_name)::regclass
  loop
    execute format('alter index %I rename to %I', one.relname, replace(one.relname, old_name, new_name));
  end loop;
  execute format('alter table %I rename to %I', old_name, new_name);
end
$$;

-- Makes an empty shadow with the columns and privileges of the live table; one that was there is dropped.
create function create_shadow_snapshot(projection_name text) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  live regclass := to_regclass(format('%I', projection_name || '_snapshot'));
  shadow_name text := projection_name || '_shadow';
  storage text;
begin
  if live is null or not exists (select from snapshot_versions where projection = projection_name) then
    raise exception 'there is no snapshot of %', projection_name using errcode = 'undefined_table';
  end if;
  execute format('drop table if exists %I', shadow_name);
  execute format('create table %I (like %s including all excluding indexes)', shadow_name, live);
  select array_to_string(reloptions, ', ') into storage from pg_class where oid = live;
  if storage is not null then execute format('alter table %I set (%s)', shadow_name, storage); end if;
  perform make_snapshot(format('%I', shadow_name)::regclass);
end
$$;

-- Gives the shadow the live table's primary key, once its first rows are there: an index is built faster than it is kept up.
create function key_shadow_snapshot(projection_name text) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  live_name text := projection_name || '_snapshot';
  shadow_name text := projection_name || '_shadow';
  one record;
begin
  for one in select conname, pg_get_constraintdef(oid) as definition from pg_constraint
    where conrelid = format('%I', live_name)::regclass and contype = 'p'
      and not exists (select from pg_constraint
        where conrelid = format('%I', shadow_name)::regclass and contype = 'p')
  loop
    execute format('alter table %I add constraint %I %s', shadow_name,
      replace(one.conname, live_name, shadow_name), one.definition);
  end loop;
end
$$;

-- Gives the shadow all that the live table is searched by, and tells the planner how its values are spread.
create function index_shadow_snapshot(projection_name text) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  live_name text := projection_name || '_snapshot';
  shadow_name text := projection_name || '_shadow';
  one record;
begin
  perform key_shadow_snapshot(projection_name);
  for one in select c.relname, pg_get_indexdef(i.indexrelid) as definition
    from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = format('%I', live_name)::regclass and not i.indisprimary
  loop
    if to_regclass(format('%I', replace(one.relname, live_name, shadow_name))) is null then
      execute replace(one.definition, live_name, shadow_name);
    end if;
  end loop;
  execute format('analyze %I (%s)', shadow_name, (
    select string_agg(distinct quote_ident(a.attname), ', ')
    from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
    where i.indrelid = format('%I', shadow_name)::regclass));
end
$$;

-- Makes the shadow live and the live table the previous one, in the transaction of the caller. Views follow a table when
-- it is renamed, so those that read the live one are declared anew.
create function swap_snapshot(projection_name text) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  live regclass := format('%I', projection_name || '_snapshot')::regclass;
  views text[];
  declared text;
begin
  select coalesce(array_agg(format('create or replace view %s%s as %s', read_by.oid::regclass,
      coalesce(' with (' || array_to_string(read_by.reloptions, ', ') || ')', ''), pg_get_viewdef(read_by.oid))), '{}')
    into views
    from (select distinct c.oid, c.reloptions from pg_depend d
      join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
      join pg_class c on c.oid = r.ev_class and c.relkind = 'v'
      where d.refclassid = 'pg_class'::regclass and d.refobjid = live) as read_by;
  execute format('drop table if exists %I', projection_name || '_previous');
  perform rename_snapshot(projection_name, 'snapshot', 'previous');
  perform rename_snapshot(projection_name, 'shadow', 'snapshot');
  foreach declared in array views loop execute declared; end loop;
end
$$;

-- Makes the previous table the shadow, so that it can be caught up and put back; a shadow that was there is dropped.
create function recall_previous_snapshot(projection_name text) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  execute format('drop table if exists %I', projection_name || '_shadow');
  perform rename_snapshot(projection_name, 'previous', 'shadow');
end
$$;

-- Drops a table beside the live one.
create function drop_snapshot_copy(projection_name text, copy_name text) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if copy_name not in ('shadow', 'previous') then
    raise exception '% is no table beside a snapshot', copy_name using errcode = 'invalid_parameter_value';
  end if;
  execute format('drop table if exists %I', projection_name || '_' || copy_name);
end
$$;

revoke execute on function rename_snapshot(text, text, text) from public;
revoke execute on function create_shadow_snapshot(text) from public;
revoke execute on function key_shadow_snapshot(text) from public;
revoke execute on function index_shadow_snapshot(text) from public;
revoke execute on function swap_snapshot(text) from public;
revoke execute on function recall_previous_snapshot(text) from public;
revoke execute on function drop_snapshot_copy(text, text) from public;
grant execute on function create_shadow_snapshot(text), key_shadow_snapshot(text), index_shadow_snapshot(text),
  swap_snapshot(text), recall_previous_snapshot(text), drop_snapshot_copy(text, text) to landfall_writer;

reset role;
