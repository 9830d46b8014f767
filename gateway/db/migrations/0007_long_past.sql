-- For gateways with a long past.

-- The events of one kind that the drain applies together, [{"i": index, "r": record, "p": personal values}, …].
-- ROWS 1, and STRICT so that it stays: plans are kept, and one that was made while the tables were small must look
-- up each changed row by its key even then.
CREATE FUNCTION audit_events(events jsonb) RETURNS TABLE (i bigint, r jsonb, p jsonb)
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 1
    AS $$ SELECT x.i, x.r, x.p FROM jsonb_to_recordset(events) AS x(i bigint, r jsonb, p jsonb) $$;
COMMENT ON FUNCTION audit_events IS 'events as the drain gives them, as rows';
REVOKE ALL ON FUNCTION audit_events FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_events TO sealfax_app;

-- What was disposed of last is looked through at each start.
CREATE INDEX faxes_disposed ON faxes (disposed_at) WHERE disposed_at IS NOT NULL;
