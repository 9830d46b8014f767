-- Faxes, their pages and attempts: projections of the audit log, as in 0001. Pages, attempts and
-- submissions refer to their fax: all records of a fax come from one gateway, in order.

CREATE TABLE faxes (
    fax uuid PRIMARY KEY,
    direction text NOT NULL CHECK (direction IN ('in', 'out')),
    state text NOT NULL CHECK (state IN ('queued', 'sending', 'receiving', 'delivered', 'received',
                                         'partial', 'failed', 'uncertain', 'cancelled')),
    from_number text NOT NULL DEFAULT '',
    to_number text NOT NULL DEFAULT '',
    mailbox text NOT NULL DEFAULT '',
    class text NOT NULL DEFAULT '',
    pages integer NOT NULL DEFAULT 0 CHECK (pages >= 0),
    pages_confirmed integer NOT NULL DEFAULT 0 CHECK (pages_confirmed >= 0),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    trunk text NOT NULL DEFAULT '',
    call_id text NOT NULL DEFAULT '',
    principal text NOT NULL DEFAULT '',
    idempotency_key text NOT NULL DEFAULT '',
    kek text NOT NULL DEFAULT '',
    document text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    node text NOT NULL,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    disposal_at timestamptz,
    disposed_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE faxes IS 'one row for a document to or from one number';
COMMENT ON COLUMN faxes.kek IS 'id of the key-encryption key, never a key';
COMMENT ON COLUMN faxes.document IS 'SHA-256 of the upload, hex';
COMMENT ON COLUMN faxes.disposal_at IS 'when it is due for disposal; NULL: never';
CREATE INDEX faxes_mailbox ON faxes (mailbox, fax);
CREATE INDEX faxes_unfinished ON faxes (fax) WHERE state IN ('queued', 'sending', 'receiving');
CREATE INDEX faxes_due ON faxes (disposal_at) WHERE disposed_at IS NULL;
CREATE INDEX faxes_kek ON faxes (kek) WHERE disposed_at IS NULL;

CREATE TABLE pages (
    fax uuid NOT NULL REFERENCES faxes,
    stream text NOT NULL CHECK (stream IN ('document', 'received')),
    attempt integer NOT NULL CHECK (attempt >= 0),
    page integer NOT NULL CHECK (page >= 1),
    width integer NOT NULL,
    rows integer NOT NULL,
    x_dpi integer NOT NULL,
    y_dpi integer NOT NULL,
    coding integer NOT NULL DEFAULT 0,
    octets bigint NOT NULL DEFAULT 0,
    "offset" bigint NOT NULL DEFAULT 0,
    length bigint NOT NULL DEFAULT 0,
    digest text NOT NULL DEFAULT '',
    confirmed_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL,
    PRIMARY KEY (fax, stream, attempt, page)
);
COMMENT ON TABLE pages IS 'pages of a submitted document (attempt 0) and pages received';
COMMENT ON COLUMN pages."offset" IS 'of the sealed frame in the vault file; length likewise';
COMMENT ON COLUMN pages.digest IS 'of the pixels, hex';

CREATE TABLE attempts (
    fax uuid NOT NULL REFERENCES faxes,
    attempt integer NOT NULL CHECK (attempt >= 0),
    trunk text NOT NULL DEFAULT '',
    call_id text NOT NULL DEFAULT '',
    started_at timestamptz,
    media_started_at timestamptz,
    ended_at timestamptz,
    outcome text NOT NULL DEFAULT '',
    sip_code integer NOT NULL DEFAULT 0,
    t30_result integer NOT NULL DEFAULT 0,
    text text NOT NULL DEFAULT '',
    rate integer NOT NULL DEFAULT 0,
    modem text NOT NULL DEFAULT '',
    ecm integer NOT NULL DEFAULT 0,
    retransmissions integer NOT NULL DEFAULT 0,
    peer_ident text NOT NULL DEFAULT '',
    pages integer NOT NULL DEFAULT 0,
    seconds integer NOT NULL DEFAULT 0,
    last_node text NOT NULL,
    last_index bigint NOT NULL,
    PRIMARY KEY (fax, attempt)
);
COMMENT ON TABLE attempts IS 'calls made or taken for a fax';

CREATE TABLE submissions (
    principal text NOT NULL,
    idempotency_key text NOT NULL CHECK (idempotency_key <> ''),
    fax uuid NOT NULL REFERENCES faxes,
    PRIMARY KEY (principal, idempotency_key)
);
COMMENT ON TABLE submissions IS 'the fax that a principal got for an idempotency key';

GRANT SELECT, INSERT, UPDATE ON faxes, pages, attempts TO sealfax_app;
GRANT SELECT, INSERT ON submissions TO sealfax_app;
