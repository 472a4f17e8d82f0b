-- Runs that wait their turn, files that are fetched from other buckets, and proof of what was deleted.

-- Admission: a run begins when there is room for it.
ALTER TABLE asset ADD COLUMN admitted_at timestamptz;
UPDATE asset SET admitted_at = now() WHERE status = 'processing';
CREATE INDEX asset_waiting ON asset (workspace_id, id)
    WHERE status = 'processing' AND admitted_at IS NULL AND deleted_at IS NULL;
CREATE INDEX asset_running ON asset (id)
    WHERE status = 'processing' AND admitted_at IS NOT NULL AND deleted_at IS NULL;

-- How many runs are in work in the whole stage.
CREATE FUNCTION app.runs_admitted() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT count(*) FROM asset WHERE status = 'processing' AND admitted_at IS NOT NULL AND deleted_at IS NULL
$$;

-- Takes waiting runs in turn from every workspace, as long as fewer than so many run in the whole stage; 0: all.
-- Under a lock, so that two at once do not count the same room.
CREATE FUNCTION app.admit_runs(at_once integer, page integer)
RETURNS TABLE (workspace_id uuid, asset_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    room bigint := page;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('app.admit_runs', 0));
    IF at_once > 0 THEN
        room := least(page, at_once - app.runs_admitted());
    END IF;
    IF room <= 0 THEN
        RETURN;
    END IF;
    RETURN QUERY
        UPDATE asset SET admitted_at = now(), heartbeat_at = now()
        WHERE asset.id IN (
            SELECT waiting.id FROM (
                SELECT id, row_number() OVER (PARTITION BY asset.workspace_id ORDER BY id) AS turn FROM asset
                WHERE status = 'processing' AND admitted_at IS NULL AND deleted_at IS NULL
                  AND source_version IS NOT NULL
            ) AS waiting ORDER BY waiting.turn, waiting.id LIMIT room)
        RETURNING asset.workspace_id, asset.id;
END
$$;

-- As before, but a run that waits for room is looked after by nobody: it lacks nothing.
CREATE OR REPLACE FUNCTION app.claim_unattended(quiet_s double precision, page integer)
RETURNS TABLE (workspace_id uuid, asset_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE asset SET swept_at = now() WHERE asset.id IN (
        SELECT quiet.id FROM asset quiet
        WHERE (quiet.status = 'awaiting_upload' OR quiet.deleted_at IS NOT NULL
               OR (quiet.status = 'processing' AND quiet.admitted_at IS NOT NULL))
          AND greatest(quiet.swept_at, quiet.heartbeat_at) < now() - make_interval(secs => quiet_s)
        ORDER BY quiet.swept_at LIMIT page FOR UPDATE SKIP LOCKED)
    RETURNING asset.workspace_id, asset.id
$$;

-- Imports: a list of objects in another bucket, each fetched or refused.
CREATE TABLE import_job (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    created_by uuid REFERENCES user_account (id) ON DELETE SET NULL,
    bucket text NOT NULL,
    prefix text NOT NULL DEFAULT '',
    metadata jsonb NOT NULL DEFAULT '{}',
    tags text[] NOT NULL DEFAULT '{}',
    interval_s double precision NOT NULL CHECK (interval_s BETWEEN 0.1 AND 60),
    status text NOT NULL DEFAULT 'listing'
        CHECK (status IN ('listing', 'fetching', 'done', 'failed', 'cancelled')),
    listed_after text NOT NULL DEFAULT '',
    attempt integer NOT NULL DEFAULT 1,
    failure_code text,
    failure_reason text,
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    swept_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CHECK ((failure_code IS NULL) = (failure_reason IS NULL))
);
CREATE INDEX import_list ON import_job (workspace_id, id DESC);
CREATE INDEX import_unattended ON import_job (swept_at) WHERE status IN ('listing', 'fetching');

CREATE TABLE import_object (
    workspace_id uuid NOT NULL,
    import_id uuid NOT NULL REFERENCES import_job (id) ON DELETE CASCADE,
    no integer NOT NULL,
    key text NOT NULL,
    etag text NOT NULL DEFAULT '',
    size_bytes bigint,
    status text NOT NULL DEFAULT 'listed'
        CHECK (status IN ('listed', 'fetching', 'registered', 'skipped', 'refused')),
    asset_id uuid REFERENCES asset (id) ON DELETE CASCADE,
    code text,
    reason text,
    PRIMARY KEY (workspace_id, import_id, no),
    UNIQUE (workspace_id, import_id, key),
    CHECK ((code IS NULL) = (reason IS NULL))
);
CREATE INDEX import_object_status ON import_object (workspace_id, import_id, status, no);
CREATE INDEX import_object_asset ON import_object (asset_id) WHERE asset_id IS NOT NULL;

-- Which version of which object was registered as which video: once in a workspace, while the video is there.
CREATE TABLE import_source (
    workspace_id uuid NOT NULL,
    bucket text NOT NULL,
    key text NOT NULL,
    etag text NOT NULL,
    asset_id uuid NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
    PRIMARY KEY (workspace_id, bucket, key, etag)
);
CREATE INDEX import_source_asset ON import_source (asset_id);

SELECT app.protect('import_job');
SELECT app.protect('import_object');
SELECT app.protect('import_source');

CREATE FUNCTION app.claim_imports(quiet_s double precision, page integer)
RETURNS TABLE (workspace_id uuid, import_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE import_job SET swept_at = now() WHERE import_job.id IN (
        SELECT quiet.id FROM import_job quiet
        WHERE quiet.status IN ('listing', 'fetching')
          AND greatest(quiet.swept_at, quiet.heartbeat_at) < now() - make_interval(secs => quiet_s)
        ORDER BY quiet.swept_at LIMIT page FOR UPDATE SKIP LOCKED)
    RETURNING import_job.workspace_id, import_job.id
$$;

-- Retention, in days after a video was registered; null: for ever.
ALTER TABLE workspace ADD COLUMN retention_days integer CHECK (retention_days BETWEEN 1 AND 36500);

DROP FUNCTION app.memberships(uuid);
CREATE FUNCTION app.memberships(member_user uuid)
RETURNS TABLE (id uuid, name text, role text, created_at timestamptz, retention_days integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT workspace.id, workspace.name, member.role, workspace.created_at, workspace.retention_days
    FROM member JOIN workspace ON workspace.id = member.workspace_id
    WHERE member.user_id = member_user AND workspace.deleted_at IS NULL
    ORDER BY workspace.id
$$;

-- What was deleted, and that nothing is left of it. Refers to nothing, so that it outlives what it is about; it
-- holds ids and counts, and instead of who asked a hash that only they can match.
CREATE TABLE erasure (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL,
    subject text NOT NULL CHECK (subject IN ('asset', 'workspace')),
    subject_id uuid NOT NULL,
    cause text NOT NULL CHECK (cause IN ('request', 'retention')),
    asked_by_hash bytea,
    status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done')),
    objects jsonb NOT NULL DEFAULT '{}',
    rows jsonb NOT NULL DEFAULT '{}',
    objects_left integer,
    rows_left integer,
    ids_kept jsonb,
    asked_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz,
    UNIQUE (workspace_id, subject, subject_id)
);
CREATE INDEX erasure_list ON erasure (workspace_id, id DESC);
SELECT app.protect('erasure');
REVOKE DELETE ON erasure FROM sightline_app;

-- Whoever deletes a video, and however: there is a report. A workspace's own counts what goes with it.
CREATE FUNCTION app.asset_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO erasure (workspace_id, subject, subject_id, cause)
        SELECT NEW.workspace_id, 'asset', NEW.id, 'request' FROM workspace
        WHERE workspace.id = NEW.workspace_id AND workspace.deleted_at IS NULL
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER asset_erasure AFTER UPDATE OF deleted_at ON asset FOR EACH ROW
    WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
    EXECUTE FUNCTION app.asset_deleted();

-- The entered user's own, of workspaces that may be gone.
CREATE FUNCTION app.my_erasure(wanted uuid) RETURNS SETOF erasure
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT * FROM erasure
    WHERE id = wanted AND asked_by_hash = sha256(convert_to(id::text || app.user_id()::text, 'UTF8'))
$$;

CREATE FUNCTION app.sum_counts(one jsonb, other jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(key, total), '{}') FROM (
        SELECT key, sum(value::bigint) AS total
        FROM (SELECT * FROM jsonb_each_text(one) UNION ALL SELECT * FROM jsonb_each_text(other)) AS counts
        GROUP BY key) AS totals
$$;

-- Tables of tenants that hold data of one, found in the catalog, so that a table of a later migration is
-- erased and looked through on the day it is added.
CREATE FUNCTION app.tenant_tables(with_column text) RETURNS SETOF regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_class.oid::regclass FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
      AND relname NOT IN ('asset', 'erasure', 'workspace')
      AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'workspace_id')
      AND (with_column = '' OR EXISTS (
          SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = with_column AND attnum > 0))
    ORDER BY relname
$$;
REVOKE EXECUTE ON FUNCTION app.tenant_tables FROM sightline_app;

-- The functions below run as the owner, and reach the entered workspace all the same and no other.
CREATE FUNCTION app.check_entered(wanted uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF wanted IS DISTINCT FROM app.workspace() THEN
        RAISE EXCEPTION 'workspace % is not entered', wanted;
    END IF;
END
$$;

-- How many rows of a workspace mention an id in a text or JSON column, by table.
CREATE FUNCTION app.mentions(of_workspace uuid, wanted uuid) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    tenant regclass;
    columns text;
    found bigint;
    total jsonb := '{}';
BEGIN
    PERFORM app.check_entered(of_workspace);
    FOR tenant IN SELECT app.tenant_tables('') LOOP
        -- "composed" is vectors in base64.
        SELECT string_agg(format('%I::text', attname), ', ') INTO columns FROM pg_attribute
        WHERE attrelid = tenant AND attnum > 0 AND NOT attisdropped AND attname <> 'composed'
          AND atttypid IN ('jsonb'::regtype, 'text'::regtype, 'text[]'::regtype, 'uuid[]'::regtype);
        CONTINUE WHEN columns IS NULL;
        EXECUTE format('SELECT count(*) FROM %s WHERE workspace_id = $1 AND concat_ws('' '', %s) LIKE $2',
                       tenant, columns)
            INTO found USING of_workspace, '%' || wanted || '%';
        IF found > 0 THEN
            total := total || jsonb_build_object(tenant::text, found);
        END IF;
    END LOOP;
    RETURN total;
END
$$;

-- Removes every row that shows a deleted video, in whatever table; answers how many, by table. Kept answers,
-- recorded searches and messages that mention it show it; a question that names its id does not.
CREATE FUNCTION app.erase_asset(of_workspace uuid, wanted uuid) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    tenant regclass;
    gone bigint;
    total jsonb := '{}';
BEGIN
    PERFORM app.check_entered(of_workspace);
    IF EXISTS (SELECT FROM asset WHERE id = wanted AND deleted_at IS NULL) THEN
        RAISE EXCEPTION 'asset % is not deleted', wanted;
    END IF;
    FOR tenant IN SELECT app.tenant_tables('asset_id') LOOP
        EXECUTE format('DELETE FROM %s WHERE workspace_id = $1 AND asset_id = $2', tenant)
            USING of_workspace, wanted;
        GET DIAGNOSTICS gone = ROW_COUNT;
        IF gone > 0 THEN
            total := total || jsonb_build_object(tenant::text, gone);
        END IF;
    END LOOP;
    FOR tenant IN SELECT (mention.key)::regclass FROM jsonb_each(app.mentions(of_workspace, wanted)) AS mention
                  WHERE mention.key IN ('idempotency', 'kept_answer', 'search', 'webhook_message') LOOP
        EXECUTE format('DELETE FROM %s AS shown WHERE workspace_id = $1 AND shown::text LIKE $2', tenant)
            USING of_workspace, '%' || wanted || '%';
        GET DIAGNOSTICS gone = ROW_COUNT;
        total := app.sum_counts(total, jsonb_build_object(tenant::text, gone));
    END LOOP;
    DELETE FROM asset WHERE id = wanted AND workspace_id = of_workspace;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN CASE gone WHEN 0 THEN total ELSE total || jsonb_build_object('asset', gone) END;
END
$$;

-- How many rows still belong to a video, or to a workspace when no video is named.
CREATE FUNCTION app.rows_left(of_workspace uuid, wanted uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    tenant regclass;
    found bigint;
    total bigint := 0;
BEGIN
    PERFORM app.check_entered(of_workspace);
    FOR tenant IN SELECT app.tenant_tables(CASE WHEN wanted IS NULL THEN '' ELSE 'asset_id' END) LOOP
        EXECUTE format('SELECT count(*) FROM %s WHERE workspace_id = $1%s', tenant,
                       CASE WHEN wanted IS NULL THEN '' ELSE ' AND asset_id = $2' END)
            INTO found USING of_workspace, wanted;
        total := total + found;
    END LOOP;
    SELECT total + count(*) INTO total FROM asset
        WHERE workspace_id = of_workspace AND (wanted IS NULL OR id = wanted);
    RETURN total;
END
$$;

-- Removes a deleted workspace that holds no video any more, with everything in it; answers how many rows.
CREATE FUNCTION app.erase_workspace(wanted uuid) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    tenant regclass;
    found bigint;
    total jsonb := '{}';
BEGIN
    PERFORM app.check_entered(wanted);
    IF EXISTS (SELECT FROM workspace WHERE id = wanted AND deleted_at IS NULL)
       OR EXISTS (SELECT FROM asset WHERE workspace_id = wanted) THEN
        RAISE EXCEPTION 'workspace % is not deleted or not empty', wanted;
    END IF;
    FOR tenant IN SELECT app.tenant_tables('') LOOP
        EXECUTE format('SELECT count(*) FROM %s WHERE workspace_id = $1', tenant) INTO found USING wanted;
        IF found > 0 THEN
            total := total || jsonb_build_object(tenant::text, found);
        END IF;
    END LOOP;
    DELETE FROM workspace WHERE id = wanted;
    GET DIAGNOSTICS found = ROW_COUNT;
    -- What goes with no other row.
    FOR tenant IN SELECT app.tenant_tables('') LOOP
        EXECUTE format('DELETE FROM %s WHERE workspace_id = $1', tenant) USING wanted;
    END LOOP;
    RETURN CASE found WHEN 0 THEN total ELSE total || jsonb_build_object('workspace', found) END;
END
$$;

-- Marks the assets of deleted workspaces deleted, and those that are older than their workspace keeps them.
CREATE OR REPLACE FUNCTION app.retire_workspaces() RETURNS TABLE (workspace_id uuid, asset_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO erasure (workspace_id, subject, subject_id, cause)
        SELECT id, 'workspace', id, 'request' FROM workspace WHERE deleted_at IS NOT NULL
        ON CONFLICT DO NOTHING;
    RETURN QUERY
        UPDATE asset SET deleted_at = now(), updated_at = now()
        FROM workspace
        WHERE workspace.id = asset.workspace_id AND workspace.deleted_at IS NOT NULL
          AND asset.deleted_at IS NULL
        RETURNING asset.workspace_id, asset.id;
    RETURN QUERY
        WITH outdated AS (
            UPDATE asset SET deleted_at = now(), updated_at = now() WHERE asset.id IN (
                SELECT old.id FROM asset AS old JOIN workspace ON workspace.id = old.workspace_id
                WHERE workspace.retention_days IS NOT NULL AND workspace.deleted_at IS NULL
                  AND old.deleted_at IS NULL
                  AND old.created_at < now() - make_interval(days => workspace.retention_days)
                ORDER BY old.id LIMIT 200)
            RETURNING asset.workspace_id, asset.id
        ), told AS (
            INSERT INTO erasure (workspace_id, subject, subject_id, cause)
            SELECT outdated.workspace_id, 'asset', outdated.id, 'retention' FROM outdated
            ON CONFLICT DO NOTHING
        )
        SELECT outdated.workspace_id, outdated.id FROM outdated;
END
$$;

-- Whether a workspace may be erased: it is deleted and holds no video, or is gone already.
CREATE FUNCTION app.is_emptied(wanted uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT NOT EXISTS (SELECT FROM workspace WHERE id = wanted AND deleted_at IS NULL)
       AND NOT EXISTS (SELECT FROM asset WHERE workspace_id = wanted)
$$;

-- Deleted workspaces that hold no video any more.
CREATE FUNCTION app.emptied_workspaces(page integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT id FROM workspace WHERE deleted_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM asset WHERE asset.workspace_id = workspace.id)
    ORDER BY deleted_at LIMIT page
$$;
