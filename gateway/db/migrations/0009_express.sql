-- Calls ahead of the clock, between gateways that trust each other.

ALTER TABLE trunks ADD COLUMN express boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN trunks.express IS 'the peer is a sealfax gateway: both may run ahead of the clock; tls only';

ALTER TABLE attempts ADD COLUMN express boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN attempts.express IS 'the call ran ahead of the clock to its end';
