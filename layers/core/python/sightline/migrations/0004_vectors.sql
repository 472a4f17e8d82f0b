-- Vectors: one typed table per embedding space (model, dimension, modality), made on first use.

CREATE TABLE vector_space (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id   text NOT NULL CHECK (model_id <> ''),
    dim        integer NOT NULL CHECK (dim BETWEEN 1 AND 4000), -- what pgvector indexes as halfvec
    modality   text NOT NULL CHECK (modality <> ''),
    table_name text NOT NULL GENERATED ALWAYS AS ('points_' || id::text) STORED UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (model_id, modality, dim)
);
COMMENT ON TABLE vector_space IS
    'Which table holds the vectors of which model. Shared by all workspaces and holds nothing of theirs.';
REVOKE INSERT, UPDATE, DELETE ON vector_space FROM sightline_app;

-- Makes the table of one space. No foreign keys: adding one at run time would lock the asset table against
-- writers, and searches join the asset row anyway, so a point without one is never seen.
CREATE FUNCTION app.make_space_table(space vector_space) RETURNS void
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    EXECUTE format(
        'CREATE TABLE %I ('
        '    workspace_id uuid NOT NULL,'
        '    asset_id     uuid NOT NULL,'
        '    run          integer NOT NULL,'
        '    sheet_no     integer NOT NULL,'
        '    tile         smallint NOT NULL,'
        '    time_s       double precision NOT NULL,'
        '    embedding    halfvec(%s) NOT NULL,'
        '    PRIMARY KEY (workspace_id, asset_id, run, sheet_no, tile))',
        space.table_name, space.dim);
    -- A fixed pseudo-random order of each workspace's points: its first n are a uniform sample
    -- (a bottom-k sketch), which is what relevance is calibrated against.
    EXECUTE format(
        'CREATE INDEX %I ON %I (workspace_id, uuid_hash_extended(asset_id, (sheet_no::bigint << 16) + tile))',
        space.table_name || '_sample', space.table_name);
    PERFORM app.protect(space.table_name::regclass);
    EXECUTE format('REVOKE UPDATE ON %I FROM sightline_app', space.table_name);
END
$$;
REVOKE EXECUTE ON FUNCTION app.make_space_table FROM sightline_app;

-- The application role has no DDL; a space's table is the one thing it may cause to exist.
CREATE FUNCTION app.ensure_space(wanted_model text, wanted_dim integer, wanted_modality text)
RETURNS vector_space
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    space vector_space;
BEGIN
    SELECT * INTO space FROM vector_space
     WHERE (model_id, dim, modality) = (wanted_model, wanted_dim, wanted_modality);
    IF FOUND THEN
        RETURN space;
    END IF;
    -- Two first sheets of a new model may arrive at once: one makes the table, the other waits and finds it.
    PERFORM pg_advisory_xact_lock(hashtextextended('app.ensure_space', 0));
    SELECT * INTO space FROM vector_space
     WHERE (model_id, dim, modality) = (wanted_model, wanted_dim, wanted_modality);
    IF FOUND THEN
        RETURN space;
    END IF;
    INSERT INTO vector_space (model_id, dim, modality)
    VALUES (wanted_model, wanted_dim, wanted_modality) RETURNING * INTO space;
    PERFORM app.make_space_table(space);
    RETURN space;
END
$$;

-- How the statements that follow in this transaction rank. In a function because a top-level SET pins an RDS
-- Proxy session. hnsw: walk the graph in order of distance until enough rows pass the filters, and never sort
-- the whole table instead. Either way a compiled plan costs more than it saves.
CREATE FUNCTION app.rank_with(path text, ef_search integer) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    by_plan text := CASE path WHEN 'hnsw' THEN 'off' ELSE 'on' END;
BEGIN
    PERFORM set_config('jit', 'off', true),
            set_config('hnsw.iterative_scan', 'relaxed_order', true),
            set_config('hnsw.ef_search', ef_search::text, true),
            set_config('enable_seqscan', by_plan, true),
            set_config('enable_sort', by_plan, true);
END
$$;
