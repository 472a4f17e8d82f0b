-- What answers are judged by, and what is done with all of a search's results.

-- What each model makes of our own generic captions; a question is held against them. Nothing of a workspace's.
CREATE TABLE caption_bank (
    model_id text NOT NULL,
    dim integer NOT NULL,
    captions_hash bytea NOT NULL,
    vectors halfvec[] NOT NULL,
    PRIMARY KEY (model_id, dim, captions_hash)
);
COMMENT ON TABLE caption_bank IS 'Vectors of the captions that ship with the code. Shared by all workspaces.';
REVOKE INSERT, UPDATE, DELETE ON caption_bank FROM sightline_app;

CREATE FUNCTION app.keep_captions(of_model text, of_dim integer, of_captions bytea, made halfvec[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO caption_bank (model_id, dim, captions_hash, vectors)
    VALUES (of_model, of_dim, of_captions, made) ON CONFLICT DO NOTHING
$$;

-- Work on every result of a search: found again video by video, so that any number of them fits.
CREATE TABLE search_action (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    search_id uuid NOT NULL REFERENCES search (id) ON DELETE CASCADE,
    asked_by text NOT NULL,
    action text NOT NULL CHECK (action IN ('tag', 'untag', 'delete')),
    tags text[] NOT NULL DEFAULT '{}',
    min_relevance double precision NOT NULL CHECK (min_relevance BETWEEN 0 AND 1),
    most integer CHECK (most > 0),
    status text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    -- Videos up to this one are done with; whoever takes the work up goes on after it.
    after_asset uuid,
    moments integer NOT NULL DEFAULT 0,
    videos integer NOT NULL DEFAULT 0,
    changed integer NOT NULL DEFAULT 0,
    fraction double precision NOT NULL DEFAULT 0,
    failure text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX search_action_of ON search_action (workspace_id, search_id, id DESC);
SELECT app.protect('search_action');
