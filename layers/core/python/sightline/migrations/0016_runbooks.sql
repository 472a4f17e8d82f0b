-- Runbooks in pieces that can be cited, questions about them, and what people thought of the answers.

-- One reading of files into a collection. Its payload waits here, so that it is erased with its workspace.
CREATE TABLE runbook_ingest (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    collection text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('files', 'zip', 'bucket')),
    place jsonb NOT NULL DEFAULT '{}',  -- of a bucket: bucket and prefix
    payload bytea,                      -- of files and a ZIP, until they are read
    keep_missing boolean NOT NULL,
    status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'working', 'done', 'failed', 'replaced')),
    added integer NOT NULL DEFAULT 0,
    changed integer NOT NULL DEFAULT 0,
    unchanged integer NOT NULL DEFAULT 0,
    deleted integer NOT NULL DEFAULT 0,
    refused jsonb NOT NULL DEFAULT '[]',  -- path and why
    failure_code text,
    failure_reason text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    handed_at timestamptz NOT NULL DEFAULT now(),  -- when it was last put on the queue
    finished_at timestamptz,
    CHECK ((failure_code IS NULL) = (failure_reason IS NULL))
);
CREATE INDEX runbook_ingest_list ON runbook_ingest (workspace_id, id DESC);

CREATE TABLE runbook (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    collection text NOT NULL,
    path text NOT NULL,
    title text NOT NULL,
    about text NOT NULL,                -- what it says it is about, and what it impairs
    impact text NOT NULL,
    content text NOT NULL,
    content_hash bytea NOT NULL,
    space text NOT NULL,                -- model and revision of the vectors
    named halfvec(384) NOT NULL,        -- of its title
    gist halfvec(384) NOT NULL,         -- of its title and what it is about
    words tsvector NOT NULL,            -- A: title, B: about, C: path and names in the text, D: the text
    read_by uuid NOT NULL,              -- the last reading that saw it: an older one changes nothing
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, collection, path)
);

CREATE INDEX runbook_words ON runbook USING gin (words);

CREATE TABLE runbook_chunk (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    runbook_id uuid NOT NULL REFERENCES runbook (id) ON DELETE CASCADE,
    place integer NOT NULL,             -- in its file, from 0
    headings text[] NOT NULL,
    text text NOT NULL,
    first_line integer NOT NULL,
    last_line integer NOT NULL,
    hash bytea NOT NULL,                -- of title, headings and text: what its vectors were made of
    vector halfvec(384) NOT NULL
);
CREATE INDEX runbook_chunk_place ON runbook_chunk (runbook_id, place);
CREATE INDEX runbook_chunk_workspace ON runbook_chunk (workspace_id);

-- Each sentence by itself: a long piece that says the right thing once is found by that.
CREATE TABLE runbook_sentence (
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    chunk_id uuid NOT NULL REFERENCES runbook_chunk (id) ON DELETE CASCADE,
    place integer NOT NULL,
    vector halfvec(384) NOT NULL,
    PRIMARY KEY (chunk_id, place)
);
CREATE INDEX runbook_sentence_workspace ON runbook_sentence (workspace_id);

CREATE TABLE copilot_answer (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    conversation uuid NOT NULL,         -- the incident's id, where one is asked about
    incident_id uuid REFERENCES incident (id) ON DELETE CASCADE,
    question text NOT NULL,
    status text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'working', 'answered', 'not_said', 'failed')),
    subject text NOT NULL DEFAULT '',   -- what the question was understood to be about
    writer text,
    notes text[] NOT NULL DEFAULT '{}', -- what was not as it should be: no model, another writer
    dropped integer NOT NULL DEFAULT 0, -- sentences that rested on nothing
    claimed_until timestamptz,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    handed_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX copilot_answer_conversation ON copilot_answer (workspace_id, conversation, id DESC);

-- citations: runbook, path, heading, lines and the words themselves, as they were when they were cited.
CREATE TABLE copilot_sentence (
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    answer_id uuid NOT NULL REFERENCES copilot_answer (id) ON DELETE CASCADE,
    no integer NOT NULL,
    text text NOT NULL,
    citations jsonb NOT NULL,
    PRIMARY KEY (answer_id, no)
);

CREATE TABLE copilot_feedback (
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    answer_id uuid NOT NULL REFERENCES copilot_answer (id) ON DELETE CASCADE,
    given_by text NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('useful', 'wrong')),
    note text NOT NULL DEFAULT '',
    given_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (answer_id, given_by)
);
CREATE INDEX copilot_feedback_list ON copilot_feedback (workspace_id, given_at DESC);

SELECT app.protect('runbook_ingest');
SELECT app.protect('runbook');
SELECT app.protect('runbook_chunk');
SELECT app.protect('runbook_sentence');
SELECT app.protect('copilot_answer');
SELECT app.protect('copilot_sentence');
SELECT app.protect('copilot_feedback');
