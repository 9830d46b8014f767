#!/bin/bash
# Makes the three roles of a gateway and its database; for /docker-entrypoint-initdb.d of the PostgreSQL image, or
# by hand with the rights of a superuser. Passwords come from the files that the variables name.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -q -d postgres \
    -v owner="$(<"$SEALFAX_OWNER_PASSWORD_FILE")" \
    -v application="$(<"$SEALFAX_APPLICATION_PASSWORD_FILE")" \
    -v reader="$(<"$SEALFAX_READER_PASSWORD_FILE")" <<'SQL'
CREATE ROLE sealfax_owner LOGIN PASSWORD :'owner';
CREATE ROLE sealfax_app LOGIN PASSWORD :'application';
CREATE ROLE sealfax_reader LOGIN PASSWORD :'reader';
CREATE DATABASE sealfax OWNER sealfax_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE sealfax FROM PUBLIC;
GRANT CONNECT ON DATABASE sealfax TO sealfax_app, sealfax_reader;
SQL
