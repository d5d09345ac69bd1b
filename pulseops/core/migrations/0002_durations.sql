-- Other software wrote when a run began and ended; the documented table says how long it took.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'cron_runs'::regclass AND attname = 'finished_at') THEN
        UPDATE cron_runs SET duration_ms = least(round(extract(epoch FROM finished_at - started_at) * 1000), 2147483647)
        WHERE duration_ms IS NULL AND finished_at >= started_at;
        UPDATE cron_runs SET status = 'failure' WHERE status IN ('fail', 'failed', 'error');
    END IF;
END $$;
