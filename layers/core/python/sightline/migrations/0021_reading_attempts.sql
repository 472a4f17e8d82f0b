-- A reading of runbooks that fails every time ends as failed; its message, sent back, begins it anew.
ALTER TABLE runbook_ingest
    ADD COLUMN attempts integer NOT NULL DEFAULT 0,       -- how often it was taken
    ADD COLUMN claimed_until timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN given_up boolean NOT NULL DEFAULT false;   -- failed every time, not for what it was to read
