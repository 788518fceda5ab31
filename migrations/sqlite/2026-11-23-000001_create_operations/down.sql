-- Reverts create_operations.
DROP TABLE schema_version;
DROP TABLE system_metrics;
DROP TABLE backup_jobs;
DROP TABLE system_health;
