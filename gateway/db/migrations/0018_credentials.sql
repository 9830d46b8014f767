-- What principals sign in with where they come over the network: mail clients.

CREATE TABLE credentials (
    user_name text PRIMARY KEY CHECK (user_name <> ''),
    principal text NOT NULL,
    sealed text NOT NULL,
    revoked_at timestamptz,
    last_node text NOT NULL,
    last_index bigint NOT NULL
);
COMMENT ON TABLE credentials IS 'user names and passwords of principals';
COMMENT ON COLUMN credentials.sealed IS 'encoded Argon2id hash, sealed by the keeper for principal, realm smtp and user; hexadecimal';
CREATE INDEX credentials_principal ON credentials (principal) WHERE revoked_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON credentials TO sealfax_app;
