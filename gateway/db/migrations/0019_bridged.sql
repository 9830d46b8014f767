-- Calls that were taken through without a copy of their pages: what is kept of them is their trace.

ALTER TABLE faxes DROP CONSTRAINT faxes_state_check;
ALTER TABLE faxes ADD CONSTRAINT faxes_state_check CHECK (state IN ('queued', 'sending', 'receiving', 'delivered',
    'received', 'partial', 'failed', 'uncertain', 'cancelled', 'bridged'));
COMMENT ON COLUMN faxes.bridged IS 'of a call that was taken through: a copy of what passed, which the gateway did not confirm; in state bridged its trace alone';
