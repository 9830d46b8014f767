-- Trunks that are never asked for T.38, and from which none is taken.

ALTER TABLE trunks ADD COLUMN t38 boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN trunks.t38 IS 'false: G.711 alone';
