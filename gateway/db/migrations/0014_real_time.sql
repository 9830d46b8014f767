-- What becomes of the calls that a registered machine makes, for whom its certificate is, and what a
-- trunk is told of who calls.

ALTER TABLE devices ADD COLUMN calls text NOT NULL DEFAULT 'store';
COMMENT ON COLUMN devices.calls IS 'store (taken in and sent on), bridge (taken through in real time, by the routes), bridge:TRUNK';
ALTER TABLE devices ADD COLUMN tls_name text NOT NULL DEFAULT '';
COMMENT ON COLUMN devices.tls_name IS 'name (SAN) of the certificate that it shows instead of a password; empty: none';
ALTER TABLE trunks ADD COLUMN asserted_identity text NOT NULL DEFAULT 'none';
COMMENT ON COLUMN trunks.asserted_identity IS 'P-Asserted-Identity: none, send (to it), trust (send, and believe what it says)';
