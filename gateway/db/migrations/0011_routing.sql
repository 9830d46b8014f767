-- Peers, capacity and numbers of trunks; routes.

ALTER TABLE trunks
    ADD COLUMN peers text NOT NULL DEFAULT '',
    ADD COLUMN rewrite_out text NOT NULL DEFAULT '',
    ADD COLUMN rewrite_in text NOT NULL DEFAULT '',
    ADD COLUMN max_calls integer NOT NULL DEFAULT 0 CHECK (max_calls >= 0),
    ADD COLUMN max_calls_per_second integer NOT NULL DEFAULT 0 CHECK (max_calls_per_second >= 0),
    ADD COLUMN probe_s integer NOT NULL DEFAULT 0 CHECK (probe_s >= 0),
    DROP CONSTRAINT trunks_transport_check,
    ADD CHECK (transport IN ('udp', 'tcp', 'tls', 'sips', 'any'));
COMMENT ON COLUMN trunks.transport IS 'how its requests travel; sips: TLS, with sips URIs; any: as DNS says (NAPTR)';
COMMENT ON COLUMN trunks.port IS '0: by SRV records of the host';
COMMENT ON COLUMN trunks.peers IS 'further hosts, as in backup.example:5060;priority=2;weight=10, separated by commas';
COMMENT ON COLUMN trunks.rewrite_out IS 'rules BEGINNING>OTHER for numbers on their way to it; the first that fits counts';
COMMENT ON COLUMN trunks.rewrite_in IS 'the same for numbers that it sends';
COMMENT ON COLUMN trunks.max_calls IS 'calls at a time, both ways; 0: no limit';
COMMENT ON COLUMN trunks.max_calls_per_second IS 'new calls a second, each way; 0: no limit';
COMMENT ON COLUMN trunks.probe_s IS 'OPTIONS to each peer so often; 0: none';

CREATE TABLE routes (
    route text PRIMARY KEY CHECK (route ~ '^[A-Za-z0-9_.:@-]{1,63}$'),
    trunk text NOT NULL,
    prefix text NOT NULL DEFAULT '',
    class text NOT NULL DEFAULT '',
    hours text NOT NULL DEFAULT '',
    priority integer NOT NULL DEFAULT 10 CHECK (priority >= 0),
    cost integer NOT NULL DEFAULT 0 CHECK (cost >= 0),
    removed_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE routes IS 'which trunk leads to which numbers; a trunk that none names is a route by its prefix';
COMMENT ON COLUMN routes.class IS 'faxes of this class only; empty: of all';
COMMENT ON COLUMN routes.hours IS 'when it is open, as in Mo-Fr 08:00-18:00; empty: always';
COMMENT ON COLUMN routes.priority IS 'lower ones first, among prefixes of equal length';
COMMENT ON COLUMN routes.cost IS 'lower ones first, among equal priorities';

GRANT SELECT, INSERT, UPDATE ON routes TO sealfax_app;
