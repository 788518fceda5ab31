-- Bookmarks: messages that users have marked, each once. They disappear with the user and with the message.
-- requires: 2026-11-23-000003 the table chat_history
CREATE TABLE bookmarks (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    message_id BIGINT NOT NULL REFERENCES chat_history (id) ON DELETE CASCADE,
    note TEXT NOT NULL
        CONSTRAINT bookmarks_note_length CHECK (length(note) BETWEEN 0 AND 500 AND instr(note, char(0)) = 0),
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT bookmarks_created_at_utc CHECK (datetime(substr(created_at, 1, 19)) IS substr(created_at, 1, 19)
            AND substr(created_at, 12, 2) < '24' AND instr(created_at, char(0)) = 0
            AND substr(created_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]')
);
CREATE UNIQUE INDEX idx_bookmarks_user_message ON bookmarks (user_id, message_id);
CREATE INDEX idx_bookmarks_message ON bookmarks (message_id);
