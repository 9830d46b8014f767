-- Mails that the gateway sends: reports, received faxes, notices; and to whom it encrypts.

CREATE TABLE mail_outbox (
    out uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('report', 'fax')),
    about uuid NOT NULL,
    fax uuid,
    recipient integer NOT NULL DEFAULT 0,
    action text NOT NULL DEFAULT '' CHECK (action IN ('', 'failed', 'delivered', 'delayed')),
    form text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'failed', 'dropped')),
    to_address text NOT NULL,
    address text NOT NULL DEFAULT '',
    orcpt text NOT NULL DEFAULT '',
    envid text NOT NULL DEFAULT '',
    status text NOT NULL DEFAULT '',
    verdict text NOT NULL DEFAULT '',
    subject text NOT NULL DEFAULT '',
    message_id text NOT NULL DEFAULT '',
    arrived_ms bigint NOT NULL DEFAULT 0,
    pages integer NOT NULL DEFAULT 0,
    tries integer NOT NULL DEFAULT 0,
    answer text NOT NULL DEFAULT '',
    node text NOT NULL,
    queued_at timestamptz NOT NULL,
    next_at timestamptz,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    bounced_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE mail_outbox IS 'mails to send and sent; a mail is what its records say (mail.queued …)';
COMMENT ON COLUMN mail_outbox.about IS 'the fax, or the message reported on: its records are filed under it';
COMMENT ON COLUMN mail_outbox.form IS 'of a fax: the most that may be shown; once sent: what was';
COMMENT ON COLUMN mail_outbox.answer IS 'what the relay said last, or why there was no answer';
CREATE INDEX mail_outbox_queued ON mail_outbox (node, next_at) WHERE state = 'queued';
CREATE INDEX mail_outbox_about ON mail_outbox (about);

CREATE TABLE mail_certificates (
    address text PRIMARY KEY,
    certificate text NOT NULL,
    subject text NOT NULL,
    fingerprint text NOT NULL,
    not_after bigint NOT NULL,
    set_at timestamptz NOT NULL,
    removed_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE mail_certificates IS 'whom faxes are encrypted to (S/MIME); the address in lower case';
COMMENT ON COLUMN mail_certificates.certificate IS 'DER in base64';

CREATE TABLE mail_return_keys (
    node text PRIMARY KEY,
    sealed text NOT NULL,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE mail_return_keys IS 'keys of the reverse paths of mails, sealed by the keeper, hex';

ALTER TABLE mailboxes
    ADD COLUMN mail_to text NOT NULL DEFAULT '',
    ADD COLUMN mail_form text NOT NULL DEFAULT 'notice'
        CHECK (mail_form IN ('pdf', 'tiff', 'smime', 'notice'));
COMMENT ON COLUMN mailboxes.mail_to IS 'addresses, separated by commas, that what it receives is mailed to';

ALTER TABLE faxes ADD COLUMN mail_due text NOT NULL DEFAULT '' CHECK (mail_due IN ('', 'fax', 'notice'));
COMMENT ON COLUMN faxes.mail_due IS 'what is still to be queued of it for the addresses of its mailbox';
CREATE INDEX faxes_mail_due ON faxes (fax) WHERE mail_due <> '';

GRANT SELECT, INSERT, UPDATE ON mail_outbox, mail_certificates, mail_return_keys TO sealfax_app;
