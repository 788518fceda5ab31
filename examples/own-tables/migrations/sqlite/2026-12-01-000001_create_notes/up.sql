-- Notes of the users, which disappear with them.
-- requires: 2026-11-23-000002 the table users
CREATE TABLE notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    text TEXT NOT NULL
        CONSTRAINT notes_text_length CHECK (length(text) BETWEEN 1 AND 4000 AND instr(text, char(0)) = 0),
    written_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT notes_written_at_utc CHECK (datetime(substr(written_at, 1, 19)) IS substr(written_at, 1, 19)
            AND substr(written_at, 12, 2) < '24' AND instr(written_at, char(0)) = 0
            AND substr(written_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]')
);
CREATE INDEX idx_notes_user ON notes (user_id, id);
