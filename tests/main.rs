//! Every test, in one program, so that it is linked once: one file per promise, and each test has a
//! database of its own.
#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic, and what the tests share is public to them"
)]

mod support;

mod adopt;
mod adopt_carried;
mod adopt_command;
mod adopt_hostile;
mod adopt_killed;
mod adopt_private;
mod adopt_uuids;
mod audit_append_only;
mod audit_not_jammed;
mod backends_agree;
mod backup;
mod column_privacy;
mod command;
mod command_administrator;
mod command_flags;
mod command_force;
mod command_on_a_server;
mod command_output;
mod compile_fail;
mod concurrent_create;
mod concurrent_migrations;
mod config;
mod config_command;
mod config_refused;
mod constraints;
mod constraints_together;
mod health;
mod health_reads_only;
mod health_sqlite;
mod manager;
mod migration_backups;
mod migration_conservation;
mod migration_failures;
mod migration_full_disk;
mod migration_history;
mod migration_kills;
mod migration_lint;
#[cfg(feature = "postgres")]
mod migration_lost_connection;
mod migration_no_room;
mod migration_plan;
#[cfg(feature = "postgres")]
mod migration_postgres;
mod migration_rebuild;
mod migration_records;
mod migration_refused;
mod migration_versions;
mod migration_waiting;
mod migrations;
mod model_lints;
mod models_access;
mod models_api_keys;
mod models_audit;
mod models_audit_encoding;
mod models_audit_page;
mod models_backups_metrics;
mod models_chat;
mod models_chunks;
mod models_concurrency;
mod models_credentials;
mod models_document_filters;
mod models_document_lifecycle;
mod models_documents;
mod models_health;
mod models_messages;
mod models_metric_series;
mod models_notifications;
mod models_pages;
mod models_pages_meanwhile;
mod models_preferences;
mod models_security_events;
mod models_sessions;
mod models_settings;
mod models_settings_properties;
mod models_settings_rules;
mod models_settings_stored;
mod models_stored_files;
mod models_transactions;
mod models_users;
mod models_users_listed;
mod on_delete;
mod paths;
mod paths_inspected;
mod paths_refused;
mod pool;
mod pool_pragmas;
mod pool_writes;
mod private_files;
mod schema_lints;
mod seeds;
mod server_errors;
mod server_pool;
mod server_pooler;
mod server_replica;
mod start_script;
mod transfer_command;
mod transfer_killed;
mod transfer_resumed;
mod transfer_there_and_back;
mod updated_at;
mod uuids;
