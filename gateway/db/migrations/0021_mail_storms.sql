-- What a report shows of the message it is about, and what tells that a message is brought again.

ALTER TABLE mail_outbox
    ADD COLUMN author text NOT NULL DEFAULT '',
    ADD COLUMN author_name text NOT NULL DEFAULT '',
    ADD COLUMN date text NOT NULL DEFAULT '',
    ADD COLUMN unreported integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN mail_outbox.author IS 'of a report: From, its name, Date of the message';
COMMENT ON COLUMN mail_outbox.unreported IS 'of a report: how many before it were not sent to the address';

ALTER TABLE mails ADD COLUMN mark text NOT NULL DEFAULT '';
COMMENT ON COLUMN mails.mark IS 'who brought what to whom, under a key of the node; empty: not known again';
