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

UPDATE notification_jobs SET status = 'failed', last_error = 'The channel of this message is not there any more.'
WHERE channel_id IS NULL AND status IN ('pending', 'processing');

-- Nobody who was sending then is sending now.
UPDATE notification_jobs SET status = 'pending' WHERE status = 'processing';
UPDATE notification_jobs SET attempts = 0 WHERE attempts IS NULL;
UPDATE notification_channels SET enabled = true WHERE enabled IS NULL;
