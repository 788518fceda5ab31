-- Audit and security: the hash-chained log and security incidents.

-- Actions with actor, time and result: append-only, and chained by hash. The actor's name is copied, so
-- that the entry stays readable after the user was renamed or anonymised. session_id is the public id of
-- the session, without a foreign key: sessions are purged, entries are not.
-- No entry can prevent the next one. The next id is the last id plus one, so that an id stays close to its
-- seq: an adopted entry keeps its id, but no id can be near the largest integer.
CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL
        CONSTRAINT audit_log_id_range CHECK (id - seq BETWEEN 0 AND 1000000000000000),
    seq BIGINT NOT NULL
        CONSTRAINT audit_log_seq_range CHECK (typeof(seq) = 'integer' AND seq >= 1),
    event_id TEXT NOT NULL
        CONSTRAINT audit_log_event_id_uuid CHECK (typeof(event_id) = 'text' AND event_id GLOB '????????-????-????-????-????????????'
            AND event_id NOT GLOB '*[^-0-9a-f]*' AND length(replace(event_id, '-', '')) = 32 AND instr(event_id, char(0)) = 0),
    user_id BIGINT
        CONSTRAINT audit_log_user_id_fkey REFERENCES users (id) ON DELETE RESTRICT,
    actor_name TEXT
        CONSTRAINT audit_log_actor_name_length CHECK (length(actor_name) BETWEEN 1 AND 50 AND typeof(actor_name) <> 'blob' AND instr(actor_name, char(0)) = 0),
    session_id TEXT
        CONSTRAINT audit_log_session_id_length CHECK (length(session_id) BETWEEN 1 AND 64 AND typeof(session_id) <> 'blob' AND instr(session_id, char(0)) = 0),
    event_type TEXT NOT NULL
        CONSTRAINT audit_log_event_type_length CHECK (length(event_type) BETWEEN 1 AND 50 AND typeof(event_type) <> 'blob' AND instr(event_type, char(0)) = 0),
    event_category TEXT NOT NULL
        CONSTRAINT audit_log_event_category_length CHECK (length(event_category) BETWEEN 1 AND 50 AND typeof(event_category) <> 'blob' AND instr(event_category, char(0)) = 0),
    resource_type TEXT
        CONSTRAINT audit_log_resource_type_length CHECK (length(resource_type) BETWEEN 1 AND 50 AND typeof(resource_type) <> 'blob' AND instr(resource_type, char(0)) = 0),
    resource_id TEXT
        CONSTRAINT audit_log_resource_id_length CHECK (length(resource_id) BETWEEN 1 AND 100 AND typeof(resource_id) <> 'blob' AND instr(resource_id, char(0)) = 0),
    action TEXT NOT NULL
        CONSTRAINT audit_log_action_length CHECK (length(action) BETWEEN 1 AND 100 AND typeof(action) <> 'blob' AND instr(action, char(0)) = 0),
    description TEXT
        CONSTRAINT audit_log_description_text CHECK (typeof(description) <> 'blob' AND instr(description, char(0)) = 0),
    ip_address TEXT
        CONSTRAINT audit_log_ip_address_length CHECK (length(ip_address) BETWEEN 1 AND 45 AND typeof(ip_address) <> 'blob' AND instr(ip_address, char(0)) = 0),
    user_agent TEXT
        CONSTRAINT audit_log_user_agent_text CHECK (typeof(user_agent) <> 'blob' AND instr(user_agent, char(0)) = 0),
    timestamp TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT audit_log_timestamp_utc CHECK (datetime(substr(timestamp, 1, 19)) IS substr(timestamp, 1, 19)
            AND substr(timestamp, 12, 2) < '24' AND typeof(timestamp) <> 'blob' AND instr(timestamp, char(0)) = 0
            AND substr(timestamp, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    severity TEXT NOT NULL DEFAULT 'info'
        CONSTRAINT audit_log_severity_known CHECK (severity IN ('debug', 'info', 'warning', 'error', 'critical')),
    success BOOLEAN NOT NULL DEFAULT 1
        CONSTRAINT audit_log_success_flag CHECK (success IN (0, 1)),
    error_message TEXT
        CONSTRAINT audit_log_error_message_text CHECK (typeof(error_message) <> 'blob' AND instr(error_message, char(0)) = 0),
    request_data TEXT
        CONSTRAINT audit_log_request_data_json CHECK (request_data IS NULL OR typeof(request_data) <> 'blob' AND json_valid(request_data) AND instr(request_data, char(0)) = 0),
    response_data TEXT
        CONSTRAINT audit_log_response_data_json CHECK (response_data IS NULL OR typeof(response_data) <> 'blob' AND json_valid(response_data) AND instr(response_data, char(0)) = 0),
    metadata TEXT NOT NULL DEFAULT '{}'
        CONSTRAINT audit_log_metadata_json CHECK (typeof(metadata) <> 'blob' AND json_valid(metadata) AND instr(metadata, char(0)) = 0),
    prev_hash TEXT NOT NULL
        CONSTRAINT audit_log_prev_hash_sha256 CHECK (length(prev_hash) = 64 AND prev_hash NOT GLOB '*[^0-9a-f]*' AND typeof(prev_hash) <> 'blob' AND instr(prev_hash, char(0)) = 0),
    entry_hash TEXT NOT NULL
        CONSTRAINT audit_log_entry_hash_sha256 CHECK (length(entry_hash) = 64 AND entry_hash NOT GLOB '*[^0-9a-f]*' AND typeof(entry_hash) <> 'blob' AND instr(entry_hash, char(0)) = 0
            AND typeof(entry_hash) = 'text')
        CONSTRAINT audit_log_entry_hash_nonzero CHECK (ltrim(entry_hash, '0') <> '')
);
CREATE UNIQUE INDEX idx_audit_log_event_id ON audit_log (event_id);
CREATE UNIQUE INDEX idx_audit_log_seq ON audit_log (seq);
CREATE UNIQUE INDEX idx_audit_log_prev_hash ON audit_log (prev_hash);
CREATE UNIQUE INDEX idx_audit_log_entry_hash ON audit_log (entry_hash);
CREATE INDEX idx_audit_log_user_id ON audit_log (user_id, seq) WHERE user_id IS NOT NULL;
CREATE INDEX idx_audit_log_timestamp ON audit_log (timestamp);
CREATE INDEX idx_audit_log_event_type ON audit_log (event_type, seq);
CREATE INDEX idx_audit_log_event_category ON audit_log (event_category, seq);
CREATE INDEX idx_audit_log_severity ON audit_log (severity, seq);
CREATE INDEX idx_audit_log_resource ON audit_log (resource_type, resource_id, seq) WHERE resource_type IS NOT NULL;
CREATE INDEX idx_audit_log_resource_type ON audit_log (resource_type, seq) WHERE resource_type IS NOT NULL;
-- Append-only. Each row continues the chain: seq has no gap, and prev_hash is the entry_hash of the row
-- before (64 zeros for the first). An entry_hash is neither zeros nor that of another entry: otherwise the
-- next entry's prev_hash would not be unique. The insert trigger also refuses INSERT OR REPLACE, which
-- deletes rows without firing delete triggers unless recursive_triggers is on: it checks every unique column.
CREATE TRIGGER audit_log_append BEFORE INSERT ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only: this event_id exists')
    WHERE EXISTS (SELECT 1 FROM audit_log WHERE event_id = NEW.event_id);
    SELECT RAISE(ABORT, 'audit_log: another entry has this entry_hash')
    WHERE EXISTS (SELECT 1 FROM audit_log WHERE entry_hash = NEW.entry_hash);
    SELECT RAISE(ABORT, 'audit_log: seq must be one more than the last')
    WHERE NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit_log);
    -- A trigger sees -1 if the INSERT has no id. The CHECK also refuses an id that is too large, but an
    -- INSERT OR IGNORE that violates only the CHECK would use up all ids without inserting a row.
    SELECT RAISE(ABORT, 'audit_log: id must be greater than the last, and not by far')
    WHERE NEW.id BETWEEN 0 AND (SELECT id FROM audit_log ORDER BY seq DESC LIMIT 1)
       OR NEW.id - NEW.seq > 1000000000000000;
    SELECT RAISE(ABORT, 'audit_log: prev_hash must be the entry_hash before it')
    WHERE NEW.prev_hash IS NOT coalesce(
        (SELECT entry_hash FROM audit_log WHERE seq = NEW.seq - 1),
        '0000000000000000000000000000000000000000000000000000000000000000');
END;
CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only: rows cannot be changed');
END;
CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only: rows cannot be deleted');
END;

-- Security incidents, which are open until a user resolves them with notes.
CREATE TABLE security_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    event_id TEXT NOT NULL
        CONSTRAINT security_events_event_id_uuid CHECK (typeof(event_id) = 'text' AND event_id GLOB '????????-????-????-????-????????????'
            AND event_id NOT GLOB '*[^-0-9a-f]*' AND length(replace(event_id, '-', '')) = 32 AND instr(event_id, char(0)) = 0),
    user_id BIGINT
        CONSTRAINT security_events_user_id_fkey REFERENCES users (id) ON DELETE RESTRICT,
    event_type TEXT NOT NULL
        CONSTRAINT security_events_event_type_length CHECK (length(event_type) BETWEEN 1 AND 50 AND typeof(event_type) <> 'blob' AND instr(event_type, char(0)) = 0),
    event_subtype TEXT
        CONSTRAINT security_events_event_subtype_length CHECK (length(event_subtype) BETWEEN 1 AND 50 AND typeof(event_subtype) <> 'blob' AND instr(event_subtype, char(0)) = 0),
    severity TEXT NOT NULL
        CONSTRAINT security_events_severity_known CHECK (severity IN ('debug', 'info', 'warning', 'error', 'critical')),
    source_ip TEXT
        CONSTRAINT security_events_source_ip_length CHECK (length(source_ip) BETWEEN 1 AND 45 AND typeof(source_ip) <> 'blob' AND instr(source_ip, char(0)) = 0),
    user_agent TEXT
        CONSTRAINT security_events_user_agent_text CHECK (typeof(user_agent) <> 'blob' AND instr(user_agent, char(0)) = 0),
    timestamp TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT security_events_timestamp_utc CHECK (datetime(substr(timestamp, 1, 19)) IS substr(timestamp, 1, 19)
            AND substr(timestamp, 12, 2) < '24' AND typeof(timestamp) <> 'blob' AND instr(timestamp, char(0)) = 0
            AND substr(timestamp, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    details TEXT
        CONSTRAINT security_events_details_json CHECK (details IS NULL OR typeof(details) <> 'blob' AND json_valid(details) AND instr(details, char(0)) = 0),
    resolved BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT security_events_resolved_flag CHECK (resolved IN (0, 1)),
    resolved_at TIMESTAMP
        CONSTRAINT security_events_resolved_at_utc CHECK (datetime(substr(resolved_at, 1, 19)) IS substr(resolved_at, 1, 19)
            AND substr(resolved_at, 12, 2) < '24' AND typeof(resolved_at) <> 'blob' AND instr(resolved_at, char(0)) = 0
            AND substr(resolved_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    resolved_by BIGINT
        CONSTRAINT security_events_resolved_by_fkey REFERENCES users (id) ON DELETE RESTRICT,
    investigation_notes TEXT
        CONSTRAINT security_events_investigation_notes_text CHECK (typeof(investigation_notes) <> 'blob' AND instr(investigation_notes, char(0)) = 0),
    CONSTRAINT security_events_resolution_order CHECK (resolved_at >= timestamp)
);
CREATE UNIQUE INDEX idx_security_events_event_id ON security_events (event_id);
CREATE INDEX idx_security_events_user_id ON security_events (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX idx_security_events_timestamp ON security_events (timestamp);
CREATE INDEX idx_security_events_event_type ON security_events (event_type, timestamp);
CREATE INDEX idx_security_events_severity ON security_events (severity, timestamp) WHERE NOT resolved;
CREATE INDEX idx_security_events_resolved_by ON security_events (resolved_by) WHERE resolved_by IS NOT NULL;
