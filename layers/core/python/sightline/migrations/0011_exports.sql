-- Exports: what was picked, what is to be made of it, and how far the archive is written.

CREATE TABLE export_job (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    created_by uuid REFERENCES user_account (id) ON DELETE SET NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    request jsonb NOT NULL,
    status text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'preparing', 'writing', 'ready', 'failed', 'cancelled', 'expired')),
    -- The worker that may write; a newer one takes its place, and the older one writes nothing any more.
    worker uuid,
    attempt integer NOT NULL DEFAULT 1,
    begun_over integer NOT NULL DEFAULT 0,
    pieces_total integer NOT NULL DEFAULT 0,
    pieces_done integer NOT NULL DEFAULT 0,

    -- The archive: a multipart upload whose committed bytes end at archive_bytes; the last of them, too few for
    -- a part of their own, are kept here until there are more.
    object_key text,
    upload_id text,
    archive_bytes bigint NOT NULL DEFAULT 0,
    tail bytea NOT NULL DEFAULT '',
    size_bytes bigint,
    manifest_sha256 text,

    failure_code text,
    failure_reason text,
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    swept_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    expires_at timestamptz,
    deleted_at timestamptz,
    CHECK ((failure_code IS NULL) = (failure_reason IS NULL))
);
CREATE INDEX export_list ON export_job (workspace_id, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX export_unattended ON export_job (swept_at)
    WHERE status IN ('queued', 'preparing', 'writing', 'ready') OR deleted_at IS NOT NULL;

-- One moment of an export, in the order in which they were picked.
CREATE TABLE export_moment (
    workspace_id uuid NOT NULL,
    export_id uuid NOT NULL REFERENCES export_job (id) ON DELETE CASCADE,
    rank integer NOT NULL,
    asset_id uuid NOT NULL,
    start_s double precision NOT NULL,
    end_s double precision NOT NULL,
    peak_s double precision,
    score double precision,
    relevance double precision,
    PRIMARY KEY (workspace_id, export_id, rank)
);
CREATE INDEX export_shows ON export_moment (workspace_id, asset_id);

-- One file of the archive that is cut from a video. Written when path is set; left out when problem is set.
CREATE TABLE export_piece (
    workspace_id uuid NOT NULL,
    export_id uuid NOT NULL REFERENCES export_job (id) ON DELETE CASCADE,
    no integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('frame', 'clip')),
    asset_id uuid NOT NULL,
    start_s double precision NOT NULL,
    end_s double precision NOT NULL,
    path text,
    byte_offset bigint,
    size_bytes bigint,
    crc32 bigint,
    sha256 text,
    shown_start_s double precision,
    shown_end_s double precision,
    width integer,
    height integer,
    problem text,
    PRIMARY KEY (workspace_id, export_id, no)
);
CREATE INDEX export_piece_left ON export_piece (workspace_id, export_id, no)
    WHERE path IS NULL AND problem IS NULL;
CREATE INDEX export_piece_place ON export_piece (workspace_id, export_id, asset_id, start_s);

CREATE TABLE export_part (
    workspace_id uuid NOT NULL,
    export_id uuid NOT NULL REFERENCES export_job (id) ON DELETE CASCADE,
    part_number integer NOT NULL,
    etag text NOT NULL,
    size_bytes bigint NOT NULL,
    PRIMARY KEY (workspace_id, export_id, part_number)
);

SELECT app.protect('export_job');
SELECT app.protect('export_moment');
SELECT app.protect('export_piece');
SELECT app.protect('export_part');

-- Exports that nobody looked after for a while: not ended, past their time, or deleted and still there.
-- Claims them, so that two sweeps at once share the work.
CREATE FUNCTION app.claim_exports(quiet_s double precision, page integer)
RETURNS TABLE (workspace_id uuid, export_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE export_job SET swept_at = now() WHERE export_job.id IN (
        SELECT quiet.id FROM export_job quiet
        WHERE (quiet.status IN ('queued', 'preparing', 'writing') OR quiet.deleted_at IS NOT NULL
               OR (quiet.status = 'ready' AND quiet.expires_at < now()))
          AND greatest(quiet.swept_at, quiet.heartbeat_at) < now() - make_interval(secs => quiet_s)
        ORDER BY quiet.swept_at LIMIT page FOR UPDATE SKIP LOCKED)
    RETURNING export_job.workspace_id, export_job.id
$$;
