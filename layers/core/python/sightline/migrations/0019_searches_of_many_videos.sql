-- What a search costs where a workspace holds many videos.

-- Which workspace we are in, asked once a statement: as a bare function it was asked once a row, which took
-- half the time of looking through 10,000 videos.
CREATE OR REPLACE FUNCTION app.protect(tenant_table regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format(
        'CREATE POLICY workspace_only ON %s USING (workspace_id = (SELECT app.workspace())) '
        'WITH CHECK (workspace_id = (SELECT app.workspace()))', tenant_table);
END
$$;

DO $$
DECLARE
    protected regclass;
BEGIN
    FOR protected IN
        SELECT polrelid FROM pg_policy
         WHERE polname = 'workspace_only'
           AND pg_get_expr(polqual, polrelid) = '(workspace_id = app.workspace())'
    LOOP
        EXECUTE format(
            'ALTER POLICY workspace_only ON %s USING (workspace_id = (SELECT app.workspace())) '
            'WITH CHECK (workspace_id = (SELECT app.workspace()))', protected);
    END LOOP;
END
$$;

-- random_page_cost: two hundred hits are joined with their videos by index, not by reading every video.
CREATE OR REPLACE FUNCTION app.rank_with(path text, ef_search integer) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    by_plan text := CASE path WHEN 'hnsw' THEN 'off' ELSE 'on' END;
BEGIN
    PERFORM set_config('jit', 'off', true),
            set_config('hnsw.iterative_scan', 'relaxed_order', true),
            set_config('hnsw.ef_search', ef_search::text, true),
            set_config('random_page_cost', '1.1', true),
            set_config('enable_seqscan', by_plan, true),
            set_config('enable_sort', by_plan, true);
END
$$;
