-- A transaction whose loss in a crash of the database costs nobody anything need not wait for the disk: counts
-- of calls, what was asked, what is kept to answer sooner. In a function, because a top-level SET pins an RDS
-- Proxy session.
CREATE FUNCTION app.commit_at_ease() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
END
$$;
