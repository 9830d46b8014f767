-- When and how a fax that was not delivered is tried again (event fax.requeued).

ALTER TABLE faxes
    ADD COLUMN next_attempt_at timestamptz,
    ADD COLUMN next_max_rate integer NOT NULL DEFAULT 0 CHECK (next_max_rate >= 0),
    ADD COLUMN next_ecm integer NOT NULL DEFAULT 1 CHECK (next_ecm IN (0, 1));
COMMENT ON COLUMN faxes.next_attempt_at IS 'earliest time of the next attempt; NULL: at once, or none';
COMMENT ON COLUMN faxes.next_max_rate IS 'bit/s to offer at most in the next attempt; 0: as configured';
COMMENT ON COLUMN faxes.next_ecm IS '0: error correction is not offered in the next attempt';
