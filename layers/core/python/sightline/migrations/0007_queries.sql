-- Composed queries: what videos are called and when they were taken, searches that can be gone on with,
-- and answers that are kept until something changes.

-- When the first frame was captured; unknown for most uploads.
ALTER TABLE asset ADD COLUMN captured_at timestamptz;
CREATE INDEX asset_captured ON asset (workspace_id, captured_at) WHERE captured_at IS NOT NULL;

-- The words a video can be found by. File names hold words that the parser would take for hosts and paths,
-- so everything between letters and digits is a space; titles weigh most, then tags, then notes.
CREATE FUNCTION app.words_of(title text, tags text[], metadata jsonb) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT setweight(to_tsvector('pg_catalog.english', regexp_replace(title, '[^[:alnum:]]+', ' ', 'g')), 'A')
        || setweight(to_tsvector('pg_catalog.english',
             regexp_replace(array_to_string(tags, ' '), '[^[:alnum:]]+', ' ', 'g')), 'B')
        || setweight(to_tsvector('pg_catalog.english', coalesce(left(metadata ->> 'notes', 100000), '')), 'C')
$$;
ALTER TABLE asset ADD COLUMN words tsvector
    GENERATED ALWAYS AS (app.words_of(name, tags, metadata)) STORED;
CREATE INDEX asset_words ON asset USING gin (words);

-- A search keeps its question and the vectors it came to, so that it can be paged through, refined and acted on
-- without asking the model again. session_id: the search that began it all; its own id when it refines none.
ALTER TABLE search
    ALTER COLUMN text DROP NOT NULL,
    -- None where nothing was indexed with the model yet.
    ALTER COLUMN query_vector DROP NOT NULL,
    ADD COLUMN request jsonb,
    ADD COLUMN composed jsonb,
    ADD COLUMN session_id uuid,
    ADD COLUMN found boolean,
    ADD COLUMN best double precision,
    ADD COLUMN cached boolean NOT NULL DEFAULT false;
UPDATE search SET session_id = id;
CREATE INDEX search_session ON search (workspace_id, session_id, id);

-- Vectors of questions asked before, in any process: they are a workspace's own words, so they are its own rows.
CREATE TABLE question_vector (
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    model_id text NOT NULL,
    question_hash bytea NOT NULL,
    revision text NOT NULL,
    vector halfvec NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, model_id, question_hash)
);
CREATE INDEX question_vector_old ON question_vector (workspace_id, made_at);

-- Counts what changes answers: one row a workspace, raised at most once in a transaction.
CREATE TABLE data_version (
    workspace_id uuid PRIMARY KEY REFERENCES workspace (id) ON DELETE CASCADE,
    version bigint NOT NULL DEFAULT 1,
    raised_in xid8 NOT NULL DEFAULT pg_current_xact_id()
);

-- First pages as they were answered, good while the version stands.
CREATE TABLE kept_answer (
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    key bytea NOT NULL,
    version bigint NOT NULL,
    answer jsonb NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, key)
);
CREATE INDEX kept_answer_old ON kept_answer (workspace_id, made_at);

SELECT app.protect('question_vector');
SELECT app.protect('data_version');
SELECT app.protect('kept_answer');

CREATE FUNCTION app.raise_version(changed uuid) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO data_version AS had (workspace_id) VALUES (changed)
    ON CONFLICT (workspace_id) DO UPDATE SET version = had.version + 1, raised_in = pg_current_xact_id()
    WHERE had.raised_in <> pg_current_xact_id()
$$;

CREATE FUNCTION app.asset_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM app.raise_version(CASE TG_OP WHEN 'DELETE' THEN OLD.workspace_id ELSE NEW.workspace_id END);
    RETURN NULL;
END
$$;

-- What a search answers with: which videos there are, which run of theirs is shown, what they are called. How far
-- indexing is, which changes with every sheet, is none of it. A video without a shown run is in no answer.
CREATE TRIGGER asset_answers_changed AFTER UPDATE ON asset FOR EACH ROW
    WHEN ((OLD.ready_run, OLD.deleted_at, OLD.name, OLD.tags, OLD.metadata, OLD.captured_at)
          IS DISTINCT FROM
          (NEW.ready_run, NEW.deleted_at, NEW.name, NEW.tags, NEW.metadata, NEW.captured_at))
    EXECUTE FUNCTION app.asset_changed();
CREATE TRIGGER asset_answers_added AFTER INSERT ON asset FOR EACH ROW
    WHEN (NEW.ready_run IS NOT NULL) EXECUTE FUNCTION app.asset_changed();
CREATE TRIGGER asset_answers_removed AFTER DELETE ON asset FOR EACH ROW
    WHEN (OLD.ready_run IS NOT NULL AND OLD.deleted_at IS NULL) EXECUTE FUNCTION app.asset_changed();
