-- The audit log. The application may add to it and read it, nothing else.

CREATE TABLE audit_record (
    time timestamptz NOT NULL,
    node text NOT NULL,
    index bigint NOT NULL CHECK (index >= 0),
    event text NOT NULL,
    actor text NOT NULL,
    outcome text NOT NULL,
    fax uuid,
    bytes bytea NOT NULL CHECK (octet_length(bytes) BETWEEN 1 AND 16384),
    record jsonb NOT NULL,
    PRIMARY KEY (time, node, index)
) PARTITION BY RANGE (time);
COMMENT ON TABLE audit_record IS 'every event; bytes are the record exactly as it was hashed';
COMMENT ON COLUMN audit_record.record IS 'bytes again, for searching only';
CREATE INDEX audit_record_position ON audit_record (node, index);
CREATE INDEX audit_record_fax ON audit_record (fax) WHERE fax IS NOT NULL;
CREATE INDEX audit_record_event ON audit_record (event, time);

CREATE TABLE audit_personal (
    node text NOT NULL,
    index bigint NOT NULL CHECK (index >= 0),
    key text NOT NULL,
    salt bytea NOT NULL CHECK (octet_length(salt) = 16),
    value text NOT NULL,
    PRIMARY KEY (node, index, key)
);
COMMENT ON TABLE audit_personal IS
    'personal values behind the commitments in audit_record; a row can be disposed of alone';

CREATE TABLE checkpoints (
    node text NOT NULL,
    size bigint NOT NULL CHECK (size > 0),
    root text NOT NULL CHECK (root ~ '^[0-9a-f]{64}$'),
    note text NOT NULL,
    time timestamptz NOT NULL,
    index bigint NOT NULL,
    PRIMARY KEY (node, size, index)
);
COMMENT ON TABLE checkpoints IS 'signed statements: the log of node had this size and this root';
COMMENT ON COLUMN checkpoints.index IS 'of the record that carries the checkpoint';

CREATE TABLE audit_refused (
    node text NOT NULL,
    index bigint NOT NULL,
    event text NOT NULL,
    sqlstate text NOT NULL,
    message text NOT NULL,
    tries integer NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    PRIMARY KEY (node, index)
);
COMMENT ON TABLE audit_refused IS
    'records that stand in audit_record but whose effect on other tables was refused';
CREATE INDEX audit_refused_open ON audit_refused (node, index) WHERE resolved_at IS NULL;

-- Partitions are made when the first record of a month is about to come: by the owner, through this
-- function, because the application may not create tables. A default partition would hide that one
-- is missing and would have to be emptied later.
CREATE FUNCTION audit_partition_ensure(at timestamptz) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = sealfax, pg_temp SET timezone = 'UTC'
    AS $$
DECLARE
    month timestamptz := date_trunc('month', at);
    name text := 'audit_record_' || to_char(month, 'YYYY_MM');
BEGIN
    IF at < '2020-01-01' OR at >= '2200-01-01' THEN
        RAISE 'no partition for the time %', at USING ERRCODE = '22008';
    END IF;
    IF to_regclass('sealfax.' || name) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(7166418, 2);
    IF to_regclass('sealfax.' || name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE audit_record INCLUDING CONSTRAINTS)', name);
        EXECUTE format('ALTER TABLE audit_record ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       name, month, month + interval '1 month');
    END IF;
END $$;
COMMENT ON FUNCTION audit_partition_ensure IS 'makes the partition of the month of this time';

-- Lets the reader check that personal values are what was recorded without seeing them.
CREATE FUNCTION audit_personal_commitments(of_node text, from_index bigint, to_index bigint)
    RETURNS TABLE (index bigint, key text, commitment text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = sealfax, pg_temp
    AS $$
    SELECT p.index, p.key,
           'sha256:' || encode(sha256(p.salt || '\x00' || convert_to(p.key, 'UTF8') || '\x00' ||
                                      convert_to(p.value, 'UTF8')), 'hex')
    FROM audit_personal p
    WHERE p.node = of_node AND p.index >= from_index AND p.index < to_index
    ORDER BY p.index, p.key COLLATE "C" $$;
COMMENT ON FUNCTION audit_personal_commitments IS 'record_commitment() of each personal value';

REVOKE ALL ON FUNCTION audit_partition_ensure, audit_personal_commitments FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_partition_ensure TO sealfax_app;
GRANT EXECUTE ON FUNCTION audit_personal_commitments TO sealfax_app, sealfax_reader;
GRANT SELECT, INSERT ON audit_record, audit_personal, checkpoints TO sealfax_app;
GRANT SELECT, INSERT, UPDATE ON audit_refused TO sealfax_app;
GRANT SELECT ON audit_record, checkpoints, audit_refused TO sealfax_reader;

SELECT audit_partition_ensure(now());
SELECT audit_partition_ensure(now() + interval '1 month');
