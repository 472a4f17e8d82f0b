-- Media: assets, the runs that index them, and the contact sheets they leave.

CREATE TABLE asset (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    -- No cascade: a workspace goes only when the purge has removed its objects and vectors.
    workspace_id uuid NOT NULL REFERENCES workspace (id),
    created_by uuid REFERENCES user_account (id) ON DELETE SET NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 1000),
    content_type text NOT NULL,
    size_bytes bigint NOT NULL CHECK (size_bytes > 0),
    interval_s double precision NOT NULL CHECK (interval_s BETWEEN 0.1 AND 60),
    metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    tags text[] NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'awaiting_upload'
        CHECK (status IN ('awaiting_upload', 'processing', 'ready', 'failed', 'expired')),

    -- The upload. source_version is the object version that arrived first; later ones are never read.
    upload_id text,
    part_size_bytes bigint,
    upload_deadline timestamptz NOT NULL,
    source_version text,

    -- What the probe found.
    container text,
    codec text,
    duration_s double precision,
    width integer,
    height integer,
    fps double precision,
    variable_fps boolean,
    rotation integer,

    -- The run being worked on, or the last one; and the one whose sheets and vectors are shown.
    run integer NOT NULL DEFAULT 0,
    ready_run integer,
    plan jsonb,
    stage text CHECK (stage IN ('queued', 'probing', 'indexing', 'finishing')),
    frames_total integer,
    frames_done integer NOT NULL DEFAULT 0,
    redrives integer NOT NULL DEFAULT 0,
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    swept_at timestamptz NOT NULL DEFAULT now(),
    failure_code text,
    failure_reason text,

    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CHECK ((failure_code IS NULL) = (failure_reason IS NULL)),
    CHECK (status <> 'ready' OR ready_run IS NOT NULL),
    CHECK (status <> 'failed' OR failure_code IS NOT NULL)
);
CREATE INDEX asset_list ON asset (workspace_id, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX asset_creator ON asset (created_by, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX asset_tags ON asset USING gin (tags);
CREATE INDEX asset_metadata ON asset USING gin (metadata jsonb_path_ops);
CREATE INDEX asset_unattended ON asset (swept_at)
    WHERE status IN ('awaiting_upload', 'processing') OR deleted_at IS NOT NULL;

-- One stretch of the video: what one extract_frames call decodes. done_at says that its sheets are stored.
CREATE TABLE media_chunk (
    workspace_id uuid NOT NULL,
    asset_id uuid NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
    run integer NOT NULL,
    first_sheet integer NOT NULL,
    start_s double precision NOT NULL,
    end_s double precision NOT NULL,
    frames integer NOT NULL DEFAULT 0,
    damaged integer NOT NULL DEFAULT 0,
    done_at timestamptz,
    PRIMARY KEY (workspace_id, asset_id, run, first_sheet)
);

-- One contact sheet: a JPEG of frame tiles in reading order; tile i shows the frame at times_s[i + 1].
CREATE TABLE media_sheet (
    workspace_id uuid NOT NULL,
    asset_id uuid NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
    run integer NOT NULL,
    sheet_no integer NOT NULL,
    object_key text NOT NULL,
    columns integer NOT NULL,
    tile_width integer NOT NULL,
    tile_height integer NOT NULL,
    tiles integer NOT NULL,
    times_s double precision[] NOT NULL,
    embedded_at timestamptz,
    PRIMARY KEY (workspace_id, asset_id, run, sheet_no),
    CHECK (cardinality(times_s) = tiles)
);

SELECT app.protect('asset');
SELECT app.protect('media_chunk');
SELECT app.protect('media_sheet');

-- What crosses workspaces does so through the narrow functions below, which run as the owner.

-- Assets that nobody looked after for a while: uploads not finished, runs not ended, deletions not done.
-- Claims them, so that two sweeps at once share the work.
CREATE FUNCTION app.claim_unattended(quiet_s double precision, page integer)
RETURNS TABLE (workspace_id uuid, asset_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE asset SET swept_at = now() WHERE asset.id IN (
        SELECT quiet.id FROM asset quiet
        WHERE (quiet.status IN ('awaiting_upload', 'processing') OR quiet.deleted_at IS NOT NULL)
          AND greatest(quiet.swept_at, quiet.heartbeat_at) < now() - make_interval(secs => quiet_s)
        ORDER BY quiet.swept_at LIMIT page FOR UPDATE SKIP LOCKED)
    RETURNING asset.workspace_id, asset.id
$$;

-- Marks the assets of deleted workspaces deleted, and forgets workspaces that are empty at last.
CREATE FUNCTION app.retire_workspaces() RETURNS TABLE (workspace_id uuid, asset_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM workspace WHERE workspace.deleted_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM asset WHERE asset.workspace_id = workspace.id);
    RETURN QUERY
        UPDATE asset SET deleted_at = now(), updated_at = now()
        FROM workspace
        WHERE workspace.id = asset.workspace_id AND workspace.deleted_at IS NOT NULL
          AND asset.deleted_at IS NULL
        RETURNING asset.workspace_id, asset.id;
END
$$;

-- The entered user's own videos, in the workspaces they still belong to.
CREATE FUNCTION app.my_assets(before uuid, page integer) RETURNS SETOF asset
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT asset.* FROM asset
    JOIN workspace ON workspace.id = asset.workspace_id AND workspace.deleted_at IS NULL
    JOIN member ON member.workspace_id = asset.workspace_id AND member.user_id = app.user_id()
    WHERE asset.created_by = app.user_id() AND asset.deleted_at IS NULL
      AND (before IS NULL OR asset.id < before)
    ORDER BY asset.id DESC LIMIT page
$$;
