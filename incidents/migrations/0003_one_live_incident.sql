-- The software before could open several incidents for one rule and fingerprint. The newest stays as it is; the others
-- are resolved, each with a line that says so. No row is lost.
WITH older AS (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY rule_id, fingerprint ORDER BY created_at DESC, id DESC) AS place
        FROM incidents
        WHERE status IN ('open', 'investigating') AND rule_id IS NOT NULL AND fingerprint IS NOT NULL
    ) ranked WHERE place > 1
), resolved AS (
    UPDATE incidents SET status = 'resolved', resolved_at = COALESCE(resolved_at, now())
    WHERE id IN (SELECT id FROM older) RETURNING id
)
INSERT INTO incident_events (incident_id, type, message)
SELECT id, 'resolved', 'Resolved on migration: a newer incident stands for the same rule and scope.' FROM resolved;

-- Timelines that name somebody who is not there any more keep their lines.
UPDATE incident_events e SET actor_user_id = NULL
WHERE actor_user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = e.actor_user_id);
