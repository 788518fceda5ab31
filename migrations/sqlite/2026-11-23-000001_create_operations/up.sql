-- Operations: health, backups, metrics and the history of the schema. These tables are created first and
-- reference no others, so that a rollback keeps the history and the records of backups and failures.

-- Last known state of each component, one row per component, with its number of consecutive failures.
CREATE TABLE system_health (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    component TEXT NOT NULL
        CONSTRAINT system_health_component_length CHECK (length(component) BETWEEN 1 AND 100 AND typeof(component) <> 'blob' AND instr(component, char(0)) = 0),
    status TEXT NOT NULL
        CONSTRAINT system_health_status_known CHECK (status IN ('healthy', 'degraded', 'unhealthy', 'unknown')),
    last_check TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT system_health_last_check_utc CHECK (datetime(substr(last_check, 1, 19)) IS substr(last_check, 1, 19)
            AND substr(last_check, 12, 2) < '24' AND typeof(last_check) <> 'blob' AND instr(last_check, char(0)) = 0
            AND substr(last_check, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    next_check TIMESTAMP
        CONSTRAINT system_health_next_check_utc CHECK (datetime(substr(next_check, 1, 19)) IS substr(next_check, 1, 19)
            AND substr(next_check, 12, 2) < '24' AND typeof(next_check) <> 'blob' AND instr(next_check, char(0)) = 0
            AND substr(next_check, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    check_interval_seconds INTEGER NOT NULL DEFAULT 300
        CONSTRAINT system_health_check_interval_seconds_range CHECK (typeof(check_interval_seconds) = 'integer' AND check_interval_seconds BETWEEN 1 AND 2147483647),
    metrics TEXT NOT NULL DEFAULT '{}'
        CONSTRAINT system_health_metrics_json CHECK (typeof(metrics) <> 'blob' AND json_valid(metrics) AND instr(metrics, char(0)) = 0),
    error_details TEXT
        CONSTRAINT system_health_error_details_text CHECK (typeof(error_details) <> 'blob' AND instr(error_details, char(0)) = 0),
    consecutive_failures INTEGER NOT NULL DEFAULT 0
        CONSTRAINT system_health_consecutive_failures_count CHECK (typeof(consecutive_failures) = 'integer' AND consecutive_failures BETWEEN 0 AND 2147483647),
    max_failures INTEGER NOT NULL DEFAULT 3
        CONSTRAINT system_health_max_failures_range CHECK (typeof(max_failures) = 'integer' AND max_failures BETWEEN 1 AND 2147483647),
    alert_sent BOOLEAN NOT NULL DEFAULT 0
        CONSTRAINT system_health_alert_sent_flag CHECK (alert_sent IN (0, 1)),
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT system_health_created_at_utc CHECK (datetime(substr(created_at, 1, 19)) IS substr(created_at, 1, 19)
            AND substr(created_at, 12, 2) < '24' AND typeof(created_at) <> 'blob' AND instr(created_at, char(0)) = 0
            AND substr(created_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    CONSTRAINT system_health_check_order CHECK (next_check >= last_check)
);
CREATE UNIQUE INDEX idx_system_health_component ON system_health (component);
CREATE INDEX idx_system_health_status ON system_health (status, component);
CREATE INDEX idx_system_health_last_check ON system_health (last_check);
CREATE INDEX idx_system_health_next_check ON system_health (next_check);

-- Attempted backups of this database, with path, status and verification.
CREATE TABLE backup_jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    job_id TEXT NOT NULL
        CONSTRAINT backup_jobs_job_id_uuid CHECK (typeof(job_id) = 'text' AND job_id GLOB '????????-????-????-????-????????????'
            AND job_id NOT GLOB '*[^-0-9a-f]*' AND length(replace(job_id, '-', '')) = 32 AND instr(job_id, char(0)) = 0),
    backup_type TEXT NOT NULL DEFAULT 'full'
        CONSTRAINT backup_jobs_backup_type_known CHECK (backup_type IN ('full', 'incremental')),
    status TEXT NOT NULL DEFAULT 'pending'
        CONSTRAINT backup_jobs_status_known CHECK (status IN ('pending', 'running', 'completed', 'failed')),
    started_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT backup_jobs_started_at_utc CHECK (datetime(substr(started_at, 1, 19)) IS substr(started_at, 1, 19)
            AND substr(started_at, 12, 2) < '24' AND typeof(started_at) <> 'blob' AND instr(started_at, char(0)) = 0
            AND substr(started_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    completed_at TIMESTAMP
        CONSTRAINT backup_jobs_completed_at_utc CHECK (datetime(substr(completed_at, 1, 19)) IS substr(completed_at, 1, 19)
            AND substr(completed_at, 12, 2) < '24' AND typeof(completed_at) <> 'blob' AND instr(completed_at, char(0)) = 0
            AND substr(completed_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    backup_path TEXT
        CONSTRAINT backup_jobs_backup_path_length CHECK (length(backup_path) BETWEEN 1 AND 4096 AND typeof(backup_path) <> 'blob' AND instr(backup_path, char(0)) = 0),
    backup_size BIGINT
        CONSTRAINT backup_jobs_backup_size_count CHECK (backup_size IS NULL OR (typeof(backup_size) = 'integer' AND backup_size >= 0)),
    compression_ratio DOUBLE PRECISION
        CONSTRAINT backup_jobs_compression_ratio_positive CHECK (typeof(compression_ratio) IN ('real', 'integer', 'null') AND compression_ratio > 0
            AND compression_ratio <= 1.7976931348623157e308),
    verification_status TEXT
        CONSTRAINT backup_jobs_verification_status_known CHECK (verification_status IN ('verified', 'failed', 'skipped')),
    error_message TEXT
        CONSTRAINT backup_jobs_error_message_text CHECK (typeof(error_message) <> 'blob' AND instr(error_message, char(0)) = 0),
    triggered_by TEXT
        CONSTRAINT backup_jobs_triggered_by_length CHECK (length(triggered_by) BETWEEN 1 AND 100 AND typeof(triggered_by) <> 'blob' AND instr(triggered_by, char(0)) = 0),
    retention_days INTEGER NOT NULL DEFAULT 30
        CONSTRAINT backup_jobs_retention_days_range CHECK (typeof(retention_days) = 'integer' AND retention_days BETWEEN 1 AND 2147483647),
    metadata TEXT NOT NULL DEFAULT '{}'
        CONSTRAINT backup_jobs_metadata_json CHECK (typeof(metadata) <> 'blob' AND json_valid(metadata) AND instr(metadata, char(0)) = 0),
    CONSTRAINT backup_jobs_completion_order CHECK (completed_at >= started_at)
);
CREATE UNIQUE INDEX idx_backup_jobs_job_id ON backup_jobs (job_id);
CREATE INDEX idx_backup_jobs_status ON backup_jobs (status, started_at);
CREATE INDEX idx_backup_jobs_started_at ON backup_jobs (started_at);

-- Measurements over time, one row per value.
CREATE TABLE system_metrics (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    metric_name TEXT NOT NULL
        CONSTRAINT system_metrics_metric_name_length CHECK (length(metric_name) BETWEEN 1 AND 100 AND typeof(metric_name) <> 'blob' AND instr(metric_name, char(0)) = 0),
    metric_value DOUBLE PRECISION NOT NULL
        CONSTRAINT system_metrics_metric_value_finite CHECK (typeof(metric_value) IN ('real', 'integer') AND abs(metric_value) <= 1.7976931348623157e308),
    metric_unit TEXT
        CONSTRAINT system_metrics_metric_unit_length CHECK (length(metric_unit) BETWEEN 1 AND 20 AND typeof(metric_unit) <> 'blob' AND instr(metric_unit, char(0)) = 0),
    metric_type TEXT NOT NULL
        CONSTRAINT system_metrics_metric_type_known CHECK (metric_type IN ('counter', 'gauge', 'histogram', 'timer')),
    component TEXT
        CONSTRAINT system_metrics_component_length CHECK (length(component) BETWEEN 1 AND 100 AND typeof(component) <> 'blob' AND instr(component, char(0)) = 0),
    timestamp TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT system_metrics_timestamp_utc CHECK (datetime(substr(timestamp, 1, 19)) IS substr(timestamp, 1, 19)
            AND substr(timestamp, 12, 2) < '24' AND typeof(timestamp) <> 'blob' AND instr(timestamp, char(0)) = 0
            AND substr(timestamp, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    tags TEXT NOT NULL DEFAULT '{}'
        CONSTRAINT system_metrics_tags_json CHECK (typeof(tags) <> 'blob' AND json_valid(tags) AND instr(tags, char(0)) = 0 AND json_type(tags) = 'object'),
    metadata TEXT NOT NULL DEFAULT '{}'
        CONSTRAINT system_metrics_metadata_json CHECK (typeof(metadata) <> 'blob' AND json_valid(metadata) AND instr(metadata, char(0)) = 0)
);
CREATE INDEX idx_system_metrics_name ON system_metrics (metric_name, timestamp);
CREATE INDEX idx_system_metrics_timestamp ON system_metrics (timestamp);
CREATE INDEX idx_system_metrics_component ON system_metrics (component, timestamp) WHERE component IS NOT NULL;
CREATE INDEX idx_system_metrics_type ON system_metrics (metric_type, timestamp);

-- History of the schema for people: each applied migration with the SHA-256 of its up.sql and its owner, and the
-- order in which they were applied. Which migrations have run is decided by __diesel_schema_migrations, which this
-- table follows.
CREATE TABLE schema_version (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    version BIGINT NOT NULL
        CONSTRAINT schema_version_version_range CHECK (typeof(version) = 'integer' AND version >= 1),
    applied_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
        CONSTRAINT schema_version_applied_at_utc CHECK (datetime(substr(applied_at, 1, 19)) IS substr(applied_at, 1, 19)
            AND substr(applied_at, 12, 2) < '24' AND typeof(applied_at) <> 'blob' AND instr(applied_at, char(0)) = 0
            AND substr(applied_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'),
    description TEXT
        CONSTRAINT schema_version_description_text CHECK (typeof(description) <> 'blob' AND instr(description, char(0)) = 0),
    checksum TEXT
        CONSTRAINT schema_version_checksum_sha256 CHECK (length(checksum) = 64 AND checksum NOT GLOB '*[^0-9a-f]*' AND typeof(checksum) <> 'blob' AND instr(checksum, char(0)) = 0),
    owner TEXT NOT NULL DEFAULT 'zenith-db'
        CONSTRAINT schema_version_owner_known CHECK (owner IN ('zenith-db', 'application'))
);
CREATE UNIQUE INDEX idx_schema_version_version ON schema_version (version);
