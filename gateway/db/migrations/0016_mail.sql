-- Messages that came by SMTP or LMTP, their recipients, and who may send as whom: projections of the
-- audit log, as in 0001. A message's id stands in the records of mail.* as `fax`.

CREATE TABLE mails (
    mail uuid PRIMARY KEY,
    from_address text NOT NULL DEFAULT '',
    envid text NOT NULL DEFAULT '',
    return_full boolean NOT NULL DEFAULT false,
    login text NOT NULL DEFAULT '',
    relay boolean NOT NULL DEFAULT false,
    secured boolean NOT NULL DEFAULT false,
    lmtp boolean NOT NULL DEFAULT false,
    peer text NOT NULL DEFAULT '',
    host text NOT NULL DEFAULT '',
    octets bigint NOT NULL DEFAULT 0,
    recipients integer NOT NULL DEFAULT 0,
    kek text NOT NULL DEFAULT '',
    principal text NOT NULL DEFAULT '',
    identified_by text NOT NULL DEFAULT ''
        CHECK (identified_by IN ('', 'login', 'results', 'dkim')),
    author text NOT NULL DEFAULT '',
    author_name text NOT NULL DEFAULT '',
    subject text NOT NULL DEFAULT '',
    message_id text NOT NULL DEFAULT '',
    date text NOT NULL DEFAULT '',
    automatic boolean NOT NULL DEFAULT false,
    class text NOT NULL DEFAULT '',
    from_number text NOT NULL DEFAULT '',
    y_dpi integer NOT NULL DEFAULT 0,
    cover integer NOT NULL DEFAULT 0,
    priority integer NOT NULL DEFAULT 0,
    not_before bigint NOT NULL DEFAULT 0,
    signature text NOT NULL DEFAULT '',
    refusal text NOT NULL DEFAULT '',
    identified_index bigint,
    node text NOT NULL,
    accepted_at timestamptz NOT NULL,
    ended_at timestamptz,
    destroyed_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE mails IS 'messages that were taken in; each becomes a fax for each recipient';
COMMENT ON COLUMN mails.from_address IS 'reverse path; empty: the null one';
COMMENT ON COLUMN mails.login IS 'principal that signed in; empty: nobody did';
COMMENT ON COLUMN mails.relay IS 'it came from one of mail.relays';
COMMENT ON COLUMN mails.principal IS 'in whose name it is sent, once that is known';
COMMENT ON COLUMN mails.priority IS '0 usual, 1 low, 2 high; cover: 0 usual, 1 yes, 2 no';
COMMENT ON COLUMN mails.signature IS 'SHA-256 of the DKIM signature that identified the sender, hex';
COMMENT ON COLUMN mails.refusal IS 'why nothing of it is sent; empty: it is';
COMMENT ON COLUMN mails.identified_index IS 'of the first record that did, in the log of node';
COMMENT ON COLUMN mails.ended_at IS 'all recipients have ended and were reported';
COMMENT ON COLUMN mails.destroyed_at IS 'the sealed message and its key are gone';
CREATE INDEX mails_open ON mails (mail) WHERE destroyed_at IS NULL;
CREATE INDEX mails_signature ON mails (signature) WHERE signature <> '';

-- Their records come before that of the message: those of a message that was not accepted in the
-- end have no row there.
CREATE TABLE mail_recipients (
    mail uuid NOT NULL,
    recipient integer NOT NULL CHECK (recipient >= 1),
    address text NOT NULL DEFAULT '',
    orcpt text NOT NULL DEFAULT '',
    number text NOT NULL DEFAULT '',
    name text NOT NULL DEFAULT '',
    notify integer NOT NULL DEFAULT 0,
    class text NOT NULL DEFAULT '',
    from_number text NOT NULL DEFAULT '',
    y_dpi integer NOT NULL DEFAULT 0,
    cover integer NOT NULL DEFAULT 0,
    priority integer NOT NULL DEFAULT 0,
    not_before bigint NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT ''
        CHECK (state IN ('', 'refused', 'delivered', 'partial', 'failed', 'uncertain',
                         'cancelled')),
    status text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    pages integer NOT NULL DEFAULT 0,
    report text NOT NULL DEFAULT '' CHECK (report IN ('', 'failed', 'delivered')),
    ended_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL,
    PRIMARY KEY (mail, recipient)
);
COMMENT ON TABLE mail_recipients IS 'recipients of messages; faxes.mail says which fax each became';
COMMENT ON COLUMN mail_recipients.notify IS 'RFC 3461: 1 never, 2 success, 4 failure, 8 delay; 0: not said';
COMMENT ON COLUMN mail_recipients.status IS 'RFC 3463; empty until it has ended';
COMMENT ON COLUMN mail_recipients.report IS 'that is still to be queued for the sender';
CREATE INDEX mail_recipients_report ON mail_recipients (mail) WHERE report <> '';
CREATE INDEX mail_recipients_open ON mail_recipients (mail) WHERE ended_at IS NULL;

CREATE TABLE mail_senders (
    address text PRIMARY KEY CHECK (address = lower(address)),
    principal text NOT NULL,
    number text NOT NULL CHECK (number ~ '^[+]?[0-9]{2,20}$'),
    removed_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE mail_senders IS 'whose mails are sent in whose name and with which number';

ALTER TABLE faxes
    ADD COLUMN mail uuid,
    ADD COLUMN mail_recipient integer NOT NULL DEFAULT 0,
    ADD COLUMN priority integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN faxes.mail IS 'the message that it was made of; NULL: none';
COMMENT ON COLUMN faxes.priority IS '0 usual, 1 low, 2 high';
CREATE INDEX faxes_mail ON faxes (mail, mail_recipient) WHERE mail IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON mails, mail_recipients, mail_senders TO sealfax_app;
