-- Who may do what: principals, roles, grants, mailboxes, numbers, trunks.
--
-- Every table here is a projection of the audit log: it could be built again from it. last_node and
-- last_index name the record that changed a row last; a record that was applied before is passed
-- over by comparing with them. Nothing is deleted: what is gone carries a time. There are no foreign
-- keys between registers, because the records of several gateways reach the database independently
-- of each other.

CREATE FUNCTION micro_time(micros bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT timestamptz '1970-01-01 00:00:00+00' + micros * interval '1 microsecond' $$;
COMMENT ON FUNCTION micro_time IS 'microseconds since 1970 UTC as a time, exactly';

CREATE FUNCTION milli_of(at timestamptz) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT coalesce(floor(extract(epoch FROM at) * 1000)::bigint, 0) $$;
COMMENT ON FUNCTION milli_of IS 'a time as milliseconds since 1970 UTC, 0 for none';

CREATE TABLE node (
    node text PRIMARY KEY CHECK (node ~ '^[a-z0-9][a-z0-9.-]{0,62}$'),
    version text NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE node IS 'gateways that wrote to this database';

CREATE TABLE principals (
    principal text PRIMARY KEY CHECK (principal <> '' AND octet_length(principal) <= 200),
    id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    kind text NOT NULL CHECK (kind IN ('person', 'service', 'device', 'trunk', 'system')),
    full_name text NOT NULL DEFAULT '',
    disabled boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE principals IS 'persons, services, devices and trunks that act';
COMMENT ON COLUMN principals.id IS 'short number for decisions; of no meaning outside the database';

CREATE TABLE local_accounts (
    uid bigint PRIMARY KEY CHECK (uid BETWEEN 0 AND 4294967294),
    principal text NOT NULL REFERENCES principals,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE local_accounts IS 'user ids of callers on the Unix socket (SO_PEERCRED)';

CREATE TABLE roles (
    role text PRIMARY KEY CHECK (role ~ '^[a-z][a-z0-9_-]{0,62}$'),
    actions text NOT NULL,
    builtin boolean NOT NULL DEFAULT false,
    removed_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE roles IS 'sets of actions; those built in are written by the migration';
COMMENT ON COLUMN roles.actions IS 'texts of policy_action.h separated by commas';

CREATE TABLE grants (
    "grant" uuid PRIMARY KEY,
    id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    principal text NOT NULL,
    role text NOT NULL,
    from_numbers text NOT NULL DEFAULT '',
    to_numbers text NOT NULL DEFAULT '',
    mailboxes text NOT NULL DEFAULT '',
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE grants IS 'who has which role within which scope until when';
COMMENT ON COLUMN grants.from_numbers IS 'number patterns separated by commas';
CREATE INDEX grants_principal ON grants (principal);

CREATE TABLE mailboxes (
    mailbox text PRIMARY KEY CHECK (mailbox <> '' AND octet_length(mailbox) <= 200),
    class text NOT NULL CHECK (class ~ '^[a-z][a-z0-9-]{0,31}$'),
    retention_days integer NOT NULL CHECK (retention_days BETWEEN 0 AND 36500),
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE mailboxes IS 'where faxes go; retention_days 0: no disposal date';

CREATE TABLE numbers (
    number text PRIMARY KEY CHECK (number ~ '^[+]?[0-9]{2,20}$'),
    mailbox text NOT NULL,
    ident text NOT NULL DEFAULT '',
    removed_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE numbers IS 'own numbers and their mailboxes';
COMMENT ON COLUMN numbers.ident IS 'identification in T.30 (TSI, CSI); empty: the number';

CREATE TABLE trunks (
    trunk text PRIMARY KEY CHECK (trunk ~ '^[a-z0-9][a-z0-9_.-]{0,57}$'),
    host text NOT NULL CHECK (host <> ''),
    port integer NOT NULL CHECK (port BETWEEN 0 AND 65535),
    t38_first boolean NOT NULL DEFAULT false,
    prefix text NOT NULL DEFAULT '',
    removed_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE trunks IS 'SIP peers; each is also the principal trunk:NAME';
COMMENT ON COLUMN trunks.prefix IS 'numbers that begin so are routed to it; empty: all';

GRANT USAGE ON SCHEMA sealfax TO sealfax_app, sealfax_reader;
GRANT SELECT, INSERT, UPDATE
    ON node, principals, local_accounts, roles, grants, mailboxes, numbers, trunks TO sealfax_app;
