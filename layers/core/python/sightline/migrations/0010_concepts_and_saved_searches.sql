-- Concepts taught by marked frames; searches kept under a name, run by themselves, and judged.

CREATE TABLE concept (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    description text NOT NULL DEFAULT '',
    last_version integer NOT NULL DEFAULT 0,
    -- The version that is searched and applied, and the confidence from which a frame shows the concept.
    kept_version integer,
    bar double precision NOT NULL DEFAULT 0.5 CHECK (bar > 0 AND bar < 1),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, name)
);

-- A frame by its video and time, so that marks outlive a change of the model.
CREATE TABLE concept_mark (
    workspace_id uuid NOT NULL,
    concept_id uuid NOT NULL REFERENCES concept (id) ON DELETE CASCADE,
    asset_id uuid NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
    time_s double precision NOT NULL,
    yes boolean NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, concept_id, asset_id, time_s)
);
CREATE INDEX concept_mark_asset ON concept_mark (asset_id);

CREATE TABLE concept_version (
    workspace_id uuid NOT NULL,
    concept_id uuid NOT NULL REFERENCES concept (id) ON DELETE CASCADE,
    version integer NOT NULL,
    status text NOT NULL CHECK (status IN ('queued', 'draft', 'kept', 'retired', 'failed')),
    model_id text NOT NULL,
    dim integer,
    -- sigmoid(weights . frame + bias) is the calibrated confidence; frames have length 1.
    weights real[],
    bias double precision,
    calibration jsonb,
    metrics jsonb,
    marks jsonb,                       -- what it learnt from: [asset id, time, yes or no]
    failure_code text,
    failure_reason text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    trained_at timestamptz,
    kept_at timestamptz,
    PRIMARY KEY (workspace_id, concept_id, version),
    CHECK (status IN ('queued', 'failed') OR weights IS NOT NULL)
);

-- What a concept says of one video: the tag, with its confidence.
CREATE TABLE concept_asset (
    workspace_id uuid NOT NULL,
    concept_id uuid NOT NULL REFERENCES concept (id) ON DELETE CASCADE,
    asset_id uuid NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
    version integer NOT NULL,
    run integer NOT NULL,
    confidence double precision NOT NULL,
    moments integer NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, concept_id, asset_id)
);
CREATE INDEX concept_asset_asset ON concept_asset (asset_id);

-- The moments that show it.
CREATE TABLE concept_hit (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL,
    concept_id uuid NOT NULL REFERENCES concept (id) ON DELETE CASCADE,
    asset_id uuid NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
    version integer NOT NULL,
    start_s double precision NOT NULL,
    end_s double precision NOT NULL,
    peak_s double precision NOT NULL,
    confidence double precision NOT NULL
);
CREATE INDEX concept_hit_best ON concept_hit (workspace_id, concept_id, confidence DESC, id);
CREATE INDEX concept_hit_asset ON concept_hit (asset_id);

SELECT app.protect('concept');
SELECT app.protect('concept_mark');
SELECT app.protect('concept_version');
SELECT app.protect('concept_asset');
SELECT app.protect('concept_hit');

CREATE TABLE saved_search (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    version integer NOT NULL DEFAULT 1, -- raised when what is asked, or the bar, changes
    request jsonb NOT NULL,
    -- A standing search runs on every video that becomes ready, and tells of moments at the bar or above.
    standing boolean NOT NULL DEFAULT false,
    bar double precision NOT NULL DEFAULT 0.9 CHECK (bar BETWEEN 0 AND 1),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, name)
);
CREATE INDEX saved_search_standing ON saved_search (workspace_id) WHERE standing;

ALTER TABLE search ADD COLUMN saved_search_id uuid REFERENCES saved_search (id) ON DELETE SET NULL;
-- Figures are asked for by time.
CREATE INDEX search_time ON search (workspace_id, created_at);
CREATE INDEX search_saved ON search (saved_search_id, id DESC) WHERE saved_search_id IS NOT NULL;

-- One row for each (version of a standing search, run of a video): looking twice changes nothing.
CREATE TABLE search_match (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL,
    saved_search_id uuid NOT NULL REFERENCES saved_search (id) ON DELETE CASCADE,
    version integer NOT NULL,
    asset_id uuid NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
    run integer NOT NULL,
    moments jsonb NOT NULL,            -- empty: looked at, and nothing reached the bar
    best double precision NOT NULL,
    told_at timestamptz,               -- when the event was published
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, saved_search_id, version, asset_id, run)
);
CREATE INDEX search_match_list ON search_match (saved_search_id, id DESC) WHERE moments <> '[]';
CREATE INDEX search_match_asset ON search_match (asset_id);

-- Right or wrong, said of a moment that a search showed; for a saved search it holds in every later run.
CREATE TABLE search_label (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL,
    search_id uuid NOT NULL REFERENCES search (id) ON DELETE CASCADE,
    saved_search_id uuid REFERENCES saved_search (id) ON DELETE CASCADE,
    asset_id uuid NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
    time_s double precision NOT NULL,
    right_ boolean NOT NULL,
    labelled_by text NOT NULL,
    labelled_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, search_id, asset_id, time_s)
);
CREATE INDEX search_label_saved ON search_label (saved_search_id, asset_id) WHERE saved_search_id IS NOT NULL;
CREATE INDEX search_label_asset ON search_label (asset_id);

-- The peaks that a run of a saved search showed, best first: what precision at k is counted over.
CREATE TABLE search_shown (
    workspace_id uuid NOT NULL,
    search_id uuid NOT NULL REFERENCES search (id) ON DELETE CASCADE,
    place integer NOT NULL,
    asset_id uuid NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
    peak_s double precision NOT NULL,
    relevance double precision NOT NULL,
    PRIMARY KEY (workspace_id, search_id, place)
);
CREATE INDEX search_shown_asset ON search_shown (asset_id);

SELECT app.protect('saved_search');
SELECT app.protect('search_match');
SELECT app.protect('search_label');
SELECT app.protect('search_shown');
