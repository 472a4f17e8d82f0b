-- Notifications: where incidents are told, the message that stands there, and what became of every change.

CREATE TABLE notification_channel (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('slack', 'slack_bot', 'email')),
    name text NOT NULL,
    settings jsonb NOT NULL,           -- where it leads, as far as that is no secret
    -- The secrets, bound to this channel by the key service: a row copied to another one cannot be opened.
    sealed bytea,
    min_severity text NOT NULL CHECK (min_severity IN ('critical', 'high', 'medium', 'low', 'info')),
    services text[] NOT NULL,          -- none: all
    teams text[] NOT NULL,             -- none: all
    quiet jsonb,                       -- timezone, begin, end, breaks_through
    enabled boolean NOT NULL DEFAULT true,
    held_until timestamptz,            -- when to look at what it holds back
    busy_until timestamptz,            -- its receiver asked for a pause
    last_error text,
    created_by text NOT NULL,          -- a user's id, or an API key's
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX notification_channel_list ON notification_channel (workspace_id, id DESC);
CREATE INDEX notification_channel_held ON notification_channel (held_until) WHERE held_until IS NOT NULL;

-- One incident in one channel: one message, sent by one at a time.
CREATE TABLE notification_message (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL,
    channel_id uuid NOT NULL REFERENCES notification_channel (id) ON DELETE CASCADE,
    incident_id uuid REFERENCES incident (id) ON DELETE CASCADE, -- null: a test
    place text,                        -- what Slack calls it: a conversation, and the time in it
    ts text,
    told_version integer NOT NULL DEFAULT 0,
    tries integer NOT NULL DEFAULT 0,  -- since something last went well
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz,          -- somebody is sending just now
    swept_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (channel_id, incident_id)
);
CREATE INDEX notification_message_incident ON notification_message (incident_id);

-- One change, told in one channel at most once. sending, and the lease is over: nobody knows whether it arrived.
CREATE TABLE notification (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL,
    message_id uuid NOT NULL REFERENCES notification_message (id) ON DELETE CASCADE,
    version integer NOT NULL,          -- of the incident
    status text NOT NULL DEFAULT 'pending' CHECK (status IN (
        'pending', 'held', 'sending', 'sent', 'superseded', 'failed', 'unknown', 'cancelled')),
    attempts integer NOT NULL DEFAULT 0,
    last_status integer,               -- HTTP
    last_error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    UNIQUE (message_id, version)
);
CREATE INDEX notification_list ON notification (workspace_id, id DESC);
CREATE INDEX notification_waiting ON notification (message_id) WHERE status IN ('pending', 'held', 'sending');

SELECT app.protect('notification_channel');
SELECT app.protect('notification_message');
SELECT app.protect('notification');

-- Channels for which something was held back until now. Asked for again unless that is cleared.
CREATE FUNCTION app.claim_held_channels(again_s double precision, page integer)
RETURNS TABLE (workspace_id uuid, channel_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE notification_channel SET held_until = now() + make_interval(secs => again_s)
    WHERE notification_channel.id IN (
        SELECT due.id FROM notification_channel due WHERE due.held_until <= now()
        ORDER BY due.held_until LIMIT page FOR UPDATE SKIP LOCKED)
    RETURNING notification_channel.workspace_id, notification_channel.id
$$;

-- Messages that should have been sent a while ago: what would have sent them was lost.
CREATE FUNCTION app.claim_late_messages(quiet_s double precision, page integer)
RETURNS TABLE (workspace_id uuid, message_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE notification_message SET swept_at = now() WHERE notification_message.id IN (
        SELECT late.id FROM notification_message late
        WHERE late.id IN (SELECT waiting.message_id FROM notification waiting
                          WHERE waiting.status IN ('pending', 'sending'))
          AND greatest(late.swept_at, late.next_attempt_at, late.leased_until)
              < now() - make_interval(secs => quiet_s)
        ORDER BY late.swept_at LIMIT page FOR UPDATE SKIP LOCKED)
    RETURNING notification_message.workspace_id, notification_message.id
$$;

-- Slack's buttons come without a workspace: whose channel is it? Their signature is what is trusted.
CREATE FUNCTION app.slack_channel(wanted uuid) RETURNS TABLE (workspace_id uuid, sealed bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT notification_channel.workspace_id, notification_channel.sealed
    FROM notification_channel JOIN workspace ON workspace.id = notification_channel.workspace_id
    WHERE notification_channel.id = wanted AND notification_channel.kind = 'slack_bot'
      AND notification_channel.enabled AND workspace.deleted_at IS NULL
$$;
