-- What other software left: the webhook's address under another key, and jobs that name the kind of channel instead of
-- the event and carry the address themselves.
UPDATE notification_channels
SET config_json = (config_json - 'webhookUrl') || jsonb_build_object('webhook_url', config_json ->> 'webhookUrl')
WHERE jsonb_typeof(config_json) = 'object' AND config_json ? 'webhookUrl' AND NOT config_json ? 'webhook_url';

UPDATE notification_jobs j
SET channel_id = (
    SELECT c.id FROM notification_channels c
    WHERE c.org_id = j.org_id
        AND c.config_json ->> 'webhook_url' = COALESCE(j.payload_json ->> 'webhookUrl', j.payload_json ->> 'webhook_url')
    ORDER BY c.created_at LIMIT 1
)
WHERE j.channel_id IS NULL AND jsonb_typeof(j.payload_json) = 'object';

-- An event that is not one of ours keeps its word; one without any is an incident that opened.
UPDATE notification_jobs
SET type = left(COALESCE(NULLIF(payload_json ->> 'event', ''), 'incident.created'), 50)
WHERE type IN ('slack', 'discord') AND jsonb_typeof(payload_json) = 'object';

-- The links led to whatever machine wrote them; what they name is here.
WITH told AS (
    SELECT id, coalesce(payload_json ->> 'incidentId', substring(payload_json ->> 'link' FROM '/incidents/(\d+)')) AS incident
    FROM notification_jobs
    WHERE jsonb_typeof(payload_json) = 'object' AND payload_json ? 'webhookUrl' AND NOT payload_json ? 'path'
)
UPDATE notification_jobs j
SET payload_json = j.payload_json || jsonb_build_object('path', '/incidents/' || told.incident)
FROM told WHERE told.id = j.id AND told.incident ~ '^\d{1,18}$';

UPDATE notification_jobs SET status = 'failed', last_error = 'The channel of this message is not there any more.'
WHERE channel_id IS NULL AND status IN ('pending', 'processing');
UPDATE notification_jobs j SET status = 'failed', last_error = 'The channel of this message is switched off.'
FROM notification_channels c WHERE c.id = j.channel_id AND c.enabled = false AND j.status IN ('pending', 'processing');

-- Nobody who was sending then is sending now.
UPDATE notification_jobs SET status = 'pending' WHERE status = 'processing';
UPDATE notification_jobs SET attempts = 0 WHERE attempts IS NULL;
UPDATE notification_channels SET enabled = true WHERE enabled IS NULL;
