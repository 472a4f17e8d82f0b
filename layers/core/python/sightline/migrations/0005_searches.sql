-- Every search asked: what, with which model and plan, how many moments, how long it took.

CREATE TABLE search (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    asked_by text NOT NULL,             -- a user's id, or an API key's
    text text NOT NULL,
    filters jsonb NOT NULL,
    model_id text NOT NULL,
    revision text NOT NULL,
    -- What was ranked by: the pages that follow rank by the same, whatever the model then answers.
    query_vector halfvec NOT NULL,
    path text NOT NULL CHECK (path IN ('exact', 'hnsw')),
    matching bigint NOT NULL,
    candidates integer NOT NULL,
    complete boolean NOT NULL,
    moments integer NOT NULL,
    embed_ms double precision NOT NULL,
    sql_ms double precision NOT NULL,
    total_ms double precision NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX search_recent ON search (workspace_id, id DESC);

SELECT app.protect('search');
