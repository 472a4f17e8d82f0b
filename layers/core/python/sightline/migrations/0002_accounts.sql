-- Users, workspaces, who belongs to which, API keys; and what guards every request.

CREATE TABLE user_account (
    id uuid PRIMARY KEY,               -- the identity provider's subject
    email text NOT NULL,
    name text NOT NULL DEFAULT '',
    preferences jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(preferences) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX user_account_email ON user_account (lower(email));

CREATE TABLE workspace (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);

CREATE TABLE member (
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX member_user ON member (user_id);

CREATE TABLE api_key (
    id uuid PRIMARY KEY DEFAULT app.uuid7(),
    workspace_id uuid NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    -- SHA-256 of 256 random bits: nothing slower is needed against guessing.
    key_hash bytea NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    hint text NOT NULL,                -- the key's first characters, to tell keys apart
    role text NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
    scopes text[] NOT NULL,
    created_by uuid REFERENCES user_account (id) ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_key_workspace ON api_key (workspace_id, id);

CREATE TABLE idempotency (
    key_hash bytea PRIMARY KEY CHECK (length(key_hash) = 32),
    workspace_id uuid REFERENCES workspace (id) ON DELETE CASCADE,
    request_hash bytea NOT NULL,
    status integer,                    -- null while the request is being worked on
    body jsonb,                        -- null when the answer carried a secret
    claimed_until timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX idempotency_expires ON idempotency (expires_at);

CREATE TABLE rate_limit (
    subject text NOT NULL,
    bucket text NOT NULL,
    free_at timestamptz NOT NULL,      -- when the calls made so far are paid off
    PRIMARY KEY (subject, bucket)
);
CREATE INDEX rate_limit_free_at ON rate_limit (free_at);

SELECT app.protect('member');
SELECT app.protect('api_key');

ALTER TABLE workspace ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspace_only ON workspace
    USING (id = app.workspace()) WITH CHECK (id = app.workspace());

-- A request that is about no workspace keeps its answer outside all of them.
ALTER TABLE idempotency ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspace_only ON idempotency
    USING (workspace_id IS NOT DISTINCT FROM app.workspace())
    WITH CHECK (workspace_id IS NOT DISTINCT FROM app.workspace());

-- Everybody sees their own account, and the accounts of those they share the entered workspace with.
ALTER TABLE user_account ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON user_account USING (id = app.user_id()) WITH CHECK (id = app.user_id());
CREATE POLICY colleagues ON user_account FOR SELECT USING (EXISTS (
    SELECT FROM member WHERE member.user_id = user_account.id AND member.workspace_id = app.workspace()
));

-- rate_limit is written through app.take_rate only.
REVOKE ALL ON rate_limit FROM sightline_app;
-- Rows are marked deleted by the application and removed by their purge.
REVOKE DELETE ON workspace FROM sightline_app;

-- What crosses workspaces does so through the narrow functions below, which run as the owner.

CREATE FUNCTION app.membership(member_user uuid, member_workspace uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT member.role FROM member JOIN workspace ON workspace.id = member.workspace_id
    WHERE member.user_id = member_user AND member.workspace_id = member_workspace
      AND workspace.deleted_at IS NULL
$$;

CREATE FUNCTION app.memberships(member_user uuid)
RETURNS TABLE (id uuid, name text, role text, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT workspace.id, workspace.name, member.role, workspace.created_at
    FROM member JOIN workspace ON workspace.id = member.workspace_id
    WHERE member.user_id = member_user AND workspace.deleted_at IS NULL
    ORDER BY workspace.id
$$;

-- Finds a usable key by its hash; notes its use at most once a minute, so that reading does not mean writing.
CREATE FUNCTION app.key_principal(hash bytea)
RETURNS TABLE (id uuid, workspace_id uuid, role text, scopes text[], key_hash bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE api_key SET last_used_at = now()
    WHERE api_key.key_hash = hash AND api_key.revoked_at IS NULL
      AND (api_key.last_used_at IS NULL OR api_key.last_used_at < now() - interval '1 minute');
    RETURN QUERY
        SELECT api_key.id, api_key.workspace_id, api_key.role, api_key.scopes, api_key.key_hash
        FROM api_key JOIN workspace ON workspace.id = api_key.workspace_id
        WHERE api_key.key_hash = hash AND api_key.revoked_at IS NULL
          AND (api_key.expires_at IS NULL OR api_key.expires_at > now())
          AND workspace.deleted_at IS NULL;
END
$$;

-- A user and, the first time, a workspace of their own.
CREATE FUNCTION app.provision_user(new_id uuid, new_email text, new_name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    made uuid;
BEGIN
    INSERT INTO user_account (id, email, name) VALUES (new_id, new_email, new_name)
    ON CONFLICT (id) DO UPDATE SET email = excluded.email WHERE user_account.email <> excluded.email
    RETURNING user_account.id INTO made;
    IF EXISTS (SELECT FROM member WHERE user_id = new_id) OR made IS NULL THEN
        RETURN false;
    END IF;
    PERFORM app.create_workspace(new_id, 'Personal');
    RETURN true;
END
$$;

CREATE FUNCTION app.create_workspace(creator uuid, workspace_name text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    made uuid;
BEGIN
    INSERT INTO workspace (name) VALUES (workspace_name) RETURNING id INTO made;
    INSERT INTO member (workspace_id, user_id, role) VALUES (made, creator, 'admin');
    RETURN made;
END
$$;

-- The account with this address, to add it to the entered workspace: its id and nothing else.
CREATE FUNCTION app.user_by_email(address text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT id FROM user_account WHERE lower(email) = lower(address) ORDER BY created_at LIMIT 1
$$;

-- Workspaces that others use and that would have no admin left without this user. Everybody in them is locked,
-- so that two admins who leave at once wait for each other.
CREATE FUNCTION app.workspaces_held_by(leaving uuid) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM member
    WHERE workspace_id IN (SELECT mine.workspace_id FROM member mine WHERE mine.user_id = leaving)
    ORDER BY workspace_id, user_id FOR UPDATE;
    RETURN QUERY
        SELECT mine.workspace_id
        FROM member mine JOIN workspace ON workspace.id = mine.workspace_id
        JOIN member other ON other.workspace_id = mine.workspace_id AND other.user_id <> leaving
        WHERE mine.user_id = leaving AND mine.role = 'admin' AND workspace.deleted_at IS NULL
        GROUP BY mine.workspace_id
        HAVING bool_and(other.role <> 'admin');
END
$$;

-- Forgets a user; workspaces of theirs alone are marked deleted, and their data is purged by the sweep.
CREATE FUNCTION app.delete_user(leaving uuid) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
        UPDATE workspace SET deleted_at = now(), updated_at = now()
        WHERE deleted_at IS NULL
          AND EXISTS (SELECT FROM member WHERE member.workspace_id = workspace.id AND member.user_id = leaving)
          AND NOT EXISTS (SELECT FROM member WHERE member.workspace_id = workspace.id AND member.user_id <> leaving)
        RETURNING workspace.id;
    DELETE FROM user_account WHERE user_account.id = leaving;
END
$$;

-- Generic cell rate algorithm: each call costs 60/n seconds, at most a minute's worth ahead of time.
-- Answers 0, or the whole seconds to wait.
CREATE FUNCTION app.take_rate(caller text, of_bucket text, per_minute integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    cost interval := interval '1 minute' / per_minute;
    moment timestamptz := clock_timestamp();
    until timestamptz;
BEGIN
    DELETE FROM rate_limit WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM rate_limit WHERE free_at < moment - interval '1 hour' LIMIT 10 FOR UPDATE SKIP LOCKED));
    INSERT INTO rate_limit AS had (subject, bucket, free_at) VALUES (caller, of_bucket, moment + cost)
    ON CONFLICT (subject, bucket) DO UPDATE SET free_at = greatest(had.free_at, moment) + cost
    WHERE greatest(had.free_at, moment) + cost <= moment + interval '1 minute' + interval '1 millisecond';
    IF FOUND THEN
        RETURN 0;
    END IF;
    SELECT free_at INTO until FROM rate_limit WHERE subject = caller AND bucket = of_bucket;
    RETURN greatest(1, ceil(extract(epoch FROM until + cost - moment - interval '1 minute')))::integer;
END
$$;

-- Expired answers, removed in passing by the sweep.
CREATE FUNCTION app.forget_expired() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH gone AS (
        DELETE FROM idempotency WHERE key_hash IN (
            SELECT key_hash FROM idempotency WHERE expires_at < now() LIMIT 1000)
        RETURNING 1)
    SELECT count(*) FROM gone
$$;
