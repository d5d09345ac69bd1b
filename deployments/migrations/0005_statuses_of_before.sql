-- Old failures were learned of long ago: dated today they would set off every alert rule at once.
UPDATE deployments SET status_changed_at = coalesce(finished_at, created_at);

-- They came from GitHub's runs, and their address has the run's number. Known by it, a run that was under way ends where it
-- began. Attempts were not told apart.
UPDATE deployments d
SET source = 'workflow_run', run_id = newest.run::bigint, run_attempt = 1,
    certainty = CASE d.status WHEN 'success' THEN 1 WHEN 'failure' THEN 2 ELSE 0 END
FROM (
    SELECT DISTINCT ON (service_id, environment_id, run) id, run
    FROM (
        SELECT id, service_id, environment_id,
            substring(url FROM '^https://[^/]+/[^/]+/[^/]+/actions/runs/(\d{1,18})') AS run
        FROM deployments
    ) told
    WHERE run IS NOT NULL ORDER BY service_id, environment_id, run, id DESC
) newest
WHERE newest.id = d.id;
