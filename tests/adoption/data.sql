-- What people have in running installations, traps among it. RECEIVER_URL and DEAD_URL are put in by the tests.
INSERT INTO orgs (id, name, created_at) VALUES
    ('10000000-0000-4000-8000-000000000001', 'Old Inc', '2025-01-01 08:00+00'),
    ('10000000-0000-4000-8000-000000000002', 'Other & Sons <script>', '2025-01-02 08:00+00');

-- Passwords: "correct horse 2a" (and 2b, 2y), and "long long long …", which was cut at 72 bytes.
INSERT INTO users (id, email, name, password_hash, created_at) VALUES
    ('20000000-0000-4000-8000-000000000001', 'Ada@Example.com', NULL,
     '$2a$04$d.bc4joxrUQzi1lgoUb4AeW5WFA5QNq7r2d0Wa6x8b4ZNfNzSefse', '2025-01-01 08:00+00'),
    ('20000000-0000-4000-8000-000000000002', 'twin@example.com', 'Twin', 
     '$2b$04$hqytemyNLLghuWPR40N35.LbwZMqeR3ZXLbR99WrC.QRxOK6atx/q', '2025-01-01 09:00+00'),
    ('20000000-0000-4000-8000-000000000003', 'Twin@Example.com', 'Other twin',
     '$2y$04$jmPRxV8Rh5HRCvm8ihtWm.q1rEC5tZF7kv7Wt0iV1ap/s4scE3rJm', '2025-01-01 10:00+00'),
    ('20000000-0000-4000-8000-000000000004', 'long@example.com', NULL,
     '$2b$04$XJly5PuVPrr3UGCyeREH/eKegk31kpRmDrOBZU2lbr5MFUNr2lAVC', '2025-01-01 11:00+00');
INSERT INTO org_members (org_id, user_id, role, created_at) VALUES
    ('10000000-0000-4000-8000-000000000001', '20000000-0000-4000-8000-000000000001', 'admin', '2025-01-01 08:00+00'),
    ('10000000-0000-4000-8000-000000000001', '20000000-0000-4000-8000-000000000002', 'developer', '2025-01-01 09:00+00'),
    ('10000000-0000-4000-8000-000000000001', '20000000-0000-4000-8000-000000000003', 'viewer', '2025-01-01 10:00+00'),
    ('10000000-0000-4000-8000-000000000002', '20000000-0000-4000-8000-000000000001', 'viewer', '2025-01-02 08:00+00');
-- The cookies: sixty-four characters, "c0" 32 times; and one that is over.
INSERT INTO sessions (id, user_id, session_token_hash, active_org_id, expires_at) VALUES
    ('30000000-0000-4000-8000-000000000001', '20000000-0000-4000-8000-000000000001',
     'cb8620ef43fe2ad198bf1ef6b12ea4b7bf3d2a660f82f4b36c096d125bd38363', '10000000-0000-4000-8000-000000000002',
     now() + interval '3 days'),
    ('30000000-0000-4000-8000-000000000002', '20000000-0000-4000-8000-000000000002', repeat('0', 64), NULL,
     now() - interval '1 day');

INSERT INTO services (id, org_id, name, description, repo_url, retention_days, created_by, created_at) VALUES
    ('40000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', 'api',
     '<script>alert(1)</script>', 'https://github.com/Old/api', 30, '20000000-0000-4000-8000-000000000001',
     '2025-01-03 08:00+00'),
    ('40000000-0000-4000-8000-000000000002', '10000000-0000-4000-8000-000000000002', 'web', NULL, NULL, 7, NULL,
     '2025-01-03 09:00+00');
INSERT INTO environments (id, service_id, name, created_at) VALUES
    ('50000000-0000-4000-8000-000000000001', '40000000-0000-4000-8000-000000000001', 'Production', '2025-01-03 08:01+00'),
    ('50000000-0000-4000-8000-000000000002', '40000000-0000-4000-8000-000000000001', 'staging', '2025-01-03 08:02+00'),
    ('50000000-0000-4000-8000-000000000003', '40000000-0000-4000-8000-000000000002', 'production', '2025-01-03 08:03+00');
-- The first key is "pol_" and "5a" 32 times, hashed with the salt "old-salt".
INSERT INTO api_keys (id, org_id, service_id, environment_id, key_hash, revoked_at, created_at) VALUES
    ('60000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001',
     '40000000-0000-4000-8000-000000000001', '50000000-0000-4000-8000-000000000001',
     'bb910e1ac3caf357ea8ebd486a4e3f959f9e4d02f3caa9b972a543f5d06a4685', NULL, '2025-01-04 08:00+00'),
    ('60000000-0000-4000-8000-000000000002', '10000000-0000-4000-8000-000000000001',
     '40000000-0000-4000-8000-000000000001', '50000000-0000-4000-8000-000000000002',
     repeat('f', 64), '2025-02-01 00:00+00', '2025-01-04 09:00+00');
INSERT INTO api_key_rate_buckets (api_key_id, window_start, count) VALUES
    ('60000000-0000-4000-8000-000000000001', '2025-03-01 10:00+00', 12);

INSERT INTO logs (org_id, service_id, environment_id, ts, level, message, meta_json, trace_id, request_id, created_at)
SELECT '10000000-0000-4000-8000-000000000001', '40000000-0000-4000-8000-000000000001',
    '50000000-0000-4000-8000-000000000001', now() - n * interval '1 hour',
    (ARRAY['debug', 'info', 'warn', 'error'])[1 + n % 4],
    CASE WHEN n = 7 THEN repeat('long ', 20000) ELSE 'line ' || n || ' <script>alert(1)</script> ünïcödé' END,
    CASE WHEN n % 3 = 0 THEN NULL ELSE jsonb_build_object('n', n) END, 'trace-' || n, NULL,
    now() - n * interval '1 hour'
FROM generate_series(1, 300) n;

INSERT INTO deployments (org_id, service_id, environment_id, status, commit_sha, commit_message, actor, url,
    started_at, finished_at, created_at)
SELECT '10000000-0000-4000-8000-000000000001', '40000000-0000-4000-8000-000000000001',
    '50000000-0000-4000-8000-000000000001', status, sha, 'Fix <b>it</b>', 'octocat',
    'https://github.com/Old/api/actions/runs/' || n, '2025-03-01 10:00+00', finished, '2025-03-01 10:00+00'
FROM (VALUES
    (1, 'success', repeat('a', 40), timestamptz '2025-03-01 10:05+00'),
    (2, 'fail', repeat('b', 40), '2025-03-01 10:06+00'),
    (3, 'in_progress', repeat('c', 40), NULL),
    (4, 'queued', NULL, NULL)) given (n, status, sha, finished);
INSERT INTO service_github_integrations (id, service_id, repo_owner, repo_name, environment_mapping) VALUES
    ('70000000-0000-4000-8000-000000000001', '40000000-0000-4000-8000-000000000001', 'Old', 'api',
     '{"main": "Production", "develop": "staging"}');

INSERT INTO alert_rules (id, org_id, service_id, environment_id, name, type, params_json, severity, cooldown_seconds)
VALUES
    (1, '10000000-0000-4000-8000-000000000001', '40000000-0000-4000-8000-000000000001',
     '50000000-0000-4000-8000-000000000001', 'Text', 'error_count', '{"threshold": "2", "windowMinutes": "15"}', 'high', 300),
    (2, '10000000-0000-4000-8000-000000000001', NULL, NULL, 'Everywhere', 'error_count', '{"threshold": 500}', 'low', 60),
    (3, '10000000-0000-4000-8000-000000000001', NULL, NULL, 'Zero', 'error_count',
     '{"threshold": 0, "windowMinutes": 30, "note": "kept"}', 'med', 300),
    (4, '10000000-0000-4000-8000-000000000001', NULL, NULL, 'Unreadable', 'error_count',
     '{"threshold": "a few"}', 'med', 300),
    (5, '10000000-0000-4000-8000-000000000001', NULL, NULL, 'Failed', 'deployment_failure', '{}', 'high', 300);
SELECT setval('alert_rules_id_seq', 5);
INSERT INTO alert_firings (rule_id, fired_at, fingerprint, last_notified_at) VALUES
    (1, '2025-03-01 10:00+00', 'error_count:40000000-0000-4000-8000-000000000001:50000000-0000-4000-8000-000000000001:15:2',
     '2025-03-01 10:00+00');
INSERT INTO incidents (id, org_id, service_id, environment_id, title, description, severity, status, source, fingerprint,
    rule_id, created_at, resolved_at)
SELECT n, '10000000-0000-4000-8000-000000000001', '40000000-0000-4000-8000-000000000001',
    '50000000-0000-4000-8000-000000000001', 'Alert: Text', NULL, 'high', status, 'alert', fingerprint, rule,
    '2025-03-01 10:00+00', resolved
FROM (VALUES
    (1, 'open', 'error_count:a', 1, NULL),
    (2, 'resolved', 'error_count:a', 1, timestamptz '2025-03-01 11:00+00'),
    (3, 'investigating', NULL, 99, NULL)) given (n, status, fingerprint, rule, resolved);
SELECT setval('incidents_id_seq', 3);
INSERT INTO incident_events (incident_id, actor_user_id, type, message, meta_json, created_at) VALUES
    (1, NULL, 'created', 'Opened by a rule', '{"count": 3}', '2025-03-01 10:00+00'),
    (1, '20000000-0000-4000-8000-000000000001', 'note', '<script>', NULL, '2025-03-01 10:01+00'),
    (1, '29999999-0000-4000-8000-000000000009', 'note', 'By somebody who is gone', NULL, '2025-03-01 10:02+00');

INSERT INTO notification_channels (id, org_id, type, config_json, enabled) VALUES
    ('80000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', 'slack',
     '{"webhookUrl": "RECEIVER_URL", "room": "#ops"}', true),
    ('80000000-0000-4000-8000-000000000002', '10000000-0000-4000-8000-000000000001', 'discord',
     '{"webhookUrl": "DEAD_URL"}', NULL);
INSERT INTO notification_jobs (id, org_id, type, payload_json, status, attempts, last_error, next_attempt_at) VALUES
    ('90000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', 'slack',
     '{"webhookUrl": "RECEIVER_URL", "event": "incident.created", "incidentId": 1, "title": "[HIGH] Text",
       "status": "open", "link": "http://localhost:3000/incidents/1", "context": "{\"count\": 3}"}',
     'pending', 0, NULL, now() - interval '1 hour'),
    ('90000000-0000-4000-8000-000000000002', '10000000-0000-4000-8000-000000000001', 'discord',
     '{"webhookUrl": "DEAD_URL", "event": "incident.created", "title": "[HIGH] Text", "status": "open",
       "link": "http://localhost:3000/incidents/1"}', 'pending', 4, 'fetch failed', now() - interval '1 hour'),
    ('90000000-0000-4000-8000-000000000003', '10000000-0000-4000-8000-000000000002', 'slack',
     '{"webhookUrl": "https://hooks.slack.com/services/gone", "title": "x"}', 'pending', 1, NULL, now()),
    ('90000000-0000-4000-8000-000000000004', '10000000-0000-4000-8000-000000000001', 'slack',
     '{"webhookUrl": "RECEIVER_URL", "event": "incident.updated", "title": "sent before"}', 'sent', 1, NULL, now());

INSERT INTO audit_logs (org_id, actor_user_id, action, target_type, target_id, meta_json, created_at) VALUES
    ('10000000-0000-4000-8000-000000000001', '20000000-0000-4000-8000-000000000001', 'service.created', 'service',
     '40000000-0000-4000-8000-000000000001', '{"name": "api"}', '2025-01-03 08:00+00'),
    ('19999999-0000-4000-8000-000000000009', '20000000-0000-4000-8000-000000000001', 'org.created', 'org', NULL, NULL,
     '2025-01-01 07:00+00'),
    ('10000000-0000-4000-8000-000000000001', '29999999-0000-4000-8000-000000000009', 'member.joined', 'user', NULL, NULL,
     '2025-01-01 07:30+00');
INSERT INTO cron_runs (name, org_id, status, started_at, finished_at, meta_json, created_at) VALUES
    ('rules.evaluate', NULL, 'success', '2025-03-01 10:00+00', '2025-03-01 10:00:01.5+00', '{"evaluated": 5}',
     '2025-03-01 10:00+00'),
    ('logs.cleanup', '10000000-0000-4000-8000-000000000001', 'success', '2025-03-01 11:00+00', NULL, NULL,
     '2025-03-01 11:00+00');
