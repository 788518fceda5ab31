-- Access and identity: who may sign in, and what they may do.

-- Named sets of permissions, which role_permissions lists. Each user has exactly one role. A system role
-- is created by the seeds; a superuser role may do everything.
CREATE TABLE roles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL
        CONSTRAINT roles_name_length CHECK (length(name) BETWEEN 1 AND 50 AND typeof(name) <> 'blob' AND instr(name, char(0)) = 0),
    display_name TEXT
        CONSTRAINT roles_display_name_length CHECK (length(display_name) BETWEEN 1 AND 100 AND typeof(display_name) <> 'blob' AND instr(display_name, char(0)) = 0),
    description TEXT
        CONSTRAINT roles_description_text CHECK (typeof(description) <> 'blob' AND instr(description, char(0)) = 0),
    is_system_role BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT roles_is_system_role_flag CHECK (is_system_role IN (0, 1)),
    is_superuser BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT roles_is_superuser_flag CHECK (is_superuser IN (0, 1)),
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT roles_created_at_utc CHECK (datetime(substr(created_at, 1, 19)) IS substr(created_at, 1, 19)
            AND substr(created_at, 12, 2) < '24' AND typeof(created_at) <> 'blob' AND instr(created_at, char(0)) = 0
            AND substr(created_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT roles_updated_at_utc CHECK (datetime(substr(updated_at, 1, 19)) IS substr(updated_at, 1, 19)
            AND substr(updated_at, 12, 2) < '24' AND typeof(updated_at) <> 'blob' AND instr(updated_at, char(0)) = 0
            AND substr(updated_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    created_by BIGINT
        CONSTRAINT roles_created_by_fkey REFERENCES users (id) ON DELETE SET NULL
);
CREATE UNIQUE INDEX idx_roles_name ON roles (name);
CREATE INDEX idx_roles_created_by ON roles (created_by) WHERE created_by IS NOT NULL;
CREATE TRIGGER roles_updated_at AFTER UPDATE ON roles
WHEN NEW.updated_at <= OLD.updated_at AND NEW.updated_at <> strftime('%Y-%m-%d %H:%M:%f000', 'now')
BEGIN
    UPDATE roles SET updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now') WHERE id = NEW.id;
END;

-- Permissions to perform an action on a resource. The action '*' stands for every action.
CREATE TABLE permissions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL
        CONSTRAINT permissions_name_length CHECK (length(name) BETWEEN 1 AND 100 AND typeof(name) <> 'blob' AND instr(name, char(0)) = 0),
    display_name TEXT
        CONSTRAINT permissions_display_name_length CHECK (length(display_name) BETWEEN 1 AND 150 AND typeof(display_name) <> 'blob' AND instr(display_name, char(0)) = 0),
    description TEXT
        CONSTRAINT permissions_description_text CHECK (typeof(description) <> 'blob' AND instr(description, char(0)) = 0),
    resource TEXT NOT NULL
        CONSTRAINT permissions_resource_length CHECK (length(resource) BETWEEN 1 AND 100 AND typeof(resource) <> 'blob' AND instr(resource, char(0)) = 0),
    action TEXT NOT NULL
        CONSTRAINT permissions_action_length CHECK (length(action) BETWEEN 1 AND 50 AND typeof(action) <> 'blob' AND instr(action, char(0)) = 0),
    is_system_permission BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT permissions_is_system_permission_flag CHECK (is_system_permission IN (0, 1)),
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT permissions_created_at_utc CHECK (datetime(substr(created_at, 1, 19)) IS substr(created_at, 1, 19)
            AND substr(created_at, 12, 2) < '24' AND typeof(created_at) <> 'blob' AND instr(created_at, char(0)) = 0
            AND substr(created_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]')
);
CREATE UNIQUE INDEX idx_permissions_name ON permissions (name);
CREATE UNIQUE INDEX idx_permissions_resource ON permissions (resource, action);

-- Permissions of each role, with the time of the grant and the user who granted it.
CREATE TABLE role_permissions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    role_id BIGINT NOT NULL
        CONSTRAINT role_permissions_role_id_fkey REFERENCES roles (id) ON DELETE CASCADE,
    permission_id BIGINT NOT NULL
        CONSTRAINT role_permissions_permission_id_fkey REFERENCES permissions (id) ON DELETE CASCADE,
    granted_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT role_permissions_granted_at_utc CHECK (datetime(substr(granted_at, 1, 19)) IS substr(granted_at, 1, 19)
            AND substr(granted_at, 12, 2) < '24' AND typeof(granted_at) <> 'blob' AND instr(granted_at, char(0)) = 0
            AND substr(granted_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    granted_by BIGINT
        CONSTRAINT role_permissions_granted_by_fkey REFERENCES users (id) ON DELETE SET NULL
);
CREATE UNIQUE INDEX idx_role_permissions_role_id ON role_permissions (role_id, permission_id);
CREATE INDEX idx_role_permissions_permission_id ON role_permissions (permission_id);
CREATE INDEX idx_role_permissions_granted_by ON role_permissions (granted_by) WHERE granted_by IS NOT NULL;

-- People and services that sign in. Username and email are stored in lower case, so that Admin and admin
-- are one name. A user with audit entries is not deleted but anonymised. The table has 31 columns;
-- Diesel's limit is 32, so that further columns need a table of their own.
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    uuid TEXT NOT NULL
        CONSTRAINT users_uuid_uuid CHECK (typeof(uuid) = 'text' AND uuid GLOB '????????-????-????-????-????????????'
            AND uuid NOT GLOB '*[^-0-9a-f]*' AND length(replace(uuid, '-', '')) = 32 AND instr(uuid, char(0)) = 0),
    username TEXT NOT NULL
        CONSTRAINT users_username_length CHECK (length(username) BETWEEN 1 AND 50 AND typeof(username) <> 'blob' AND instr(username, char(0)) = 0)
        CONSTRAINT users_username_canonical CHECK (username = lower(trim(username))),
    email TEXT NOT NULL
        CONSTRAINT users_email_length CHECK (length(email) BETWEEN 1 AND 100 AND typeof(email) <> 'blob' AND instr(email, char(0)) = 0)
        CONSTRAINT users_email_canonical CHECK (email = lower(trim(email)) AND email LIKE '_%@_%'),
    password_hash TEXT NOT NULL
        CONSTRAINT users_password_hash_length CHECK (length(password_hash) BETWEEN 1 AND 255 AND typeof(password_hash) <> 'blob' AND instr(password_hash, char(0)) = 0)
        CONSTRAINT users_password_hash_phc CHECK (substr(password_hash, 1, 1) = '$'),
    password_algorithm TEXT NOT NULL DEFAULT 'argon2id'
        CONSTRAINT users_password_algorithm_known CHECK (password_algorithm IN ('argon2id', 'bcrypt')),
    role_id BIGINT NOT NULL
        CONSTRAINT users_role_id_fkey REFERENCES roles (id) ON DELETE RESTRICT,
    full_name TEXT
        CONSTRAINT users_full_name_length CHECK (length(full_name) BETWEEN 0 AND 150 AND typeof(full_name) <> 'blob' AND instr(full_name, char(0)) = 0),
    display_name TEXT
        CONSTRAINT users_display_name_length CHECK (length(display_name) BETWEEN 0 AND 100 AND typeof(display_name) <> 'blob' AND instr(display_name, char(0)) = 0),
    avatar_url TEXT
        CONSTRAINT users_avatar_url_length CHECK (length(avatar_url) BETWEEN 0 AND 500 AND typeof(avatar_url) <> 'blob' AND instr(avatar_url, char(0)) = 0),
    timezone TEXT NOT NULL DEFAULT 'UTC'
        CONSTRAINT users_timezone_length CHECK (length(timezone) BETWEEN 1 AND 50 AND typeof(timezone) <> 'blob' AND instr(timezone, char(0)) = 0),
    locale TEXT NOT NULL DEFAULT 'en-US'
        CONSTRAINT users_locale_length CHECK (length(locale) BETWEEN 1 AND 10 AND typeof(locale) <> 'blob' AND instr(locale, char(0)) = 0),
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT users_created_at_utc CHECK (datetime(substr(created_at, 1, 19)) IS substr(created_at, 1, 19)
            AND substr(created_at, 12, 2) < '24' AND typeof(created_at) <> 'blob' AND instr(created_at, char(0)) = 0
            AND substr(created_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT users_updated_at_utc CHECK (datetime(substr(updated_at, 1, 19)) IS substr(updated_at, 1, 19)
            AND substr(updated_at, 12, 2) < '24' AND typeof(updated_at) <> 'blob' AND instr(updated_at, char(0)) = 0
            AND substr(updated_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    last_login TIMESTAMP
        CONSTRAINT users_last_login_utc CHECK (datetime(substr(last_login, 1, 19)) IS substr(last_login, 1, 19)
            AND substr(last_login, 12, 2) < '24' AND typeof(last_login) <> 'blob' AND instr(last_login, char(0)) = 0
            AND substr(last_login, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    last_password_change TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT users_last_password_change_utc CHECK (datetime(substr(last_password_change, 1, 19)) IS substr(last_password_change, 1, 19)
            AND substr(last_password_change, 12, 2) < '24' AND typeof(last_password_change) <> 'blob' AND instr(last_password_change, char(0)) = 0
            AND substr(last_password_change, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    password_expires_at TIMESTAMP
        CONSTRAINT users_password_expires_at_utc CHECK (datetime(substr(password_expires_at, 1, 19)) IS substr(password_expires_at, 1, 19)
            AND substr(password_expires_at, 12, 2) < '24' AND typeof(password_expires_at) <> 'blob' AND instr(password_expires_at, char(0)) = 0
            AND substr(password_expires_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    is_active BOOLEAN NOT NULL DEFAULT 1
        CONSTRAINT users_is_active_flag CHECK (is_active IN (0, 1)),
    is_verified BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT users_is_verified_flag CHECK (is_verified IN (0, 1)),
    email_verified_at TIMESTAMP
        CONSTRAINT users_email_verified_at_utc CHECK (datetime(substr(email_verified_at, 1, 19)) IS substr(email_verified_at, 1, 19)
            AND substr(email_verified_at, 12, 2) < '24' AND typeof(email_verified_at) <> 'blob' AND instr(email_verified_at, char(0)) = 0
            AND substr(email_verified_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    failed_login_attempts INTEGER NOT NULL DEFAULT 0
        CONSTRAINT users_failed_login_attempts_count CHECK (typeof(failed_login_attempts) = 'integer' AND failed_login_attempts BETWEEN 0 AND 2147483647),
    locked_until TIMESTAMP
        CONSTRAINT users_locked_until_utc CHECK (datetime(substr(locked_until, 1, 19)) IS substr(locked_until, 1, 19)
            AND substr(locked_until, 12, 2) < '24' AND typeof(locked_until) <> 'blob' AND instr(locked_until, char(0)) = 0
            AND substr(locked_until, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    must_change_password BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT users_must_change_password_flag CHECK (must_change_password IN (0, 1)),
    two_factor_enabled BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT users_two_factor_enabled_flag CHECK (two_factor_enabled IN (0, 1)),
    two_factor_secret TEXT
        CONSTRAINT users_two_factor_secret_length CHECK (length(two_factor_secret) BETWEEN 1 AND 255 AND typeof(two_factor_secret) <> 'blob' AND instr(two_factor_secret, char(0)) = 0),
    backup_codes TEXT
        CONSTRAINT users_backup_codes_json CHECK (backup_codes IS NULL OR typeof(backup_codes) <> 'blob' AND json_valid(backup_codes) AND instr(backup_codes, char(0)) = 0),
    login_notification_enabled BOOLEAN NOT NULL DEFAULT 1
        CONSTRAINT users_login_notification_enabled_flag CHECK (login_notification_enabled IN (0, 1)),
    session_timeout_minutes INTEGER NOT NULL DEFAULT 1440
        CONSTRAINT users_session_timeout_minutes_range CHECK (typeof(session_timeout_minutes) = 'integer' AND session_timeout_minutes BETWEEN 1 AND 2147483647),
    created_by BIGINT
        CONSTRAINT users_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    updated_by BIGINT
        CONSTRAINT users_updated_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    metadata TEXT NOT NULL DEFAULT '{}'
        CONSTRAINT users_metadata_json CHECK (typeof(metadata) <> 'blob' AND json_valid(metadata) AND instr(metadata, char(0)) = 0)
);
CREATE UNIQUE INDEX idx_users_uuid ON users (uuid);
CREATE UNIQUE INDEX idx_users_username ON users (username);
CREATE UNIQUE INDEX idx_users_email ON users (email);
CREATE INDEX idx_users_role_id ON users (role_id, id);
CREATE INDEX idx_users_is_active ON users (is_active, id);
CREATE INDEX idx_users_last_login ON users (last_login) WHERE last_login IS NOT NULL;
CREATE INDEX idx_users_created_by ON users (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX idx_users_updated_by ON users (updated_by) WHERE updated_by IS NOT NULL;
CREATE TRIGGER users_updated_at AFTER UPDATE ON users
WHEN NEW.updated_at <= OLD.updated_at AND NEW.updated_at <> strftime('%Y-%m-%d %H:%M:%f000', 'now')
BEGIN
    UPDATE users SET updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now') WHERE id = NEW.id;
END;

-- Signed-in devices of users. token_hash is the SHA-256 of a 256-bit random secret that only the client
-- has. A session ends when it is revoked, at idle_expires_at without activity, or at expires_at.
CREATE TABLE user_sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    session_id TEXT NOT NULL
        CONSTRAINT user_sessions_session_id_length CHECK (length(session_id) BETWEEN 1 AND 64 AND typeof(session_id) <> 'blob' AND instr(session_id, char(0)) = 0),
    user_id BIGINT NOT NULL
        CONSTRAINT user_sessions_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL
        CONSTRAINT user_sessions_token_hash_sha256 CHECK (length(token_hash) = 64 AND token_hash NOT GLOB '*[^0-9a-f]*' AND typeof(token_hash) <> 'blob' AND instr(token_hash, char(0)) = 0),
    ip_address TEXT
        CONSTRAINT user_sessions_ip_address_length CHECK (length(ip_address) BETWEEN 1 AND 45 AND typeof(ip_address) <> 'blob' AND instr(ip_address, char(0)) = 0),
    user_agent TEXT
        CONSTRAINT user_sessions_user_agent_text CHECK (typeof(user_agent) <> 'blob' AND instr(user_agent, char(0)) = 0),
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT user_sessions_created_at_utc CHECK (datetime(substr(created_at, 1, 19)) IS substr(created_at, 1, 19)
            AND substr(created_at, 12, 2) < '24' AND typeof(created_at) <> 'blob' AND instr(created_at, char(0)) = 0
            AND substr(created_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    last_activity TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT user_sessions_last_activity_utc CHECK (datetime(substr(last_activity, 1, 19)) IS substr(last_activity, 1, 19)
            AND substr(last_activity, 12, 2) < '24' AND typeof(last_activity) <> 'blob' AND instr(last_activity, char(0)) = 0
            AND substr(last_activity, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    idle_expires_at TIMESTAMP NOT NULL
        CONSTRAINT user_sessions_idle_expires_at_utc CHECK (datetime(substr(idle_expires_at, 1, 19)) IS substr(idle_expires_at, 1, 19)
            AND substr(idle_expires_at, 12, 2) < '24' AND typeof(idle_expires_at) <> 'blob' AND instr(idle_expires_at, char(0)) = 0
            AND substr(idle_expires_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    expires_at TIMESTAMP NOT NULL
        CONSTRAINT user_sessions_expires_at_utc CHECK (datetime(substr(expires_at, 1, 19)) IS substr(expires_at, 1, 19)
            AND substr(expires_at, 12, 2) < '24' AND typeof(expires_at) <> 'blob' AND instr(expires_at, char(0)) = 0
            AND substr(expires_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    is_active BOOLEAN NOT NULL DEFAULT 1
        CONSTRAINT user_sessions_is_active_flag CHECK (is_active IN (0, 1)),
    revoked_at TIMESTAMP
        CONSTRAINT user_sessions_revoked_at_utc CHECK (datetime(substr(revoked_at, 1, 19)) IS substr(revoked_at, 1, 19)
            AND substr(revoked_at, 12, 2) < '24' AND typeof(revoked_at) <> 'blob' AND instr(revoked_at, char(0)) = 0
            AND substr(revoked_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    device_fingerprint TEXT
        CONSTRAINT user_sessions_device_fingerprint_length CHECK (length(device_fingerprint) BETWEEN 1 AND 255 AND typeof(device_fingerprint) <> 'blob' AND instr(device_fingerprint, char(0)) = 0),
    location_info TEXT
        CONSTRAINT user_sessions_location_info_json CHECK (location_info IS NULL OR typeof(location_info) <> 'blob' AND json_valid(location_info) AND instr(location_info, char(0)) = 0),
    CONSTRAINT user_sessions_expiry_order CHECK (idle_expires_at BETWEEN created_at AND expires_at),
    CONSTRAINT user_sessions_revoked_is_inactive CHECK (revoked_at IS NULL OR is_active = 0)
);
CREATE UNIQUE INDEX idx_user_sessions_session_id ON user_sessions (session_id);
CREATE UNIQUE INDEX idx_user_sessions_token_hash ON user_sessions (token_hash);
CREATE INDEX idx_user_sessions_user_id ON user_sessions (user_id, last_activity);
CREATE INDEX idx_user_sessions_expires_at ON user_sessions (expires_at);
CREATE INDEX idx_user_sessions_is_active ON user_sessions (idle_expires_at) WHERE is_active;

-- Hashes of former passwords, one row per change, so that reuse can be refused.
CREATE TABLE password_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id BIGINT NOT NULL
        CONSTRAINT password_history_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    password_hash TEXT NOT NULL
        CONSTRAINT password_history_password_hash_length CHECK (length(password_hash) BETWEEN 1 AND 255 AND typeof(password_hash) <> 'blob' AND instr(password_hash, char(0)) = 0)
        CONSTRAINT password_history_password_hash_phc CHECK (substr(password_hash, 1, 1) = '$'),
    password_algorithm TEXT NOT NULL
        CONSTRAINT password_history_password_algorithm_known CHECK (password_algorithm IN ('argon2id', 'bcrypt')),
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT password_history_created_at_utc CHECK (datetime(substr(created_at, 1, 19)) IS substr(created_at, 1, 19)
            AND substr(created_at, 12, 2) < '24' AND typeof(created_at) <> 'blob' AND instr(created_at, char(0)) = 0
            AND substr(created_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]')
);
CREATE INDEX idx_password_history_user_id ON password_history (user_id, id);

-- Keys with which programs act for a user. key_hash is the SHA-256 of the secret; key_prefix is its
-- readable beginning, by which people recognise it.
CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    key_id TEXT NOT NULL
        CONSTRAINT api_keys_key_id_uuid CHECK (typeof(key_id) = 'text' AND key_id GLOB '????????-????-????-????-????????????'
            AND key_id NOT GLOB '*[^-0-9a-f]*' AND length(replace(key_id, '-', '')) = 32 AND instr(key_id, char(0)) = 0),
    user_id BIGINT NOT NULL
        CONSTRAINT api_keys_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL
        CONSTRAINT api_keys_name_length CHECK (length(name) BETWEEN 1 AND 100 AND typeof(name) <> 'blob' AND instr(name, char(0)) = 0),
    key_hash TEXT NOT NULL
        CONSTRAINT api_keys_key_hash_sha256 CHECK (length(key_hash) = 64 AND key_hash NOT GLOB '*[^0-9a-f]*' AND typeof(key_hash) <> 'blob' AND instr(key_hash, char(0)) = 0),
    key_prefix TEXT NOT NULL
        CONSTRAINT api_keys_key_prefix_length CHECK (length(key_prefix) BETWEEN 1 AND 10 AND typeof(key_prefix) <> 'blob' AND instr(key_prefix, char(0)) = 0),
    scopes TEXT NOT NULL DEFAULT '[]'
        CONSTRAINT api_keys_scopes_json CHECK (typeof(scopes) <> 'blob' AND json_valid(scopes) AND instr(scopes, char(0)) = 0 AND json_type(scopes) = 'array'),
    last_used_at TIMESTAMP
        CONSTRAINT api_keys_last_used_at_utc CHECK (datetime(substr(last_used_at, 1, 19)) IS substr(last_used_at, 1, 19)
            AND substr(last_used_at, 12, 2) < '24' AND typeof(last_used_at) <> 'blob' AND instr(last_used_at, char(0)) = 0
            AND substr(last_used_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    usage_count BIGINT NOT NULL DEFAULT 0
        CONSTRAINT api_keys_usage_count_count CHECK (typeof(usage_count) = 'integer' AND usage_count >= 0),
    is_active BOOLEAN NOT NULL DEFAULT 1
        CONSTRAINT api_keys_is_active_flag CHECK (is_active IN (0, 1)),
    expires_at TIMESTAMP
        CONSTRAINT api_keys_expires_at_utc CHECK (datetime(substr(expires_at, 1, 19)) IS substr(expires_at, 1, 19)
            AND substr(expires_at, 12, 2) < '24' AND typeof(expires_at) <> 'blob' AND instr(expires_at, char(0)) = 0
            AND substr(expires_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT api_keys_created_at_utc CHECK (datetime(substr(created_at, 1, 19)) IS substr(created_at, 1, 19)
            AND substr(created_at, 12, 2) < '24' AND typeof(created_at) <> 'blob' AND instr(created_at, char(0)) = 0
            AND substr(created_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    created_by BIGINT
        CONSTRAINT api_keys_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    revoked_at TIMESTAMP
        CONSTRAINT api_keys_revoked_at_utc CHECK (datetime(substr(revoked_at, 1, 19)) IS substr(revoked_at, 1, 19)
            AND substr(revoked_at, 12, 2) < '24' AND typeof(revoked_at) <> 'blob' AND instr(revoked_at, char(0)) = 0
            AND substr(revoked_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    revoked_by BIGINT
        CONSTRAINT api_keys_revoked_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    metadata TEXT NOT NULL DEFAULT '{}'
        CONSTRAINT api_keys_metadata_json CHECK (typeof(metadata) <> 'blob' AND json_valid(metadata) AND instr(metadata, char(0)) = 0),
    CONSTRAINT api_keys_expiry_order CHECK (expires_at >= created_at),
    CONSTRAINT api_keys_revoked_is_inactive CHECK (revoked_at IS NULL OR is_active = 0)
);
CREATE UNIQUE INDEX idx_api_keys_key_id ON api_keys (key_id);
CREATE UNIQUE INDEX idx_api_keys_key_hash ON api_keys (key_hash);
CREATE INDEX idx_api_keys_user_id ON api_keys (user_id, id);
CREATE INDEX idx_api_keys_created_by ON api_keys (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX idx_api_keys_revoked_by ON api_keys (revoked_by) WHERE revoked_by IS NOT NULL;
