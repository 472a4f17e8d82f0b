-- What every table stands on: ids, the workspace a transaction is in, and who may do what.

CREATE EXTENSION IF NOT EXISTS vector;

-- Nobody may run a function or make a table unless it is granted below or later.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON SCHEMA app FROM PUBLIC;

GRANT USAGE ON SCHEMA app, public TO sightline_app;
-- /ready compares what is applied with what the code expects.
GRANT SELECT ON app.migration TO sightline_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT EXECUTE ON FUNCTIONS TO sightline_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO sightline_app;

-- Settings are made inside a function, for the transaction only: a top-level SET pins an RDS Proxy session.
CREATE FUNCTION app.enter(workspace uuid, principal uuid DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('app.workspace_id', coalesce(workspace::text, ''), true),
            set_config('app.user_id', coalesce(principal::text, ''), true),
            -- API Gateway gives up after 30 s; nothing of ours in one statement needs as long.
            set_config('statement_timeout', '30s', true),
            set_config('lock_timeout', '10s', true);
END
$$;

CREATE FUNCTION app.workspace() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('app.workspace_id', true), '')::uuid
$$;

CREATE FUNCTION app.user_id() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('app.user_id', true), '')::uuid
$$;

-- UUIDv7 (RFC 9562, 5.7): 48 bits of Unix milliseconds, then randomness, so that ids sort by time.
-- gen_random_uuid() has version 4 = 0100; setting bits 52 and 53 makes it 0111.
CREATE FUNCTION app.uuid7() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(
        set_bit(
            set_bit(
                overlay(
                    uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6
                ), 52, 1
            ), 53, 1
        ), 'hex')::uuid
$$;

-- Row-level security as every tenant table has it: rows of the entered workspace, and no others.
CREATE FUNCTION app.protect(tenant_table regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format(
        'CREATE POLICY workspace_only ON %s USING (workspace_id = app.workspace()) '
        'WITH CHECK (workspace_id = app.workspace())', tenant_table);
END
$$;
REVOKE EXECUTE ON FUNCTION app.protect FROM sightline_app;
