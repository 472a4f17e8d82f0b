-- Summaries of incidents: what was written of which version, by whom, and the alerts each sentence rests on.

CREATE TABLE incident_summary (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL,
    incident_id uuid NOT NULL REFERENCES incident (id) ON DELETE CASCADE,
    of_version integer NOT NULL,       -- the incident's when it was read: whoever comes second writes nothing
    alert_count integer NOT NULL,      -- what it was read with; alerts join without a version of their own
    firing_count integer NOT NULL,
    because text NOT NULL,             -- the kind of event, or asked
    asked_by text,                     -- who, where somebody did
    sentences jsonb NOT NULL,          -- text, alert_ids
    written_by text NOT NULL,          -- extractive, or the model's name
    degraded boolean NOT NULL,         -- the chosen writer failed, and another stood in
    dropped integer NOT NULL,          -- sentences that did not hold
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (incident_id, of_version)
);

SELECT app.protect('incident_summary');
