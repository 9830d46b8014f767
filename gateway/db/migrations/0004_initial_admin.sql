-- Who is to be the first administrator: written by `sealfax init` as the owner, when no gateway runs that
-- could record it. A gateway that finds no administrator records the event admin.initialised from it.

CREATE TABLE initial_admin (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    principal text NOT NULL CHECK (principal <> ''),
    local_uid bigint NOT NULL CHECK (local_uid >= 0)
);
COMMENT ON TABLE initial_admin IS 'at most one row; used once, by the first gateway that starts';

GRANT SELECT ON initial_admin TO sealfax_app;
