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

INSERT INTO roles (id, name, display_name, description, is_system_role, is_superuser, created_at, updated_at,
    created_by)
SELECT 1, 'all', words, words, 1, 1, first, last, 1 FROM hard;
INSERT INTO roles (id, name, display_name, description, is_system_role, is_superuser, created_at, updated_at,
    created_by)
SELECT 7, 'none', NULL, NULL, 0, 0, last, first, NULL FROM hard;
INSERT INTO permissions (id, name, display_name, description, resource, action, is_system_permission,
    created_at)
SELECT 1, 'p', words, '', 'r', '*', 1, first FROM hard;
INSERT INTO permissions (id, name, display_name, description, resource, action, is_system_permission,
    created_at)
SELECT -5, 'q', NULL, NULL, 'r', 'a', 0, last FROM hard;
INSERT INTO role_permissions (id, role_id, permission_id, granted_at, granted_by)
SELECT 9223372036854775807, 1, 1, first, 1 FROM hard;
INSERT INTO role_permissions (id, role_id, permission_id, granted_at, granted_by)
SELECT -9223372036854775808, 7, -5, last, NULL FROM hard;

INSERT INTO users (id, uuid, username, email, password_hash, password_algorithm, role_id, full_name,
    display_name, avatar_url, timezone, locale, created_at, updated_at, last_login, last_password_change,
    password_expires_at, is_active, is_verified, email_verified_at, failed_login_attempts, locked_until,
    must_change_password, two_factor_enabled, two_factor_secret, backup_codes, login_notification_enabled,
    session_timeout_minutes, created_by, updated_by, metadata)
SELECT 1, '00000000-0000-7000-8000-000000000001', 'ann', 'a@b', phc, 'argon2id', 1,
    words, '', words, 'UTC', 'en', first, last, first, last, last, 1, 1, first, 2147483647, last, 1, 1,
    words, '["a"]', 1, 2147483647, 1, 1, json FROM hard;
INSERT INTO users (id, uuid, username, email, password_hash, password_algorithm, role_id, full_name,
    display_name, avatar_url, timezone, locale, created_at, updated_at, last_login, last_password_change,
    password_expires_at, is_active, is_verified, email_verified_at, failed_login_attempts, locked_until,
    must_change_password, two_factor_enabled, two_factor_secret, backup_codes, login_notification_enabled,
    session_timeout_minutes, created_by, updated_by, metadata)
SELECT 2, '00000000-0000-7000-8000-000000000002', '🦀', '🦀@b', '$2b$x', 'bcrypt', 7,
    NULL, NULL, NULL, 'UTC', 'en', last, first, NULL, first, NULL, 0, 0, NULL, 0, NULL, 0, 0,
    NULL, NULL, 0, 1, NULL, NULL, '{}' FROM hard;
INSERT INTO users (id, uuid, username, email, password_hash, password_algorithm, role_id, full_name,
    display_name, avatar_url, timezone, locale, created_at, updated_at, last_login, last_password_change,
    password_expires_at, is_active, is_verified, email_verified_at, failed_login_attempts, locked_until,
    must_change_password, two_factor_enabled, two_factor_secret, backup_codes, login_notification_enabled,
    session_timeout_minutes, created_by, updated_by, metadata)
SELECT 9, '00000000-0000-7000-8000-000000000009', 'gone', 'g@b', phc, 'argon2id', 1,
    NULL, NULL, NULL, 'UTC', 'en', last, first, NULL, first, NULL, 0, 0, NULL, 0, NULL, 0, 0,
    NULL, NULL, 0, 1, NULL, NULL, '{}' FROM hard;
DELETE FROM users WHERE id = 9;

INSERT INTO user_sessions (id, session_id, user_id, token_hash, ip_address, user_agent, created_at,
    last_activity, idle_expires_at, expires_at, is_active, revoked_at, device_fingerprint, location_info)
SELECT 1, 's', 1, hash, '::1', words, first, last, last, last, 0, last,
    words, json FROM hard;
INSERT INTO user_sessions (id, session_id, user_id, token_hash, ip_address, user_agent, created_at,
    last_activity, idle_expires_at, expires_at, is_active, revoked_at, device_fingerprint, location_info)
SELECT 2, 't', 2, printf('%064d', 8), NULL, NULL, first, first, first, first,
    1, NULL, NULL, NULL FROM hard;
INSERT INTO password_history (id, user_id, password_hash, password_algorithm, created_at)
SELECT 1, 1, phc, 'argon2id', first FROM hard;
INSERT INTO api_keys (id, key_id, user_id, name, key_hash, key_prefix, scopes, last_used_at, usage_count,
    is_active, expires_at, created_at, created_by, revoked_at, revoked_by, metadata)
SELECT 1, '00000000-0000-7000-8000-000000000001', 1, words, hash, 'é🦀', '["é"]', last,
    9223372036854775807, 0, last, first, 1, last, 2, json FROM hard;
INSERT INTO api_keys (id, key_id, user_id, name, key_hash, key_prefix, scopes, last_used_at, usage_count,
    is_active, expires_at, created_at, created_by, revoked_at, revoked_by, metadata)
SELECT 2, '00000000-0000-7000-8000-000000000002', 1, 'k', printf('%064d', 8), 'z', '[]',
    NULL, 0, 1, NULL, last, NULL, NULL, NULL, '[]' FROM hard;

INSERT INTO chat_sessions (id, session_id, user_id, title, description, created_at, updated_at, last_message_at,
    is_archived, is_shared, share_token, share_expires_at, message_count, total_tokens, metadata)
SELECT 1, '00000000-0000-7000-8000-000000000001', 1, words, words, first, last,
    last, 1, 1, words, last, 9223372036854775807, 9223372036854775807, json FROM hard;
INSERT INTO chat_sessions (id, session_id, user_id, title, description, created_at, updated_at, last_message_at,
    is_archived, is_shared, share_token, share_expires_at, message_count, total_tokens, metadata)
SELECT 2, '00000000-0000-7000-8000-000000000002', 2, NULL, NULL, last, first,
    NULL, 0, 0, NULL, NULL, 0, 0, 'null' FROM hard;
INSERT INTO chat_history (id, chat_session_id, user_id, message_id, parent_message_id, message_content,
    message_type, model_name, provider, timestamp, token_count, processing_time_ms, is_deleted, deleted_at,
    deleted_by, is_edited, edit_count, last_edited_at, feedback_rating, feedback_comment, source_documents,
    retrieval_context, metadata)
SELECT 1, 1, 1, '00000000-0000-7000-8000-000000000001', NULL, '', 'user', NULL,
    NULL, first, NULL, NULL, 0, NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, '{}' FROM hard;
INSERT INTO chat_history (id, chat_session_id, user_id, message_id, parent_message_id, message_content,
    message_type, model_name, provider, timestamp, token_count, processing_time_ms, is_deleted, deleted_at,
    deleted_by, is_edited, edit_count, last_edited_at, feedback_rating, feedback_comment, source_documents,
    retrieval_context, metadata)
SELECT 2, 1, 1, '00000000-0000-7000-8000-000000000002',
    '00000000-0000-7000-8000-000000000001', long, 'assistant', words, words, last, 2147483647, 2147483647,
    1, last, 2, 1, 2147483647, last, 5, words, json, json, json FROM hard;

INSERT INTO documents (id, document_id, user_id, filename, original_filename, file_path, file_size, file_hash,
    mime_type, upload_status, processing_status, chunk_count, total_tokens, upload_started_at,
    upload_completed_at, processing_started_at, processing_completed_at, last_accessed_at, access_count,
    is_public, is_archived, tags, metadata, error_message)
SELECT 1, '00000000-0000-7000-8000-000000000001', 1, words, words, words,
    9223372036854775807, hash, 'a/b', 'uploaded', 'completed', 2147483647, 9223372036854775807, first, last,
    first, last, last, 9223372036854775807, 1, 1, '["🦀"]', json, words FROM hard;
INSERT INTO documents (id, document_id, user_id, filename, original_filename, file_path, file_size, file_hash,
    mime_type, upload_status, processing_status, chunk_count, total_tokens, upload_started_at,
    upload_completed_at, processing_started_at, processing_completed_at, last_accessed_at, access_count,
    is_public, is_archived, tags, metadata, error_message)
SELECT 2, '00000000-0000-7000-8000-000000000002', 1, 'f', 'f', 'f', 0, hash, 'a/b',
    'uploading', 'pending', 0, 0, last, NULL, NULL, NULL, NULL, 0, 0, 0, '[]', '{}', NULL FROM hard;
INSERT INTO document_chunks (id, chunk_id, document_id, chunk_index, content, content_hash, token_count,
    page_number, section_title, chunk_type, vector_id, embedding_model, created_at, metadata)
SELECT 1, '00000000-0000-7000-8000-000000000001', 1, 2147483647, words, hash,
    2147483647, 2147483647, words, words, words, words, first, json FROM hard;
INSERT INTO document_chunks (id, chunk_id, document_id, chunk_index, content, content_hash, token_count,
    page_number, section_title, chunk_type, vector_id, embedding_model, created_at, metadata)
SELECT 2, '00000000-0000-7000-8000-000000000002', 1, 0, '', hash, 0, NULL, NULL,
    't', NULL, NULL, last, '{}' FROM hard;
INSERT INTO file_storage (id, file_id, document_id, storage_type, storage_path, original_filename, file_size,
    mime_type, file_hash, encryption_status, compression_type, access_permissions, retention_policy, created_at,
    accessed_at, access_count, is_archived, archived_at, metadata)
SELECT 1, '00000000-0000-7000-8000-000000000001', 1, words, words, words,
    9223372036854775807, 'a/b', hash, 'encrypted', 'zstd', json, words, first, last, 9223372036854775807, 1,
    last, json FROM hard;
INSERT INTO file_storage (id, file_id, document_id, storage_type, storage_path, original_filename, file_size,
    mime_type, file_hash, encryption_status, compression_type, access_permissions, retention_policy, created_at,
    accessed_at, access_count, is_archived, archived_at, metadata)
SELECT 2, '00000000-0000-7000-8000-000000000002', NULL, 's3', 'p', 'f', 0, 'a/b', hash,
    'none', 'none', '{}', NULL, last, first, 0, 0, NULL, '{}' FROM hard;

INSERT INTO system_settings (id, key, value, value_type, description, is_secret, is_readonly, validation_rule,
    category, created_at, updated_at, updated_by)
SELECT 1, 'A', words, 'string', words, 0, 1, words, words, first, last, 1
    FROM hard;
INSERT INTO system_settings (id, key, value, value_type, description, is_secret, is_readonly, validation_rule,
    category, created_at, updated_at, updated_by)
SELECT 2, 'B', NULL, 'integer', NULL, 1, 0, NULL, 'c', last, first, NULL
    FROM hard;
INSERT INTO system_settings (id, key, value, value_type, description, is_secret, is_readonly, validation_rule,
    category, created_at, updated_at, updated_by)
SELECT 3, 'C', json, 'json', '', 0, 0, NULL, 'c', last, first, NULL FROM hard;
INSERT INTO user_preferences (id, user_id, key, value, value_type, category, created_at, updated_at)
SELECT 1, 1, 'A', words, 'string', words, first, last FROM hard;
INSERT INTO user_preferences (id, user_id, key, value, value_type, category, created_at, updated_at)
SELECT 2, 1, 'B', NULL, 'float', 'c', last, first FROM hard;

-- Its ids leave gaps, and the last is as far from its seq as it may be.
INSERT INTO audit_log (id, seq, event_id, user_id, actor_name, session_id, event_type, event_category,
    resource_type, resource_id, action, description, ip_address, user_agent, timestamp, severity, success,
    error_message, request_data, response_data, metadata, prev_hash, entry_hash)
SELECT 3, 1, '00000000-0000-7000-8000-000000000001', 1, words, 's', 't', 'c', words,
    words, 'a', words, '::1', words, first, 'info', 1, words, json, json, json, printf('%064d', 0),
    printf('%064d', 1) FROM hard;
INSERT INTO audit_log (id, seq, event_id, user_id, actor_name, session_id, event_type, event_category,
    resource_type, resource_id, action, description, ip_address, user_agent, timestamp, severity, success,
    error_message, request_data, response_data, metadata, prev_hash, entry_hash)
SELECT 1000000000000002, 2, '00000000-0000-7000-8000-000000000002', NULL, NULL, NULL, 't', 'c', NULL,
    NULL, 'a', NULL, NULL, NULL, last, 'critical', 0, NULL, NULL, NULL, '{}', printf('%064d', 1),
    printf('%064d', 2) FROM hard;
INSERT INTO security_events (id, event_id, user_id, event_type, event_subtype, severity, source_ip, user_agent,
    timestamp, details, resolved, resolved_at, resolved_by, investigation_notes)
SELECT 1, '00000000-0000-7000-8000-000000000001', 1, 't', words, 'error', '::1',
    words, first, json, 1, last, 2, words FROM hard;
INSERT INTO security_events (id, event_id, user_id, event_type, event_subtype, severity, source_ip, user_agent,
    timestamp, details, resolved, resolved_at, resolved_by, investigation_notes)
SELECT 2, '00000000-0000-7000-8000-000000000002', NULL, 't', NULL, 'debug', NULL,
    NULL, last, NULL, 0, NULL, NULL, NULL FROM hard;

INSERT INTO notifications (id, notification_id, user_id, title, message, type, category, priority, is_read,
    read_at, action_url, action_label, expires_at, created_at, updated_at, metadata)
SELECT 1, '00000000-0000-7000-8000-000000000001', 1, words, words, 'info', words, 10,
    1, last, words, words, last, first, last, json FROM hard;
INSERT INTO notifications (id, notification_id, user_id, title, message, type, category, priority, is_read,
    read_at, action_url, action_label, expires_at, created_at, updated_at, metadata)
SELECT 2, '00000000-0000-7000-8000-000000000002', 1, 't', '', 'system', 'c', 0,
    0, NULL, NULL, NULL, NULL, last, first, '{}' FROM hard;
INSERT INTO system_health (id, component, status, last_check, next_check, check_interval_seconds, metrics,
    error_details, consecutive_failures, max_failures, alert_sent, created_at)
SELECT 1, words, 'healthy', first, last, 2147483647, json, words, 2147483647,
    2147483647, 1, first FROM hard;
INSERT INTO system_health (id, component, status, last_check, next_check, check_interval_seconds, metrics,
    error_details, consecutive_failures, max_failures, alert_sent, created_at)
SELECT 2, 'c', 'unknown', last, NULL, 1, '{}', NULL, 0, 1, 0, last FROM hard;
INSERT INTO backup_jobs (id, job_id, backup_type, status, started_at, completed_at, backup_path, backup_size,
    compression_ratio, verification_status, error_message, triggered_by, retention_days, metadata)
SELECT 1, '00000000-0000-7000-8000-000000000001', 'full', 'completed', first, last,
    words, 9223372036854775807, 1.7976931348623157e308, 'verified', words, words, 2147483647, json FROM hard;
INSERT INTO backup_jobs (id, job_id, backup_type, status, started_at, completed_at, backup_path, backup_size,
    compression_ratio, verification_status, error_message, triggered_by, retention_days, metadata)
SELECT 2, '00000000-0000-7000-8000-000000000002', 'incremental', 'failed', last, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, 1, '{}' FROM hard;
INSERT INTO system_metrics (id, metric_name, metric_value, metric_unit, metric_type, component, timestamp,
    tags, metadata)
SELECT column1, words, column2, 'é🦀', 'gauge', words, first, '{"é":"\u0000"}', json
FROM hard, (VALUES (-9223372036854775808, 1.7976931348623157e308), (-1, -1.7976931348623157e308),
    (0, 5e-324), (1, -5e-324), (2, 2.2250738585072014e-308), (3, -0.0), (4, 0.1), (5, 9007199254740993),
    (6, 1e15), (7, 123456789.12345679), (9223372036854775807, 2.225073858507201e-308));
INSERT INTO system_metrics (id, metric_name, metric_value, metric_unit, metric_type, component, timestamp, tags,
    metadata)
SELECT 8, 'm', 0, NULL, 'timer', NULL, last, '{}', '{}' FROM hard;
DROP VIEW hard;
"#;

/// Query whether a column has a value in any row. `{column}` and `{table}` are placeholders, as in
/// [`EVER_NULL`].
pub const EVER_FILLED: &str =
    "SELECT EXISTS (SELECT 1 FROM \"{table}\" WHERE \"{column}\" IS NOT NULL)";
pub const EVER_NULL: &str = "SELECT EXISTS (SELECT 1 FROM \"{table}\" WHERE \"{column}\" IS NULL)";
