-- How many days a workspace keeps what is over of its alerts and incidents (no row, or null: for ever), and how
-- much of it went so far.
CREATE TABLE incident_retention (
    workspace_id uuid PRIMARY KEY REFERENCES workspace (id) ON DELETE CASCADE,
    -- More than a message can lie on a queue and its dead-letter queue: one that comes late is still known.
    keep_days integer CHECK (keep_days BETWEEN 30 AND 36500),
    updated_by text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    look_at timestamptz NOT NULL DEFAULT now(),
    incidents_gone bigint NOT NULL DEFAULT 0,
    alerts_gone bigint NOT NULL DEFAULT 0,
    deliveries_gone bigint NOT NULL DEFAULT 0,
    last_gone_at timestamptz
);
CREATE INDEX incident_retention_due ON incident_retention (look_at) WHERE keep_days IS NOT NULL;
SELECT app.protect('incident_retention');

CREATE INDEX incident_merged_into ON incident (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX copilot_answer_incident ON copilot_answer (incident_id) WHERE incident_id IS NOT NULL;
CREATE INDEX alert_recovery_age ON alert_recovery (workspace_id, recovered_at);

-- The least id that was given at a moment: rows of before are found by their key.
CREATE FUNCTION app.uuid7_at(moment timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0')
            || '00000000000000000000')::uuid
$$;

-- Workspaces whose time has come; claims them, so that two sweeps at once share the work.
CREATE FUNCTION app.claim_incident_retentions(again_s double precision, page integer)
RETURNS TABLE (workspace_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE incident_retention SET look_at = now() + make_interval(secs => again_s)
    WHERE incident_retention.workspace_id IN (
        SELECT due.workspace_id FROM incident_retention AS due
        WHERE due.keep_days IS NOT NULL AND due.look_at <= now()
        ORDER BY due.look_at LIMIT page FOR UPDATE SKIP LOCKED)
    RETURNING incident_retention.workspace_id
$$;

-- Over, and not heard of for so many days. One that others were merged into goes after them.
CREATE FUNCTION app.incidents_over(days integer) RETURNS SETOF uuid
LANGUAGE sql STABLE AS $$
    SELECT old.id FROM incident AS old WHERE old.status = ANY ('{gathering,resolved,merged}'::text[])
      AND old.id < app.uuid7_at(now() - make_interval(days => days))
      AND greatest(old.updated_at, old.last_alert_at) < now() - make_interval(days => days)
      AND NOT EXISTS (SELECT FROM incident AS other WHERE other.merged_into = old.id)
$$;
