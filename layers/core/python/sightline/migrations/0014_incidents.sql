-- Incidents: which alerts belong together, what became of them, and everything anybody did about it.

CREATE TABLE incident (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    number bigint NOT NULL,            -- INC-12: counted in its workspace
    title text NOT NULL,
    title_by text,                     -- who gave it; null: the gravest of the first alerts did
    -- gathering: too little to tell anybody of yet.
    status text NOT NULL DEFAULT 'gathering'
        CHECK (status IN ('gathering', 'open', 'investigating', 'resolved', 'merged')),
    severity text NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low', 'info')),
    severity_by text,                  -- who set it; null: its alerts do
    services text[] NOT NULL DEFAULT '{}',
    environment text,
    owner text,
    opened_at timestamptz,
    resolved_at timestamptz,
    resolved_by text,                  -- system, or who
    resolution text,                   -- the note that came with it
    first_alert_at timestamptz NOT NULL,
    last_alert_at timestamptz NOT NULL,
    alert_count integer NOT NULL DEFAULT 0,
    firing_count integer NOT NULL DEFAULT 0,
    reached integer NOT NULL DEFAULT 0, -- the last number of alerts that was told of
    snoozed_until timestamptz,
    merged_into uuid REFERENCES incident (id),
    vector halfvec(384),               -- the mean of its first alerts'
    version integer NOT NULL DEFAULT 0, -- one more with each change that people are told of
    told_version integer NOT NULL DEFAULT 0,
    look_at timestamptz,               -- when time alone changes something
    swept_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, number),
    CHECK ((status = 'merged') = (merged_into IS NOT NULL))
);
CREATE INDEX incident_list ON incident (workspace_id, id DESC);
CREATE INDEX incident_by_status ON incident (workspace_id, status, id DESC);
CREATE INDEX incident_untold ON incident (updated_at) WHERE told_version < version;
CREATE INDEX incident_look_at ON incident (look_at) WHERE look_at IS NOT NULL;

-- The timeline. version: the incident's after it; what people are not told of leaves that as it was.
CREATE TABLE incident_event (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    seq bigint GENERATED ALWAYS AS IDENTITY, -- the order, where one moment has several
    workspace_id uuid NOT NULL,
    incident_id uuid NOT NULL REFERENCES incident (id) ON DELETE CASCADE,
    version integer NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,               -- system, user:<id>, key:<id> or slack:<id>
    kind text NOT NULL CHECK (kind IN (
        'opened', 'severity_changed', 'status_changed', 'owner_changed', 'title_changed', 'alert_joined',
        'merged', 'split', 'snoozed', 'unsnoozed', 'reopened', 'resolved', 'summarised', 'noted',
        'alerts_reached')),
    before jsonb NOT NULL DEFAULT '{}',
    after jsonb NOT NULL DEFAULT '{}',
    reason text NOT NULL DEFAULT ''
);
CREATE INDEX incident_event_list ON incident_event (incident_id, seq);

-- Split by a person: no later alert brings the two together again.
CREATE TABLE incident_apart (
    workspace_id uuid NOT NULL,
    one uuid NOT NULL REFERENCES incident (id) ON DELETE CASCADE,
    other uuid NOT NULL REFERENCES incident (id) ON DELETE CASCADE,
    PRIMARY KEY (one, other),
    CHECK (one < other)
);
CREATE INDEX incident_apart_other ON incident_apart (other);

ALTER TABLE alert
    ADD COLUMN incident_id uuid REFERENCES incident (id),
    ADD COLUMN joined_because jsonb,   -- score, because, alert_id
    ADD COLUMN vector halfvec(384),    -- the document model's; null while it did not answer
    ADD COLUMN muted_until timestamptz; -- the end of the maintenance it fell into
CREATE INDEX alert_incident ON alert (incident_id, id);

-- What an alert can be linked by, with its environment in front; two that share none are never compared.
CREATE TABLE alert_key (
    workspace_id uuid NOT NULL,
    key text NOT NULL,
    occurred_at timestamptz NOT NULL,
    alert_id uuid NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
    traits integer NOT NULL,           -- of the alert: a symptom, minor, a guess
    PRIMARY KEY (workspace_id, key, occurred_at, alert_id)
);
CREATE INDEX alert_key_alert ON alert_key (alert_id);

CREATE TABLE incident_settings (
    workspace_id uuid PRIMARY KEY REFERENCES workspace (id) ON DELETE CASCADE,
    alerts_needed integer NOT NULL,
    opens_at_once text,                -- this severity or a graver one; null: none does
    reopen_s integer NOT NULL,
    auto_resolve boolean NOT NULL,
    resolve_after_s integer NOT NULL,
    updated_by text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE maintenance_window (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    reason text NOT NULL,
    services text[] NOT NULL DEFAULT '{}',     -- none: all
    environments text[] NOT NULL DEFAULT '{}', -- none: all
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CHECK (ends_at > starts_at)
);
CREATE INDEX maintenance_window_list ON maintenance_window (workspace_id, id DESC);

-- The map a user gives: what stands on what.
CREATE TABLE service_dependency (
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    service text NOT NULL,
    depends_on text NOT NULL,
    PRIMARY KEY (workspace_id, service, depends_on)
);
CREATE INDEX service_dependency_back ON service_dependency (workspace_id, depends_on);

SELECT app.protect('incident');
SELECT app.protect('incident_event');
SELECT app.protect('incident_apart');
SELECT app.protect('alert_key');
SELECT app.protect('incident_settings');
SELECT app.protect('maintenance_window');
SELECT app.protect('service_dependency');

-- Incidents that nobody was told of, and those for which a moment has come: a snooze or a maintenance that
-- ended, a quiet time that is over. Claims them, so that two sweeps at once share the work.
CREATE FUNCTION app.claim_incidents(quiet_s double precision, page integer)
RETURNS TABLE (workspace_id uuid, incident_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE incident SET swept_at = now() WHERE incident.id IN (
        SELECT quiet.id FROM incident quiet
        WHERE ((quiet.told_version < quiet.version
                AND quiet.updated_at < now() - make_interval(secs => quiet_s))
               OR quiet.look_at <= now())
          AND quiet.swept_at < now() - make_interval(secs => quiet_s)
        ORDER BY quiet.swept_at LIMIT page FOR UPDATE SKIP LOCKED)
    RETURNING incident.workspace_id, incident.id
$$;
