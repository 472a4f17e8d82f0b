-- What was told of an incident that was withdrawn long ago goes like that of one that is over.
CREATE OR REPLACE FUNCTION app.forget_notifications(keep_days integer, page integer) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH gone AS (
        DELETE FROM notification_message WHERE id IN (
            SELECT old.id FROM notification_message old LEFT JOIN incident ON incident.id = old.incident_id
            WHERE old.created_at < now() - make_interval(days => keep_days)
              AND (old.incident_id IS NULL OR incident.status IN ('resolved', 'merged', 'gathering')
                   AND incident.updated_at < now() - make_interval(days => keep_days))
              AND NOT EXISTS (SELECT FROM notification waiting WHERE waiting.message_id = old.id
                              AND waiting.status IN ('pending', 'held', 'sending'))
            ORDER BY old.created_at LIMIT page FOR UPDATE OF old SKIP LOCKED)
        RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;
