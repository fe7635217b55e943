-- Three roles without a login. An operator grants them to the users that services and auditors log in with.
-- Nobody who writes or reads owns a table: ownership is what could switch a trigger off.
do $$
declare
  wanted text;
begin
  foreach wanted in array array['landfall_owner', 'landfall_writer', 'landfall_auditor'] loop
    begin
      if not exists (select from pg_roles where rolname = wanted) then execute format('create role %I nologin', wanted); end if;
    exception when duplicate_object or unique_violation then
      null; -- Roles belong to the whole server: another of its databases, migrated at the same time, was quicker.
    end;
  end loop;
  -- Whoever migrates must be able to create tables as their owner; who may create a role is not yet one who may act as it.
  if not pg_has_role(current_user, 'landfall_owner', 'set') then
    execute format('grant landfall_owner to %I', current_user);
  end if;
end
$$;

grant usage, create on schema public to landfall_owner;
grant usage on schema public to landfall_writer, landfall_auditor;
