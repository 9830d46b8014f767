-- Peers behind an address translation: their media come from the host that their signalling comes from, by a
-- port that their descriptions cannot name.

ALTER TABLE trunks ADD COLUMN nat boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN trunks.nat IS 'media latch to the first port of the host that signals';

ALTER TABLE devices ADD COLUMN nat boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN devices.nat IS 'media latch to the first port of the host that it registered from';
