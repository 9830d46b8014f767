-- Faxes over audio: which media an attempt used, and trunks that may not use it.

ALTER TABLE attempts ADD COLUMN media text NOT NULL DEFAULT '' CHECK (media IN ('', 't38', 'audio'));
COMMENT ON COLUMN attempts.media IS 't38, audio (T.30 over G.711), or empty when no media started';

ALTER TABLE trunks ADD COLUMN audio_fallback boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN trunks.audio_fallback IS 'faxes go over audio when the peer has no T.38';
