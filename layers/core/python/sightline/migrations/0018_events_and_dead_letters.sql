-- EventBridge's events: whose they are, and those that nobody has claimed yet. Deliveries that failed every time.

-- An AWS account, or a partner's event source; one source takes its events.
CREATE TABLE alert_claim (
    origin text PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    source_id text NOT NULL REFERENCES alert_source (id) ON DELETE CASCADE
);
CREATE INDEX alert_claim_source ON alert_claim (source_id);
SELECT app.protect('alert_claim');

-- Whoever reads the queue is in no workspace before it knows this.
CREATE FUNCTION app.claimant(wanted text) RETURNS TABLE (workspace_id uuid, source_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT workspace_id, source_id FROM alert_claim WHERE origin = wanted
$$;

-- Nobody's, and for nobody to look at: kept for two weeks, for whoever claims their origin.
CREATE TABLE alert_unclaimed (
    origin text NOT NULL,
    event_id text NOT NULL,
    body text NOT NULL,                -- JSON; jsonb takes no NUL
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (origin, event_id)
);
CREATE INDEX alert_unclaimed_age ON alert_unclaimed (received_at);
REVOKE ALL ON alert_unclaimed FROM sightline_app;
ALTER TABLE alert_unclaimed ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION app.keep_unclaimed(origin text, event_id text, body text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM alert_unclaimed WHERE received_at < now() - interval '14 days';
    INSERT INTO alert_unclaimed (origin, event_id, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
$$;

-- Of an origin that the workspace has claimed, and of no other.
CREATE FUNCTION app.unclaimed(wanted text, page integer) RETURNS TABLE (event_id text, body text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT event_id, body FROM alert_unclaimed JOIN alert_claim USING (origin)
    WHERE origin = wanted AND workspace_id = app.workspace() ORDER BY received_at, event_id LIMIT page
$$;

CREATE FUNCTION app.forget_unclaimed(wanted text, events text[]) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM alert_unclaimed USING alert_claim
    WHERE alert_unclaimed.origin = wanted AND alert_claim.origin = wanted
      AND alert_claim.workspace_id = app.workspace() AND event_id = ANY(events)
$$;

-- What could not be read however often it was tried, as it lay on the queue, and why.
CREATE TABLE alert_dead_letter (
    id uuid PRIMARY KEY,               -- the delivery's, so that one that dies again is one
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    source_id text NOT NULL,
    message text NOT NULL,             -- JSON; jsonb takes no NUL
    code text,                         -- null while it is tried once more
    reason text NOT NULL,
    died_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_dead_letter_list ON alert_dead_letter (workspace_id, died_at DESC, id DESC);
SELECT app.protect('alert_dead_letter');
