-- How calls are signalled and their media protected.

ALTER TABLE trunks
    ADD COLUMN transport text NOT NULL DEFAULT 'udp' CHECK (transport IN ('udp', 'tcp', 'tls', 'sips')),
    ADD COLUMN secured boolean NOT NULL DEFAULT false,
    ADD COLUMN long_by_tcp boolean NOT NULL DEFAULT false,
    ADD COLUMN tls_name text NOT NULL DEFAULT '',
    ADD COLUMN tls_ca text NOT NULL DEFAULT '',
    ADD COLUMN tls_certificate text NOT NULL DEFAULT '',
    ADD COLUMN tls_key text NOT NULL DEFAULT '';
COMMENT ON COLUMN trunks.transport IS 'how its requests travel; sips: TLS, with sips URIs';
COMMENT ON COLUMN trunks.secured IS 'its calls go over protected media or not at all';
COMMENT ON COLUMN trunks.long_by_tcp IS 'udp: requests of more than 1,300 octets go by TCP';
COMMENT ON COLUMN trunks.tls_name IS 'name that its certificate must be for; empty: its address';
COMMENT ON COLUMN trunks.tls_ca IS 'file in sip.tls_directory with those who may sign its certificate; empty: sip.tls_ca';
COMMENT ON COLUMN trunks.tls_certificate IS 'file there with what is shown to it; empty: sip.tls_certificate';
COMMENT ON COLUMN trunks.tls_key IS 'file there with the key of tls_certificate';

ALTER TABLE attempts
    ADD COLUMN signalling text NOT NULL DEFAULT '',
    ADD COLUMN protection text NOT NULL DEFAULT '';
COMMENT ON COLUMN attempts.signalling IS 'udp, tcp, or tls with its version and cipher; empty: none';
COMMENT ON COLUMN attempts.protection IS 'what protected the media: version and cipher; empty: nothing';
