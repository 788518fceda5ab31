-- Its tracking of migrations, which some of its databases have.

CREATE TABLE database_migrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    version INTEGER NOT NULL,
    name VARCHAR(100) NOT NULL,
    description TEXT,
    checksum VARCHAR(64) NOT NULL,
    applied_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    applied_by VARCHAR(100),
    execution_time_ms INTEGER,
    status VARCHAR(20) DEFAULT 'completed',
    error_message TEXT,
    rollback_sql TEXT,
    metadata JSON DEFAULT '{}',
    UNIQUE (version)
);
CREATE INDEX idx_migrations_version ON database_migrations (version);
