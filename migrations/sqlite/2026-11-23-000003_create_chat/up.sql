-- Chat: conversations and their messages.

-- Conversations of users. message_count, total_tokens and last_message_at are derived from chat_history and
-- written in the transaction of each message; updated_at is the last activity.
CREATE TABLE chat_sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    session_id TEXT NOT NULL
        CONSTRAINT chat_sessions_session_id_uuid CHECK (typeof(session_id) = 'text' AND session_id GLOB '????????-????-????-????-????????????'
            AND session_id NOT GLOB '*[^-0-9a-f]*' AND length(replace(session_id, '-', '')) = 32 AND instr(session_id, char(0)) = 0),
    user_id BIGINT NOT NULL
        CONSTRAINT chat_sessions_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    title TEXT
        CONSTRAINT chat_sessions_title_length CHECK (length(title) BETWEEN 0 AND 200 AND typeof(title) <> 'blob' AND instr(title, char(0)) = 0),
    description TEXT
        CONSTRAINT chat_sessions_description_text CHECK (typeof(description) <> 'blob' AND instr(description, char(0)) = 0),
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT chat_sessions_created_at_utc CHECK (datetime(substr(created_at, 1, 19)) IS substr(created_at, 1, 19)
            AND substr(created_at, 12, 2) < '24' AND typeof(created_at) <> 'blob' AND instr(created_at, char(0)) = 0
            AND substr(created_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT chat_sessions_updated_at_utc CHECK (datetime(substr(updated_at, 1, 19)) IS substr(updated_at, 1, 19)
            AND substr(updated_at, 12, 2) < '24' AND typeof(updated_at) <> 'blob' AND instr(updated_at, char(0)) = 0
            AND substr(updated_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    last_message_at TIMESTAMP
        CONSTRAINT chat_sessions_last_message_at_utc CHECK (datetime(substr(last_message_at, 1, 19)) IS substr(last_message_at, 1, 19)
            AND substr(last_message_at, 12, 2) < '24' AND typeof(last_message_at) <> 'blob' AND instr(last_message_at, char(0)) = 0
            AND substr(last_message_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    is_archived BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT chat_sessions_is_archived_flag CHECK (is_archived IN (0, 1)),
    is_shared BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT chat_sessions_is_shared_flag CHECK (is_shared IN (0, 1)),
    share_token TEXT
        CONSTRAINT chat_sessions_share_token_length CHECK (length(share_token) BETWEEN 1 AND 64 AND typeof(share_token) <> 'blob' AND instr(share_token, char(0)) = 0),
    share_expires_at TIMESTAMP
        CONSTRAINT chat_sessions_share_expires_at_utc CHECK (datetime(substr(share_expires_at, 1, 19)) IS substr(share_expires_at, 1, 19)
            AND substr(share_expires_at, 12, 2) < '24' AND typeof(share_expires_at) <> 'blob' AND instr(share_expires_at, char(0)) = 0
            AND substr(share_expires_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    message_count BIGINT NOT NULL DEFAULT 0
        CONSTRAINT chat_sessions_message_count_count CHECK (typeof(message_count) = 'integer' AND message_count >= 0),
    total_tokens BIGINT NOT NULL DEFAULT 0
        CONSTRAINT chat_sessions_total_tokens_count CHECK (typeof(total_tokens) = 'integer' AND total_tokens >= 0),
    metadata TEXT NOT NULL DEFAULT '{}'
        CONSTRAINT chat_sessions_metadata_json CHECK (typeof(metadata) <> 'blob' AND json_valid(metadata) AND instr(metadata, char(0)) = 0)
);
CREATE UNIQUE INDEX idx_chat_sessions_session_id ON chat_sessions (session_id);
CREATE INDEX idx_chat_sessions_user_id ON chat_sessions (user_id, is_archived, updated_at, id);
CREATE INDEX idx_chat_sessions_updated_at ON chat_sessions (updated_at);
CREATE UNIQUE INDEX idx_chat_sessions_share_token ON chat_sessions (share_token);
CREATE TRIGGER chat_sessions_updated_at AFTER UPDATE ON chat_sessions
WHEN NEW.updated_at <= OLD.updated_at AND NEW.updated_at <> strftime('%Y-%m-%d %H:%M:%f000', 'now')
BEGIN
    UPDATE chat_sessions SET updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now') WHERE id = NEW.id;
END;

-- Messages of conversations, in the order of their ids. A deleted message is kept with is_deleted set
-- until its conversation is deleted.
CREATE TABLE chat_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    chat_session_id BIGINT NOT NULL
        CONSTRAINT chat_history_chat_session_id_fkey REFERENCES chat_sessions (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL
        CONSTRAINT chat_history_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    message_id TEXT NOT NULL
        CONSTRAINT chat_history_message_id_uuid CHECK (typeof(message_id) = 'text' AND message_id GLOB '????????-????-????-????-????????????'
            AND message_id NOT GLOB '*[^-0-9a-f]*' AND length(replace(message_id, '-', '')) = 32 AND instr(message_id, char(0)) = 0),
    parent_message_id TEXT
        CONSTRAINT chat_history_parent_message_id_fkey REFERENCES chat_history (message_id) ON DELETE SET NULL
        CONSTRAINT chat_history_parent_message_id_uuid CHECK (typeof(parent_message_id) IN ('text', 'null') AND parent_message_id GLOB '????????-????-????-????-????????????'
            AND parent_message_id NOT GLOB '*[^-0-9a-f]*' AND length(replace(parent_message_id, '-', '')) = 32 AND instr(parent_message_id, char(0)) = 0),
    message_content TEXT NOT NULL
        CONSTRAINT chat_history_message_content_text CHECK (typeof(message_content) <> 'blob' AND instr(message_content, char(0)) = 0),
    message_type TEXT NOT NULL
        CONSTRAINT chat_history_message_type_known CHECK (message_type IN ('user', 'assistant', 'system')),
    model_name TEXT
        CONSTRAINT chat_history_model_name_length CHECK (length(model_name) BETWEEN 1 AND 100 AND typeof(model_name) <> 'blob' AND instr(model_name, char(0)) = 0),
    provider TEXT
        CONSTRAINT chat_history_provider_length CHECK (length(provider) BETWEEN 1 AND 50 AND typeof(provider) <> 'blob' AND instr(provider, char(0)) = 0),
    timestamp TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT chat_history_timestamp_utc CHECK (datetime(substr(timestamp, 1, 19)) IS substr(timestamp, 1, 19)
            AND substr(timestamp, 12, 2) < '24' AND typeof(timestamp) <> 'blob' AND instr(timestamp, char(0)) = 0
            AND substr(timestamp, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    token_count INTEGER
        CONSTRAINT chat_history_token_count_count CHECK (token_count IS NULL OR (typeof(token_count) = 'integer' AND token_count BETWEEN 0 AND 2147483647)),
    processing_time_ms INTEGER
        CONSTRAINT chat_history_processing_time_ms_count CHECK (processing_time_ms IS NULL OR (typeof(processing_time_ms) = 'integer' AND processing_time_ms BETWEEN 0 AND 2147483647)),
    is_deleted BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT chat_history_is_deleted_flag CHECK (is_deleted IN (0, 1)),
    deleted_at TIMESTAMP
        CONSTRAINT chat_history_deleted_at_utc CHECK (datetime(substr(deleted_at, 1, 19)) IS substr(deleted_at, 1, 19)
            AND substr(deleted_at, 12, 2) < '24' AND typeof(deleted_at) <> 'blob' AND instr(deleted_at, char(0)) = 0
            AND substr(deleted_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    deleted_by BIGINT
        CONSTRAINT chat_history_deleted_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    is_edited BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT chat_history_is_edited_flag CHECK (is_edited IN (0, 1)),
    edit_count INTEGER NOT NULL DEFAULT 0
        CONSTRAINT chat_history_edit_count_count CHECK (typeof(edit_count) = 'integer' AND edit_count BETWEEN 0 AND 2147483647),
    last_edited_at TIMESTAMP
        CONSTRAINT chat_history_last_edited_at_utc CHECK (datetime(substr(last_edited_at, 1, 19)) IS substr(last_edited_at, 1, 19)
            AND substr(last_edited_at, 12, 2) < '24' AND typeof(last_edited_at) <> 'blob' AND instr(last_edited_at, char(0)) = 0
            AND substr(last_edited_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    feedback_rating INTEGER
        CONSTRAINT chat_history_feedback_rating_range CHECK (feedback_rating IS NULL OR (typeof(feedback_rating) = 'integer' AND feedback_rating BETWEEN 1 AND 5)),
    feedback_comment TEXT
        CONSTRAINT chat_history_feedback_comment_text CHECK (typeof(feedback_comment) <> 'blob' AND instr(feedback_comment, char(0)) = 0),
    source_documents TEXT
        CONSTRAINT chat_history_source_documents_json CHECK (source_documents IS NULL OR typeof(source_documents) <> 'blob' AND json_valid(source_documents) AND instr(source_documents, char(0)) = 0),
    retrieval_context TEXT
        CONSTRAINT chat_history_retrieval_context_json CHECK (retrieval_context IS NULL OR typeof(retrieval_context) <> 'blob' AND json_valid(retrieval_context) AND instr(retrieval_context, char(0)) = 0),
    metadata TEXT NOT NULL DEFAULT '{}'
        CONSTRAINT chat_history_metadata_json CHECK (typeof(metadata) <> 'blob' AND json_valid(metadata) AND instr(metadata, char(0)) = 0)
);
CREATE UNIQUE INDEX idx_chat_history_message_id ON chat_history (message_id);
CREATE INDEX idx_chat_history_chat_session_id ON chat_history (chat_session_id, id);
CREATE INDEX idx_chat_history_user_id ON chat_history (user_id, id);
CREATE INDEX idx_chat_history_parent_message_id ON chat_history (parent_message_id) WHERE parent_message_id IS NOT NULL;
CREATE INDEX idx_chat_history_deleted_by ON chat_history (deleted_by) WHERE deleted_by IS NOT NULL;
