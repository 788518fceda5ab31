-- The tables of its configuration, which some of its databases have.

CREATE TABLE configuration_values (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    value TEXT,
    value_type TEXT NOT NULL,
    environment TEXT DEFAULT 'default',
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    created_by TEXT,
    updated_by TEXT,
    UNIQUE (key, environment)
);

CREATE TABLE configuration_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    old_value TEXT,
    new_value TEXT,
    value_type TEXT NOT NULL,
    environment TEXT NOT NULL,
    change_type TEXT NOT NULL,
    timestamp DATETIME DEFAULT CURRENT_TIMESTAMP,
    changed_by TEXT,
    reason TEXT
);

CREATE TABLE configuration_schemas (
    key TEXT PRIMARY KEY,
    schema_json TEXT NOT NULL,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME DEFAULT CURRENT_TIMESTAMP
);
