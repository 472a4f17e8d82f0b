-- Alerts: the sources they come from, every delivery as it arrived, and what it said.

CREATE TABLE alert_source (
    id text PRIMARY KEY CHECK (length(id) BETWEEN 16 AND 64), -- in the address: not to be guessed
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    name text NOT NULL,
    platform text NOT NULL,
    scheme text NOT NULL,              -- how its sender proves itself; the secrets are not here
    settings jsonb NOT NULL,
    created_by text NOT NULL,          -- a user's id, or an API key's
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
CREATE INDEX alert_source_list ON alert_source (workspace_id, created_at DESC, id DESC);

-- Kept whole, whatever becomes of it: a payload that nobody understands is shown, not lost.
CREATE TABLE alert_delivery (
    id uuid PRIMARY KEY,               -- given when it arrived, so that a second hand-over changes nothing
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    source_id text NOT NULL REFERENCES alert_source (id) ON DELETE CASCADE,
    trust text NOT NULL CHECK (trust IN ('signed', 'shared_secret', 'none')),
    headers jsonb NOT NULL,
    raw_payload bytea NOT NULL,
    sender_key text,                   -- the sender's own name for the delivery, the same when it tries again
    outcome text NOT NULL CHECK (outcome IN ('alerts', 'no_alerts', 'unparsed', 'repeated')),
    reason text,
    alerts integer NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL,
    read_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_delivery_list ON alert_delivery (workspace_id, received_at DESC, id DESC);
CREATE UNIQUE INDEX alert_delivery_once ON alert_delivery (source_id, sender_key) WHERE outcome <> 'repeated';

CREATE TABLE alert (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    source_id text NOT NULL REFERENCES alert_source (id) ON DELETE CASCADE,
    platform text NOT NULL,
    trust text NOT NULL,
    external_id text NOT NULL,         -- the sender's, the same for an alert and its recovery
    fingerprint text NOT NULL,         -- of what it says
    status text NOT NULL CHECK (status IN ('firing', 'recovered')),
    title text NOT NULL,
    description text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low', 'info')),
    severity_by text NOT NULL,         -- sender, rule, or a model's name
    severity_confidence real,          -- null where the sender said so
    category text NOT NULL,
    category_by text NOT NULL,
    category_confidence real,
    team text NOT NULL,
    team_by text NOT NULL,
    team_confidence real,
    entities jsonb NOT NULL,           -- what its words name: label, text, confidence, source
    degraded boolean NOT NULL,         -- rules judged what a model should have
    service text,
    host text,
    environment text,
    region text,
    url text,
    tags jsonb NOT NULL,
    occurrences integer NOT NULL DEFAULT 1,
    first_delivery_id uuid NOT NULL,
    last_delivery_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,  -- by the sender's clock, or ours where it told none
    received_at timestamptz NOT NULL,
    last_occurred_at timestamptz NOT NULL,
    recovered_at timestamptz
);
CREATE INDEX alert_list ON alert (workspace_id, id DESC);
CREATE INDEX alert_episodes ON alert (source_id, external_id, id DESC);
-- One alert at a time goes on under a name, and under what it says.
CREATE UNIQUE INDEX alert_one_firing ON alert (source_id, external_id) WHERE status = 'firing';
CREATE INDEX alert_same_content ON alert (source_id, fingerprint) WHERE status = 'firing';

-- A recovery may arrive before what it recovers: remembered, so that the alert does not stay open for ever.
CREATE TABLE alert_recovery (
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    source_id text NOT NULL REFERENCES alert_source (id) ON DELETE CASCADE,
    external_id text NOT NULL,
    recovered_at timestamptz NOT NULL,
    PRIMARY KEY (source_id, external_id)
);

SELECT app.protect('alert_source');
SELECT app.protect('alert_delivery');
SELECT app.protect('alert');
SELECT app.protect('alert_recovery');
