//! Rows that are hard to move: every column of every table with a value and, where it is allowed,
//! with NULL; the ends of every range; text of every kind.

/// Rows for a migrated database without seeds. Ids have gaps, and the greatest id of some tables
/// has been deleted.
pub const FILLED: &str = r#"
CREATE TEMP VIEW hard AS SELECT
    '0000-01-01 00:00:00.000000' AS first, '9999-12-31 23:59:59.999999' AS last,
    'e' || char(769) || ' é 𝔘𝕟𝕚 🦀👩‍👩‍👧 שלום ' || char(65279, 65535, 1114111, 1, 127, 133) || '\ '' " % _' AS words,
    '{"nul":"\u0000", "lone":"\ud800","big":123456789012345678901234567890.5e400,
      "same":1,"same":2,"é":"🦀" }' AS json,
    printf('%064d', 7) AS hash, '$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo' AS phc,
    replace(hex(zeroblob(60000)), '00', 'e' || char(769) || '🦀 and so on;') AS long;

INSERT INTO roles SELECT 1, 'all', words, words, 1, 1, first, last, 1 FROM hard;
INSERT INTO roles SELECT 7, 'none', NULL, NULL, 0, 0, last, first, NULL FROM hard;
INSERT INTO permissions SELECT 1, 'p', words, '', 'r', '*', 1, first FROM hard;
INSERT INTO permissions SELECT -5, 'q', NULL, NULL, 'r', 'a', 0, last FROM hard;
INSERT INTO role_permissions SELECT 9223372036854775807, 1, 1, first, 1 FROM hard;
INSERT INTO role_permissions SELECT -9223372036854775808, 7, -5, last, NULL FROM hard;

INSERT INTO users SELECT 1, '00000000-0000-7000-8000-000000000001', 'ann', 'a@b', phc, 'argon2id', 1,
    words, '', words, 'UTC', 'en', first, last, first, last, last, 1, 1, first, 2147483647, last, 1, 1,
    words, '["a"]', 1, 2147483647, 1, 1, json FROM hard;
INSERT INTO users SELECT 2, '00000000-0000-7000-8000-000000000002', '🦀', '🦀@b', '$2b$x', 'bcrypt', 7,
    NULL, NULL, NULL, 'UTC', 'en', last, first, NULL, first, NULL, 0, 0, NULL, 0, NULL, 0, 0,
    NULL, NULL, 0, 1, NULL, NULL, '{}' FROM hard;
INSERT INTO users SELECT 9, '00000000-0000-7000-8000-000000000009', 'gone', 'g@b', phc, 'argon2id', 1,
    NULL, NULL, NULL, 'UTC', 'en', last, first, NULL, first, NULL, 0, 0, NULL, 0, NULL, 0, 0,
    NULL, NULL, 0, 1, NULL, NULL, '{}' FROM hard;
DELETE FROM users WHERE id = 9;

INSERT INTO user_sessions SELECT 1, 's', 1, hash, '::1', words, first, last, last, last, 0, last,
    words, json FROM hard;
INSERT INTO user_sessions SELECT 2, 't', 2, printf('%064d', 8), NULL, NULL, first, first, first, first,
    1, NULL, NULL, NULL FROM hard;
INSERT INTO password_history SELECT 1, 1, phc, 'argon2id', first FROM hard;
INSERT INTO api_keys SELECT 1, '00000000-0000-7000-8000-000000000001', 1, words, hash, 'é🦀', '["é"]', last,
    9223372036854775807, 0, last, first, 1, last, 2, json FROM hard;
INSERT INTO api_keys SELECT 2, '00000000-0000-7000-8000-000000000002', 1, 'k', printf('%064d', 8), 'z', '[]',
    NULL, 0, 1, NULL, last, NULL, NULL, NULL, '[]' FROM hard;

INSERT INTO chat_sessions SELECT 1, '00000000-0000-7000-8000-000000000001', 1, words, words, first, last,
    last, 1, 1, words, last, 9223372036854775807, 9223372036854775807, json FROM hard;
INSERT INTO chat_sessions SELECT 2, '00000000-0000-7000-8000-000000000002', 2, NULL, NULL, last, first,
    NULL, 0, 0, NULL, NULL, 0, 0, 'null' FROM hard;
INSERT INTO chat_history SELECT 1, 1, 1, '00000000-0000-7000-8000-000000000001', NULL, '', 'user', NULL,
    NULL, first, NULL, NULL, 0, NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, '{}' FROM hard;
INSERT INTO chat_history SELECT 2, 1, 1, '00000000-0000-7000-8000-000000000002',
    '00000000-0000-7000-8000-000000000001', long, 'assistant', words, words, last, 2147483647, 2147483647,
    1, last, 2, 1, 2147483647, last, 5, words, json, json, json FROM hard;

INSERT INTO documents SELECT 1, '00000000-0000-7000-8000-000000000001', 1, words, words, words,
    9223372036854775807, hash, 'a/b', 'uploaded', 'completed', 2147483647, 9223372036854775807, first, last,
    first, last, last, 9223372036854775807, 1, 1, '["🦀"]', json, words FROM hard;
INSERT INTO documents SELECT 2, '00000000-0000-7000-8000-000000000002', 1, 'f', 'f', 'f', 0, hash, 'a/b',
    'uploading', 'pending', 0, 0, last, NULL, NULL, NULL, NULL, 0, 0, 0, '[]', '{}', NULL FROM hard;
INSERT INTO document_chunks SELECT 1, '00000000-0000-7000-8000-000000000001', 1, 2147483647, words, hash,
    2147483647, 2147483647, words, words, words, words, first, json FROM hard;
INSERT INTO document_chunks SELECT 2, '00000000-0000-7000-8000-000000000002', 1, 0, '', hash, 0, NULL, NULL,
    't', NULL, NULL, last, '{}' FROM hard;
INSERT INTO file_storage SELECT 1, '00000000-0000-7000-8000-000000000001', 1, words, words, words,
    9223372036854775807, 'a/b', hash, 'encrypted', 'zstd', json, words, first, last, 9223372036854775807, 1,
    last, json FROM hard;
INSERT INTO file_storage SELECT 2, '00000000-0000-7000-8000-000000000002', NULL, 's3', 'p', 'f', 0, 'a/b', hash,
    'none', 'none', '{}', NULL, last, first, 0, 0, NULL, '{}' FROM hard;

INSERT INTO system_settings SELECT 1, 'A', words, 'string', words, 0, 1, words, words, first, last, 1
    FROM hard;
INSERT INTO system_settings SELECT 2, 'B', NULL, 'integer', NULL, 1, 0, NULL, 'c', last, first, NULL
    FROM hard;
INSERT INTO system_settings SELECT 3, 'C', json, 'json', '', 0, 0, NULL, 'c', last, first, NULL FROM hard;
INSERT INTO user_preferences SELECT 1, 1, 'A', words, 'string', words, first, last FROM hard;
INSERT INTO user_preferences SELECT 2, 1, 'B', NULL, 'float', 'c', last, first FROM hard;

-- Its ids leave gaps, and the last is as far from its seq as it may be.
INSERT INTO audit_log SELECT 3, 1, '00000000-0000-7000-8000-000000000001', 1, words, 's', 't', 'c', words,
    words, 'a', words, '::1', words, first, 'info', 1, words, json, json, json, printf('%064d', 0),
    printf('%064d', 1) FROM hard;
INSERT INTO audit_log SELECT 1000000000000002, 2, '00000000-0000-7000-8000-000000000002', NULL, NULL, NULL, 't', 'c', NULL,
    NULL, 'a', NULL, NULL, NULL, last, 'critical', 0, NULL, NULL, NULL, '{}', printf('%064d', 1),
    printf('%064d', 2) FROM hard;
INSERT INTO security_events SELECT 1, '00000000-0000-7000-8000-000000000001', 1, 't', words, 'error', '::1',
    words, first, json, 1, last, 2, words FROM hard;
INSERT INTO security_events SELECT 2, '00000000-0000-7000-8000-000000000002', NULL, 't', NULL, 'debug', NULL,
    NULL, last, NULL, 0, NULL, NULL, NULL FROM hard;

INSERT INTO notifications SELECT 1, '00000000-0000-7000-8000-000000000001', 1, words, words, 'info', words, 10,
    1, last, words, words, last, first, last, json FROM hard;
INSERT INTO notifications SELECT 2, '00000000-0000-7000-8000-000000000002', 1, 't', '', 'system', 'c', 0,
    0, NULL, NULL, NULL, NULL, last, first, '{}' FROM hard;
INSERT INTO system_health SELECT 1, words, 'healthy', first, last, 2147483647, json, words, 2147483647,
    2147483647, 1, first FROM hard;
INSERT INTO system_health SELECT 2, 'c', 'unknown', last, NULL, 1, '{}', NULL, 0, 1, 0, last FROM hard;
INSERT INTO backup_jobs SELECT 1, '00000000-0000-7000-8000-000000000001', 'full', 'completed', first, last,
    words, 9223372036854775807, 1.7976931348623157e308, 'verified', words, words, 2147483647, json FROM hard;
INSERT INTO backup_jobs SELECT 2, '00000000-0000-7000-8000-000000000002', 'incremental', 'failed', last, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, 1, '{}' FROM hard;
INSERT INTO system_metrics (id, metric_name, metric_value, metric_unit, metric_type, component, timestamp,
    tags, metadata)
SELECT column1, words, column2, 'é🦀', 'gauge', words, first, '{"é":"\u0000"}', json
FROM hard, (VALUES (-9223372036854775808, 1.7976931348623157e308), (-1, -1.7976931348623157e308),
    (0, 5e-324), (1, -5e-324), (2, 2.2250738585072014e-308), (3, -0.0), (4, 0.1), (5, 9007199254740993),
    (6, 1e15), (7, 123456789.12345679), (9223372036854775807, 2.225073858507201e-308));
INSERT INTO system_metrics SELECT 8, 'm', 0, NULL, 'timer', NULL, last, '{}', '{}' FROM hard;
DROP VIEW hard;
"#;

/// Query whether a column has a value in any row. `{column}` and `{table}` are placeholders, as in
/// [`EVER_NULL`].
pub const EVER_FILLED: &str =
    "SELECT EXISTS (SELECT 1 FROM \"{table}\" WHERE \"{column}\" IS NOT NULL)";
pub const EVER_NULL: &str = "SELECT EXISTS (SELECT 1 FROM \"{table}\" WHERE \"{column}\" IS NULL)";
