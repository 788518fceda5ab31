-- Notifications of the application to its users.

-- Messages to users, unread until read_at and no longer shown after expires_at.
CREATE TABLE notifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    notification_id TEXT NOT NULL
        CONSTRAINT notifications_notification_id_uuid CHECK (typeof(notification_id) = 'text' AND notification_id GLOB '????????-????-????-????-????????????'
            AND notification_id NOT GLOB '*[^-0-9a-f]*' AND length(replace(notification_id, '-', '')) = 32 AND instr(notification_id, char(0)) = 0),
    user_id BIGINT NOT NULL
        CONSTRAINT notifications_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    title TEXT NOT NULL
        CONSTRAINT notifications_title_length CHECK (length(title) BETWEEN 1 AND 200 AND typeof(title) <> 'blob' AND instr(title, char(0)) = 0),
    message TEXT NOT NULL
        CONSTRAINT notifications_message_text CHECK (typeof(message) <> 'blob' AND instr(message, char(0)) = 0),
    type TEXT NOT NULL
        CONSTRAINT notifications_type_known CHECK (type IN ('info', 'success', 'warning', 'error', 'system')),
    category TEXT NOT NULL DEFAULT 'general'
        CONSTRAINT notifications_category_length CHECK (length(category) BETWEEN 1 AND 50 AND typeof(category) <> 'blob' AND instr(category, char(0)) = 0),
    priority INTEGER NOT NULL DEFAULT 1
        CONSTRAINT notifications_priority_range CHECK (typeof(priority) = 'integer' AND priority BETWEEN 0 AND 10),
    is_read BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT notifications_is_read_flag CHECK (is_read IN (0, 1)),
    read_at TIMESTAMP
        CONSTRAINT notifications_read_at_utc CHECK (datetime(substr(read_at, 1, 19)) IS substr(read_at, 1, 19)
            AND substr(read_at, 12, 2) < '24' AND typeof(read_at) <> 'blob' AND instr(read_at, char(0)) = 0
            AND substr(read_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    action_url TEXT
        CONSTRAINT notifications_action_url_length CHECK (length(action_url) BETWEEN 1 AND 500 AND typeof(action_url) <> 'blob' AND instr(action_url, char(0)) = 0),
    action_label TEXT
        CONSTRAINT notifications_action_label_length CHECK (length(action_label) BETWEEN 1 AND 100 AND typeof(action_label) <> 'blob' AND instr(action_label, char(0)) = 0),
    expires_at TIMESTAMP
        CONSTRAINT notifications_expires_at_utc CHECK (datetime(substr(expires_at, 1, 19)) IS substr(expires_at, 1, 19)
            AND substr(expires_at, 12, 2) < '24' AND typeof(expires_at) <> 'blob' AND instr(expires_at, char(0)) = 0
            AND substr(expires_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT notifications_created_at_utc CHECK (datetime(substr(created_at, 1, 19)) IS substr(created_at, 1, 19)
            AND substr(created_at, 12, 2) < '24' AND typeof(created_at) <> 'blob' AND instr(created_at, char(0)) = 0
            AND substr(created_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT notifications_updated_at_utc CHECK (datetime(substr(updated_at, 1, 19)) IS substr(updated_at, 1, 19)
            AND substr(updated_at, 12, 2) < '24' AND typeof(updated_at) <> 'blob' AND instr(updated_at, char(0)) = 0
            AND substr(updated_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    metadata TEXT NOT NULL DEFAULT '{}'
        CONSTRAINT notifications_metadata_json CHECK (typeof(metadata) <> 'blob' AND json_valid(metadata) AND instr(metadata, char(0)) = 0),
    CONSTRAINT notifications_read_order CHECK (read_at >= created_at),
    CONSTRAINT notifications_read_has_time CHECK (is_read = (read_at IS NOT NULL)),
    CONSTRAINT notifications_expiry_order CHECK (expires_at >= created_at)
);
CREATE UNIQUE INDEX idx_notifications_notification_id ON notifications (notification_id);
CREATE INDEX idx_notifications_user_id ON notifications (user_id, id);
CREATE INDEX idx_notifications_is_read ON notifications (user_id, id) WHERE NOT is_read;
CREATE INDEX idx_notifications_created_at ON notifications (created_at);
CREATE INDEX idx_notifications_type ON notifications (type, created_at);
CREATE INDEX idx_notifications_expires_at ON notifications (expires_at) WHERE expires_at IS NOT NULL;
CREATE TRIGGER notifications_updated_at AFTER UPDATE ON notifications
WHEN NEW.updated_at <= OLD.updated_at AND NEW.updated_at <> strftime('%Y-%m-%d %H:%M:%f000', 'now')
BEGIN
    UPDATE notifications SET updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now') WHERE id = NEW.id;
END;
