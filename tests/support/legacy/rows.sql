-- Rows in every one of the sixteen tables, in the forms in which the former application wrote them.

INSERT INTO schema_version (version, applied_at, description, checksum) VALUES
    (1, '2025-09-08 18:55:49', 'Initial enterprise schema', 'ce27'),
    (1, '2025-09-08 18:57:33', 'Initial enterprise schema', 'ce27'),
    (1, '2025-09-08 19:06:50', 'Initial enterprise schema', 'ce27');

INSERT INTO roles (id, name, display_name, permissions, is_system_role, created_by) VALUES
    (1, 'super_admin', 'Super Administrator', '["*"]', TRUE, NULL),
    (2, 'administrator', 'Administrator', '["user_management", "audit_access"]', TRUE, NULL),
    (4, 'user', 'User', '["chat_access"]', TRUE, 1),
    (9, 'analyst', '', '["chat_access", "report_export"]', FALSE, 1);

INSERT INTO permissions (id, name, display_name, resource, action, is_system_permission) VALUES
    (5, 'user_management', 'User Management', 'users', '*', TRUE),
    (9, 'chat_access', 'Chat Access', 'chat', 'access', TRUE),
    (17, 'audit_access', 'Audit Access', 'audit', 'read', TRUE);

INSERT INTO users (id, uuid, username, email, password_hash, password_algorithm, salt, role_id,
    full_name, created_at, updated_at, last_login, is_active, is_verified, email_verified_at,
    failed_login_attempts, locked_until, backup_codes, created_by, metadata) VALUES
    (1, 'ac63a451-9f5f-459b-827e-cf19d12411cd', 'Admin', 'Admin@Zenith.Local', '{ADMIN}',
        'argon2id', NULL, 2, 'System Administrator', '2025-09-08 19:33:30', '2025-09-08 19:33:30',
        '2025-09-09T08:00:00.123456', 1, 1, '2025-09-08 19:33:30', 0, NULL, NULL, NULL, '{}'),
    (2, 'B0F1A451-9F5F-459B-827E-CF19D12411CE', 'ann', 'ann@example.com',
        'bcrypt:$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW', 'bcrypt', 'pepper',
        4, NULL, '2025-09-08T21:33:30+02:00', '2025-09-08 19:33:30.5', '', 'true', 'FALSE', NULL,
        '3', '2025-09-10 10:00:00Z', '["a"]', 1, '{"theme": "dark"}'),
    (7, 'c0f1a451-9f5f-459b-827e-cf19d12411cf', 'bob', 'bob@example.com', '{ADMIN}', NULL, NULL, 9,
        'Bob', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, NULL);

INSERT INTO role_permissions (id, role_id, permission_id, granted_by) VALUES (3, 2, 5, 1), (4, 9, 17, 1);

INSERT INTO user_sessions (id, session_id, user_id, token_hash, ip_address, created_at,
    last_activity, expires_at, is_active, location_info) VALUES
    (1, 'session-one', 1, lower(hex(zeroblob(31))) || 'AA', '10.0.0.1', '2025-09-09 08:00:00',
        '2025-09-09 08:30:00', '2025-09-10 08:00:00', 1, '{"city": "Bern"}'),
    (2, 'session-two', 2, lower(hex(zeroblob(31))) || 'bb', '', '2025-09-09 08:00:00.250',
        '2025-09-09 08:30:00', '2025-09-10T08:00:00', 0, NULL);

INSERT INTO password_history (id, user_id, password_hash, password_algorithm) VALUES
    (1, 1, '{ADMIN}', 'argon2id'),
    (2, 2, 'bcrypt:$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW', 'bcrypt');

INSERT INTO chat_sessions (id, session_id, user_id, title, created_at, last_message_at, is_shared,
    share_token, message_count, metadata) VALUES
    (1, '10000000-0000-4000-8000-000000000001', 1, 'First', '2025-09-09 09:00:00',
        '2025-09-09 09:05:00.5', 1, 'share-me', 3, '{"k": [1, 2]}'),
    (5, '10000000-0000-4000-8000-000000000005', 2, '', '2025-09-09 09:00:00', NULL, 0, NULL, '0', NULL);

INSERT INTO chat_history (id, chat_session_id, user_id, message_id, parent_message_id,
    message_content, message_type, model_name, timestamp, token_count, is_edited, feedback_rating,
    source_documents, metadata) VALUES
    (1, 1, 1, '20000000-0000-4000-8000-000000000001', NULL, 'What is in my documents? 你好 🙂', 'user',
        NULL, '2025-09-09 09:00:00', 7, 0, NULL, NULL, '{}'),
    (2, 1, 1, '20000000-0000-4000-8000-000000000002', '20000000-0000-4000-8000-000000000001',
        'A report.', 'assistant', 'llama3', '2025-09-09 09:00:03.25', 3, 1, 5,
        '[{"id": 1}]', '{"cost": 0.5}'),
    (3, 5, 2, '20000000-0000-4000-8000-00000000000A', '20000000-0000-4000-8000-000000000001',
        '', 'system', '', '2025-09-09 09:01:00', NULL, NULL, NULL, 'not json', NULL);

INSERT INTO documents (id, document_id, user_id, filename, original_filename, file_path, file_size,
    file_hash, mime_type, upload_status, processing_status, upload_started_at, upload_completed_at,
    tags) VALUES
    (1, '30000000-0000-4000-8000-000000000001', 1, 'a.pdf', 'A.pdf', '/files/a.pdf', 1000,
        upper(hex(zeroblob(32))), 'application/pdf', 'uploaded', 'COMPLETED', '2025-09-09 09:00:00',
        '2025-09-09 09:00:01', '["contract", "2025"]'),
    (2, '30000000-0000-4000-8000-000000000002', 2, 'b.txt', 'b.txt', '/files/b.txt', 12.0,
        lower(hex(zeroblob(32))), 'text/plain', NULL, NULL, '2025-09-09', NULL, NULL);

INSERT INTO document_chunks (id, chunk_id, document_id, chunk_index, content, content_hash,
    token_count, section_title, vector_id) VALUES
    (1, '40000000-0000-4000-8000-000000000001', 1, 0, 'Chapter one', lower(hex(zeroblob(32))), 2,
        NULL, 'v-1'),
    (2, '40000000-0000-4000-8000-000000000002', 1, 1, 'Chapter two', lower(hex(zeroblob(32))), 2,
        'Two', '');

INSERT INTO system_settings (id, key, value, value_type, category, updated_by) VALUES
    (1, 'MAX_LOGIN_ATTEMPTS', '7', 'integer', 'security', 1),
    (2, 'AUDIT_LOGGING', 'True', 'boolean', 'security', 1),
    (3, 'SCHEMA_VERSION', '1', 'integer', 'system', NULL),
    (4, 'site_name', 'Zenith', 'string', NULL, NULL);

INSERT INTO user_preferences (id, user_id, key, value, value_type) VALUES
    (1, 1, 'theme', 'dark', 'string'), (2, 2, 'page_size', ' 50', 'integer');

INSERT INTO audit_log (id, event_id, user_id, event_type, event_category, action, timestamp,
    severity, success, request_data, metadata) VALUES
    (3, '50000000-0000-4000-8000-000000000003', 1, 'login', 'authentication', 'login',
        '2025-09-09 08:00:00', 'INFO', 1, '{"ip": "10.0.0.1"}', '{}'),
    (8, '50000000-0000-4000-8000-000000000008', NULL, 'start', 'system', 'start',
        '2025-09-09 07:59:00.001', NULL, 'true', NULL, NULL),
    (9, '50000000-0000-4000-8000-000000000009', 2, 'login', 'authentication', 'login',
        '2025-09-09 08:01:00', 'warning', 0, NULL, '{"tries": 3}');

INSERT INTO security_events (id, event_id, user_id, event_type, severity, timestamp, details,
    resolved, resolved_at, resolved_by) VALUES
    (1, '60000000-0000-4000-8000-000000000001', 2, 'failed_login', 'warning',
        '2025-09-09 08:01:00', '{"tries": 3}', 1, '2025-09-09 09:00:00', 1);

INSERT INTO api_keys (id, key_id, user_id, name, key_hash, key_prefix, scopes, is_active,
    created_at, revoked_at, revoked_by) VALUES
    (1, '70000000-0000-4000-8000-000000000001', 1, 'CI', lower(hex(zeroblob(31))) || 'cc', 'zk_',
        '["chat"]', 1, '2025-09-09 08:00:00', '2025-09-10 08:00:00', 1);

-- Rows that were deleted: their keys are not given out again.
UPDATE sqlite_sequence SET seq = 400 WHERE name = 'chat_history';
UPDATE sqlite_sequence SET seq = 40 WHERE name = 'roles';
