-- What we are to a trunk that asks who we are: credentials and registration.

CREATE TABLE trunk_credentials (
    trunk text NOT NULL,
    realm text NOT NULL,
    auth_user text NOT NULL,
    sealed text NOT NULL,
    removed_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL,
    PRIMARY KEY (trunk, realm)
);
COMMENT ON TABLE trunk_credentials IS 'what answers the challenges of a trunk, by realm';
COMMENT ON COLUMN trunk_credentials.sealed IS 'HA1 of RFC 7616, sealed by the keeper for trunk, realm and user; hexadecimal';

CREATE TABLE trunk_registrations (
    trunk text PRIMARY KEY,
    auth_user text NOT NULL,
    domain text NOT NULL,
    expires integer NOT NULL CHECK (expires BETWEEN 30 AND 604800),
    removed_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE trunk_registrations IS 'trunks that we register with, as sip:auth_user@domain';
COMMENT ON COLUMN trunk_registrations.domain IS 'empty: the host of the trunk';
COMMENT ON COLUMN trunk_registrations.expires IS 'seconds that are asked for';

GRANT SELECT, INSERT, UPDATE ON trunk_credentials, trunk_registrations TO sealfax_app;
