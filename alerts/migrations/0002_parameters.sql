-- Other software called the window `windowMinutes` and wrote numbers as text. There a parameter that was zero, empty or
-- null counted as missing, so its default held, as it does here. What is no number stays, and is reported.
WITH given AS (
    SELECT r.id, r.params_json, p.key AS old_key, p.value,
        CASE WHEN p.key = 'windowMinutes' AND NOT r.params_json ? 'window_minutes' THEN 'window_minutes' ELSE p.key END AS key
    FROM alert_rules r, jsonb_each(r.params_json) p
    WHERE jsonb_typeof(r.params_json) = 'object'
), read AS (
    SELECT id, params_json, key, old_key,
        CASE
            WHEN key NOT IN ('threshold', 'window_minutes') THEN value
            WHEN value IN ('0', '""', 'null', 'false') THEN NULL
            WHEN jsonb_typeof(value) = 'string' AND value #>> '{}' ~ '^\s*\d{1,9}\s*$'
                THEN to_jsonb(trim(value #>> '{}')::integer)
            ELSE value
        END AS value
    FROM given
), mapped AS (
    SELECT id, params_json AS old, coalesce(jsonb_object_agg(key, value) FILTER (WHERE value IS NOT NULL), '{}') AS new
    FROM read GROUP BY id, params_json
), noted AS (
    INSERT INTO adoption_notes (table_name, row_key, column_name, old_value, note)
    SELECT 'alert_rules', id::text, 'params_json', old::text, 'Its parameters are ' || new::text
    FROM mapped WHERE new <> old
)
UPDATE alert_rules r SET params_json = mapped.new FROM mapped WHERE mapped.id = r.id AND mapped.new <> r.params_json;
