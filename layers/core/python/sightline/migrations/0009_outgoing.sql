-- Outgoing webhooks: who is told of what, the secrets they verify with, and every message until it arrived.

CREATE TABLE webhook_endpoint (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    url text NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    description text NOT NULL DEFAULT '',
    event_types text[] NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    disabled_reason text,              -- why we, and not its owner, switched it off
    created_by text NOT NULL,          -- a user's id, or an API key's
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_endpoint_list ON webhook_endpoint (workspace_id, id DESC);

-- Sealed by the key service and bound to this endpoint: a row copied to another one cannot be opened.
CREATE TABLE webhook_secret (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz             -- set when a newer one takes its place
);
CREATE INDEX webhook_secret_endpoint ON webhook_secret (endpoint_id, id DESC);

-- What happened, in the very bytes that are signed; the id is the receiver's idempotency key.
CREATE TABLE webhook_message (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    event_type text NOT NULL,
    -- What it is about: the same happening makes one message, however often its cause is delivered.
    occasion text NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, occasion)
);
CREATE INDEX webhook_message_old ON webhook_message (workspace_id, created_at);

CREATE TABLE webhook_delivery (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL,
    message_id uuid NOT NULL REFERENCES webhook_message (id) ON DELETE CASCADE,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed', 'cancelled')),
    attempts integer NOT NULL DEFAULT 0,
    -- Counted since the last hand-over: a re-sent delivery gets all its attempts again.
    tries integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz,          -- somebody is sending it just now
    last_status integer,               -- HTTP
    last_error text,
    history jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT now(),
    delivered_at timestamptz,
    UNIQUE (message_id, endpoint_id)
);
CREATE INDEX webhook_delivery_list ON webhook_delivery (endpoint_id, id DESC);

SELECT app.protect('webhook_endpoint');
SELECT app.protect('webhook_secret');
SELECT app.protect('webhook_message');
SELECT app.protect('webhook_delivery');
