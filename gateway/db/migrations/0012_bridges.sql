-- Calls that are taken through in real time, and which numbers they are for.

ALTER TABLE numbers ADD COLUMN deliver text NOT NULL DEFAULT 'store';
COMMENT ON COLUMN numbers.deliver IS 'store, or bridge:TARGET: a trunk, or device:NAME';

ALTER TABLE mailboxes ADD COLUMN capture boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN mailboxes.capture IS 'pages of bridged calls are sealed as well';

ALTER TABLE faxes ADD COLUMN bridged boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN faxes.bridged IS 'a copy of what passed in a bridged call; the gateway did not confirm it';

CREATE TABLE bridges (
    bridge uuid PRIMARY KEY,
    state text NOT NULL DEFAULT 'open',
    caller text NOT NULL DEFAULT '',
    target text NOT NULL DEFAULT '',
    from_number text NOT NULL DEFAULT '',
    to_number text NOT NULL DEFAULT '',
    mailbox text NOT NULL DEFAULT '',
    call_id text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    sip_code integer NOT NULL DEFAULT 0,
    pages integer NOT NULL DEFAULT 0,
    rate integer NOT NULL DEFAULT 0,
    ecm integer NOT NULL DEFAULT 0,
    caller_media text NOT NULL DEFAULT '',
    called_media text NOT NULL DEFAULT '',
    seconds integer NOT NULL DEFAULT 0,
    node text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE bridges IS 'calls taken through in real time; state open: under way';
CREATE INDEX bridges_open ON bridges (bridge) WHERE ended_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON bridges TO sealfax_app;
