-- Registered fax machines and adapters: who they are, where they were seen, and faxes that are passed
-- on: received from a machine and sent to the number that it called, or received and delivered to a
-- machine.

CREATE TABLE devices (
    device text PRIMARY KEY CHECK (device ~ '^[a-z0-9][a-z0-9_.-]{0,49}$'),
    extension text NOT NULL CHECK (extension ~ '^[+]?[0-9]{2,20}$'),
    user_name text NOT NULL DEFAULT '',
    realm text NOT NULL DEFAULT '',
    secret text NOT NULL DEFAULT '',
    removed_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE devices IS 'machines that register; each is also the principal device:NAME';
COMMENT ON COLUMN devices.extension IS 'its number: of its calls, and of calls to it';
COMMENT ON COLUMN devices.user_name IS 'of digest authentication';
COMMENT ON COLUMN devices.secret IS 'HA1, sealed by the keeper, hex';

CREATE TABLE device_bindings (
    device text NOT NULL,
    contact text NOT NULL,
    address text NOT NULL,
    transport text NOT NULL CHECK (transport IN ('udp', 'tcp', 'tls')),
    expires integer NOT NULL,
    registered_at timestamptz NOT NULL,
    gone_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL,
    PRIMARY KEY (device, contact)
);
COMMENT ON TABLE device_bindings IS 'where devices were when they registered; refreshes are not kept';
COMMENT ON COLUMN device_bindings.address IS 'host:port that its REGISTER came from';
COMMENT ON COLUMN device_bindings.expires IS 'seconds that were granted';
CREATE INDEX device_bindings_present ON device_bindings (device) WHERE gone_at IS NULL;

ALTER TABLE mailboxes ADD COLUMN device text NOT NULL DEFAULT '';
COMMENT ON COLUMN mailboxes.device IS 'what it receives is delivered to this device; empty: to none';

ALTER TABLE faxes
    ADD COLUMN source uuid,
    ADD COLUMN source_attempt integer NOT NULL DEFAULT 0,
    ADD COLUMN forward text NOT NULL DEFAULT ''
        CHECK (forward IN ('', 'number', 'device', 'report'));
COMMENT ON COLUMN faxes.source IS 'the received fax whose pages this one sends; NULL: it has its own';
COMMENT ON COLUMN faxes.source_attempt IS 'the call that brought those pages';
COMMENT ON COLUMN faxes.forward IS 'what is still to come of it: a fax to the number, to a device, or a report';
CREATE INDEX faxes_forward ON faxes (fax) WHERE forward <> '';

GRANT SELECT, INSERT, UPDATE ON devices, device_bindings TO sealfax_app;
