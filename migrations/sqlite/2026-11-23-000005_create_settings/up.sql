-- Settings of the installation and of each user.

-- Settings of the installation, each with its type. The value of a secret setting is ciphertext
-- ('enc:v1:…') or NULL, never plain text.
CREATE TABLE system_settings (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    key TEXT NOT NULL
        CONSTRAINT system_settings_key_length CHECK (length(key) BETWEEN 1 AND 100 AND typeof(key) <> 'blob' AND instr(key, char(0)) = 0),
    value TEXT
        CONSTRAINT system_settings_value_text CHECK (typeof(value) <> 'blob' AND instr(value, char(0)) = 0),
    value_type TEXT NOT NULL DEFAULT 'string'
        CONSTRAINT system_settings_value_type_known CHECK (value_type IN ('string', 'integer', 'float', 'boolean', 'json')),
    description TEXT
        CONSTRAINT system_settings_description_text CHECK (typeof(description) <> 'blob' AND instr(description, char(0)) = 0),
    is_secret BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT system_settings_is_secret_flag CHECK (is_secret IN (0, 1)),
    is_readonly BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT system_settings_is_readonly_flag CHECK (is_readonly IN (0, 1)),
    is_user_settable BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT system_settings_is_user_settable_flag CHECK (is_user_settable IN (0, 1)),
    validation_rule TEXT
        CONSTRAINT system_settings_validation_rule_length CHECK (length(validation_rule) BETWEEN 1 AND 500 AND typeof(validation_rule) <> 'blob' AND instr(validation_rule, char(0)) = 0),
    category TEXT NOT NULL DEFAULT 'general'
        CONSTRAINT system_settings_category_length CHECK (length(category) BETWEEN 1 AND 50 AND typeof(category) <> 'blob' AND instr(category, char(0)) = 0),
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT system_settings_created_at_utc CHECK (datetime(substr(created_at, 1, 19)) IS substr(created_at, 1, 19)
            AND substr(created_at, 12, 2) < '24' AND typeof(created_at) <> 'blob' AND instr(created_at, char(0)) = 0
            AND substr(created_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT system_settings_updated_at_utc CHECK (datetime(substr(updated_at, 1, 19)) IS substr(updated_at, 1, 19)
            AND substr(updated_at, 12, 2) < '24' AND typeof(updated_at) <> 'blob' AND instr(updated_at, char(0)) = 0
            AND substr(updated_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    updated_by BIGINT
        CONSTRAINT system_settings_updated_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT system_settings_value_agrees_with_type CHECK (value IS NULL OR is_secret = 1 OR CASE value_type
            WHEN 'integer' THEN value = CAST(CAST(value AS INTEGER) AS TEXT)
            WHEN 'float' THEN value NOT GLOB '*[^0-9.eE+-]*' AND json_valid(value)
            WHEN 'boolean' THEN value IN ('true', 'false')
            WHEN 'json' THEN json_valid(value)
            ELSE 1 END),
    CONSTRAINT system_settings_secret_is_encrypted CHECK (is_secret = 0 OR value IS NULL OR value GLOB 'enc:v[0-9]:?*')
);
CREATE UNIQUE INDEX idx_system_settings_key ON system_settings (key);
CREATE INDEX idx_system_settings_category ON system_settings (category, key);
CREATE INDEX idx_system_settings_updated_by ON system_settings (updated_by) WHERE updated_by IS NOT NULL;
CREATE TRIGGER system_settings_updated_at AFTER UPDATE ON system_settings
WHEN NEW.updated_at <= OLD.updated_at AND NEW.updated_at <> strftime('%Y-%m-%d %H:%M:%f000', 'now')
BEGIN
    UPDATE system_settings SET updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now') WHERE id = NEW.id;
END;

-- Settings of each user. A key without a row has the value of the system setting with that key.
CREATE TABLE user_preferences (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id BIGINT NOT NULL
        CONSTRAINT user_preferences_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    key TEXT NOT NULL
        CONSTRAINT user_preferences_key_length CHECK (length(key) BETWEEN 1 AND 100 AND typeof(key) <> 'blob' AND instr(key, char(0)) = 0),
    value TEXT
        CONSTRAINT user_preferences_value_text CHECK (typeof(value) <> 'blob' AND instr(value, char(0)) = 0),
    value_type TEXT NOT NULL DEFAULT 'string'
        CONSTRAINT user_preferences_value_type_known CHECK (value_type IN ('string', 'integer', 'float', 'boolean', 'json')),
    category TEXT NOT NULL DEFAULT 'general'
        CONSTRAINT user_preferences_category_length CHECK (length(category) BETWEEN 1 AND 50 AND typeof(category) <> 'blob' AND instr(category, char(0)) = 0),
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT user_preferences_created_at_utc CHECK (datetime(substr(created_at, 1, 19)) IS substr(created_at, 1, 19)
            AND substr(created_at, 12, 2) < '24' AND typeof(created_at) <> 'blob' AND instr(created_at, char(0)) = 0
            AND substr(created_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT user_preferences_updated_at_utc CHECK (datetime(substr(updated_at, 1, 19)) IS substr(updated_at, 1, 19)
            AND substr(updated_at, 12, 2) < '24' AND typeof(updated_at) <> 'blob' AND instr(updated_at, char(0)) = 0
            AND substr(updated_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    CONSTRAINT user_preferences_value_agrees_with_type CHECK (value IS NULL OR CASE value_type
            WHEN 'integer' THEN value = CAST(CAST(value AS INTEGER) AS TEXT)
            WHEN 'float' THEN value NOT GLOB '*[^0-9.eE+-]*' AND json_valid(value)
            WHEN 'boolean' THEN value IN ('true', 'false')
            WHEN 'json' THEN json_valid(value)
            ELSE 1 END)
);
CREATE UNIQUE INDEX idx_user_preferences_user_id ON user_preferences (user_id, key);
CREATE INDEX idx_user_preferences_category ON user_preferences (user_id, category, key);
CREATE TRIGGER user_preferences_updated_at AFTER UPDATE ON user_preferences
WHEN NEW.updated_at <= OLD.updated_at AND NEW.updated_at <> strftime('%Y-%m-%d %H:%M:%f000', 'now')
BEGIN
    UPDATE user_preferences SET updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now') WHERE id = NEW.id;
END;
