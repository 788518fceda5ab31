//! The health check: each test breaks one thing and sees exactly that check fail.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};

use crate::support::{Fixture, failed};
use zenith_db::config::{Key, Loader};
use zenith_db::manager::{DatabaseManager, HealthReport};
use zenith_db::{Config, migrations};

const NONE: [&str; 0] = [];

fn check(fixture: &Fixture) -> HealthReport {
    fixture.manager().health_check()
}

/// Exactly this check failed, and it decides about `healthy` as its weight says.
fn assert_only(report: &HealthReport, name: &str, critical: bool) {
    assert_eq!(failed(report), [name], "{report:#?}");
    assert!(!report.all_checks_passed);
    assert_eq!(report.healthy, !critical, "{name} is critical: {critical}");
    let check = report.failures().next().expect("one failure");
    assert_eq!(check.critical, critical);
    assert!(!check.details.is_empty());
}

fn details<'a>(report: &'a HealthReport, name: &str) -> &'a str {
    let check = report.checks.iter().find(|check| check.name == name);
    &check.expect("a check of this name").details
}

fn config_with(fixture: &Fixture, key: Key, value: &str) -> Config {
    let path = fixture.path();
    let loader = Loader::new().flag(Key::Path, "path", path.to_str().expect("UTF-8"));
    loader.flag(key, "test", value).load().expect("a valid configuration")
}

/// Writes over a part of the database file.
fn overwrite(fixture: &Fixture, at: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(fixture.path()).expect("the database");
    file.seek(SeekFrom::Start(at)).expect("a place in it");
    file.write_all(bytes).expect("bytes");
}

#[test]
fn every_check_is_made_and_passes_on_a_sound_database() {
    let report = check(&Fixture::created());
    assert_eq!(failed(&report), NONE);
    assert!(report.healthy && report.all_checks_passed);
    let names: Vec<&str> = report.checks.iter().map(|check| check.name).collect();
    assert_eq!(
        names,
        [
            "Database File Exists",
            "Schema Version",
            "Required Tables",
            "Required Columns and Indexes",
            "Triggers Present",
            "Foreign Keys Enabled",
            "Foreign Key Violations",
            "WAL Mode",
            "Quick Integrity",
            "Seeds Present",
            "Admin User Exists",
            "SQLite Version",
            "File Permissions",
            "Pending Migrations",
        ]
    );
}

#[test]
fn a_missing_database_fails_the_first_check_and_is_not_created() {
    let fixture = Fixture::empty();
    let report = check(&fixture);
    assert_only(&report, "Database File Exists", true);
    assert_eq!(report.checks.len(), 1, "nothing else can be looked at");
    assert_eq!(fixture.files(), NONE);
}

#[test]
fn a_migration_that_was_changed_after_it_ran_fails_schema_version() {
    let fixture = Fixture::created();
    fixture.sql(
        "UPDATE schema_version SET checksum = replace(checksum, substr(checksum, 1, 1),
             CASE substr(checksum, 1, 1) WHEN 'a' THEN 'b' ELSE 'a' END)
         WHERE id = 1",
    );
    assert_only(&check(&fixture), "Schema Version", true);
}

#[test]
fn a_migration_that_is_not_recorded_or_not_known_fails_schema_version() {
    let fixture = Fixture::created();
    fixture.sql("DELETE FROM schema_version WHERE id = 1");
    assert_only(&check(&fixture), "Schema Version", true);

    let fixture = Fixture::created();
    fixture.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')");
    let report = check(&fixture);
    assert_only(&report, "Schema Version", true);
    assert!(details(&report, "Schema Version").contains("29990101000000"));
}

#[test]
fn each_table_that_is_dropped_fails_required_tables() {
    // Healthy was once reported after any of the first three was gone.
    for table in ["user_sessions", "api_keys", "notifications", "system_metrics"] {
        let fixture = Fixture::created();
        fixture.sql(&format!("DROP TABLE {table}"));
        let report = check(&fixture);
        assert_only(&report, "Required Tables", true);
        assert!(details(&report, "Required Tables").contains(table));
    }
}

#[test]
fn a_missing_index_or_a_changed_one_fails_columns_and_indexes() {
    for change in [
        "DROP INDEX idx_users_email",
        "DROP INDEX idx_users_email; CREATE INDEX idx_users_email ON users (email)",
    ] {
        let fixture = Fixture::created();
        fixture.sql(change);
        let report = check(&fixture);
        assert_only(&report, "Required Columns and Indexes", true);
        assert!(details(&report, "Required Columns and Indexes").contains("idx_users_email"));
    }
}

#[test]
fn a_column_that_is_missing_added_or_renamed_fails_columns_and_indexes() {
    for change in [
        "ALTER TABLE notifications DROP COLUMN action_label",
        "ALTER TABLE notifications ADD COLUMN surprise TEXT",
        "ALTER TABLE notifications RENAME COLUMN action_label TO label",
    ] {
        let fixture = Fixture::created();
        fixture.sql(change);
        let report = check(&fixture);
        assert_only(&report, "Required Columns and Indexes", true);
        assert!(details(&report, "Required Columns and Indexes").contains("notifications"));
    }
}

#[test]
fn a_missing_trigger_or_a_weakened_one_fails_triggers_present() {
    for change in [
        "DROP TRIGGER users_updated_at",
        "DROP TRIGGER audit_log_no_delete;
         CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log BEGIN SELECT 1; END",
    ] {
        let fixture = Fixture::created();
        fixture.sql(change);
        assert_only(&check(&fixture), "Triggers Present", true);
    }
}

#[test]
fn references_that_are_not_enforced_fail_foreign_keys_enabled() {
    let fixture = Fixture::created();
    let manager = DatabaseManager::new(config_with(&fixture, Key::ForeignKeys, "false"));
    assert_only(&manager.health_check(), "Foreign Keys Enabled", false);
}

#[test]
fn a_row_that_refers_to_nothing_fails_foreign_key_violations() {
    let fixture = Fixture::created();
    fixture.sql("INSERT INTO role_permissions (role_id, permission_id) VALUES (999, 1)");
    let report = check(&fixture);
    assert_only(&report, "Foreign Key Violations", true);
    let row = fixture.text("SELECT id FROM role_permissions WHERE role_id = 999");
    let expected = format!("role_permissions row {row} has no roles");
    assert!(details(&report, "Foreign Key Violations").contains(&expected), "{report:#?}");
}

#[test]
fn a_rollback_journal_fails_wal_mode_unless_it_is_wanted() {
    let fixture = Fixture::created();
    fixture.sql("PRAGMA journal_mode = DELETE");
    assert_only(&check(&fixture), "WAL Mode", false);
    // Looking did not set it.
    assert_eq!(fixture.text("SELECT journal_mode FROM pragma_journal_mode"), "delete");

    let unwanted = DatabaseManager::new(config_with(&fixture, Key::WalMode, "false"));
    assert_eq!(failed(&unwanted.health_check()), NONE);
}

#[test]
fn a_damaged_page_fails_quick_integrity() {
    for (kind, damage) in [("leaf", vec![0xAB; 64]), ("overflow", vec![0x7F; 4])] {
        let fixture = Fixture::created();
        fixture.sql(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
             INSERT INTO system_metrics (metric_name, metric_value, metric_type, metadata)
             SELECT 'm', i, 'gauge', json_object('text', hex(zeroblob(5000))) FROM n",
        );
        let page: u64 = fixture
            .text(&format!(
                "SELECT max(pageno) FROM dbstat
                 WHERE name = 'system_metrics' AND pagetype = '{kind}'"
            ))
            .parse()
            .expect("a page of this kind");
        let size: u64 = fixture.text("SELECT page_size FROM pragma_page_size").parse().expect("it");
        assert_eq!(failed(&check(&fixture)), NONE);

        overwrite(&fixture, (page - 1) * size, &damage);
        let report = check(&fixture);
        assert_only(&report, "Quick Integrity", true);
    }
}

#[test]
fn a_missing_role_permission_or_setting_fails_seeds_present() {
    for (change, name) in [
        ("DELETE FROM system_settings WHERE key = 'BACKUP_ENABLED'", "BACKUP_ENABLED"),
        ("DELETE FROM permissions WHERE name = 'user_create'", "user_create"),
        (
            "DELETE FROM role_permissions WHERE role_id =
                 (SELECT id FROM roles WHERE name = 'read_only');
             DELETE FROM roles WHERE name = 'read_only'",
            "read_only",
        ),
    ] {
        let fixture = Fixture::created();
        fixture.sql(change);
        let report = check(&fixture);
        assert_only(&report, "Seeds Present", true);
        assert!(details(&report, "Seeds Present").contains(name));
    }
}

#[test]
fn without_an_active_administrator_admin_user_exists_fails() {
    for change in [
        "UPDATE users SET is_active = 0",
        "UPDATE users SET role_id = (SELECT id FROM roles WHERE name = 'operator')",
        "DELETE FROM users",
    ] {
        let fixture = Fixture::created();
        fixture.sql(change);
        assert_only(&check(&fixture), "Admin User Exists", false);
    }
}

#[test]
fn an_administrator_of_any_name_counts() {
    let fixture = Fixture::created();
    fixture.sql(
        "UPDATE users SET username = 'ada', email = 'ada@example.com',
             role_id = (SELECT id FROM roles WHERE name = 'administrator')",
    );
    let report = check(&fixture);
    assert_eq!(failed(&report), NONE);
    assert_eq!(details(&report, "Admin User Exists"), "ada");
}

#[test]
fn sqlite_version_names_the_version_that_is_compiled_in() {
    // It is compiled in, so it cannot be made to fail from outside.
    let fixture = Fixture::created();
    let report = check(&fixture);
    assert_eq!(details(&report, "SQLite Version"), fixture.text("sqlite_version()"));
}

#[cfg(unix)]
#[test]
fn a_file_or_directory_that_others_may_touch_fails_file_permissions() {
    use std::os::unix::fs::PermissionsExt;

    for (name, mode) in
        [("zenith.db", 0o640), ("zenith.db", 0o604), ("", 0o720), ("backups", 0o750)]
    {
        let fixture = Fixture::created();
        let path = fixture.directory.path().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
        assert_only(&check(&fixture), "File Permissions", false);
    }
}

#[test]
fn a_migration_that_has_not_run_fails_pending_migrations() {
    let fixture = Fixture::created();
    let latest = migrations::latest();
    fixture.sql(&format!(
        "DELETE FROM __diesel_schema_migrations WHERE version = '{latest}';
         DELETE FROM schema_version WHERE version = {latest}"
    ));
    assert_only(&check(&fixture), "Pending Migrations", true);
}

#[test]
fn a_damaged_header_is_a_failed_check_and_not_a_panic() {
    let page_size = 16;
    let schema_page = 100;
    for (at, damage) in [
        (0, b"damaged damaged!".as_slice()),
        (page_size, &[0, 3]),
        (44, &[0, 0, 0, 99]),
        (schema_page, &[0xFF; 12]),
        (0, &[0; 4096]),
    ] {
        let fixture = Fixture::created();
        overwrite(&fixture, at, damage);
        let report = check(&fixture);
        assert!(!report.healthy, "at {at}: {report:#?}");
        assert!(report.failures().all(|check| !check.details.is_empty()));
    }
}

#[test]
fn a_truncated_file_is_unhealthy() {
    for keep in [10, 100, 4096, 100_000] {
        let fixture = Fixture::created();
        let file = OpenOptions::new().write(true).open(fixture.path()).expect("the database");
        assert!(file.metadata().expect("a length").len() > keep);
        file.set_len(keep).expect("a shorter file");
        let report = check(&fixture);
        assert!(!report.healthy, "{keep} bytes: {report:#?}");
    }
}

#[test]
fn above_256_mib_quick_integrity_is_skipped_and_says_how_to_ask_for_it() {
    let fixture = Fixture::created();
    assert_eq!(details(&check(&fixture), "Quick Integrity"), "no damage found");
    let file = OpenOptions::new().write(true).open(fixture.path()).expect("the database");
    // A hole costs no disk, and SQLite takes the length from the header.
    file.set_len(256 * 1024 * 1024 + 4096).expect("a longer file");
    drop(file);
    let report = check(&fixture);
    assert_eq!(failed(&report), NONE);
    let details = details(&report, "Quick Integrity");
    assert!(details.contains("skipped") && details.contains("--deep"), "{details}");
}
