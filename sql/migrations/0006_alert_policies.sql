-- The alert policies that were ever in force, by version: with them an old decision can be made again under its own.
-- `recorded_at` is when the version was first started with; the time of declared subjects runs from there.
set local role landfall_owner;

create table alert_policies (
  version bigint primary key check (version > 0),
  -- Canonical JSON: defaults filled in, one order, no white space.
  policy text not null,
  -- Of the text above.
  sha256 bytea not null check (octet_length(sha256) = 32),
  recorded_at timestamptz not null
);
select make_append_only('alert_policies');

reset role;
