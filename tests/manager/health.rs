//! The health check: each test breaks one thing and sees exactly that check fail.

use crate::support::{Fixture, failed, rows};
use zenith_db::manager::HealthReport;
use zenith_db::migrations;

const NONE: [&str; 0] = [];

pub fn check(fixture: &Fixture) -> HealthReport {
    fixture.manager().health_check()
}

/// Exactly this check failed, and it decides about `healthy` as its weight says.
pub fn assert_only(report: &HealthReport, name: &str, critical: bool) {
    assert_eq!(failed(report), [name], "{report:#?}");
    assert!(!report.all_checks_passed);
    assert_eq!(report.healthy, !critical, "{name} is critical: {critical}");
    let check = report.failures().next().expect("one failure");
    assert_eq!(check.critical, critical);
    assert!(!check.details.is_empty());
}

pub fn details<'a>(report: &'a HealthReport, name: &str) -> &'a str {
    let check = report.checks.iter().find(|check| check.name == name);
    &check.expect("a check of this name").details
}

#[test]
fn every_check_is_made_and_passes_on_a_sound_database() {
    let fixture = Fixture::created();
    let report = check(&fixture);
    assert_eq!(failed(&report), NONE);
    assert!(report.healthy && report.all_checks_passed);
    let names: Vec<&str> = report.checks.iter().map(|check| check.name).collect();
    let on_sqlite = [
        "Database File Exists",
        "Schema Version",
        "Required Tables",
        "Required Columns and Indexes",
        "Triggers Present",
        "Foreign Keys Enabled",
        "Foreign Key Violations",
        "WAL Mode",
        "WAL Size",
        "Quick Integrity",
        "Seeds Present",
        "Admin User Exists",
        "SQLite Version",
        "File Permissions",
        "Mount Point",
        "Pending Migrations",
    ];
    let on_a_server = [
        "Database Exists",
        "Schema Version",
        "Required Tables",
        "Required Columns and Indexes",
        "Triggers Present",
        "Foreign Key Violations",
        "Indexes Valid",
        "Sequences",
        "Nothing Added",
        "Seeds Present",
        "Admin User Exists",
        "Server Version",
        "Encoding",
        "Time Zone",
        "Connection Headroom",
        "Encryption",
        "Collations",
        "Old Transactions",
        "Transaction Ids",
        "Replication Slots",
        "Role",
        "Accepts Writes",
        "Replica",
        "Pending Migrations",
    ];
    assert_eq!(names, fixture.either(on_sqlite.as_slice(), &on_a_server));
}

#[test]
fn a_missing_database_fails_the_first_check_and_is_not_created() {
    let fixture = Fixture::empty();
    let report = check(&fixture);
    assert_only(&report, fixture.either("Database File Exists", "Database Exists"), true);
    assert_eq!(report.checks.len(), 1, "nothing else can be looked at");
    fixture.assert_nothing_was_created();
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
fn a_missing_trigger_fails_triggers_present() {
    let fixture = Fixture::created();
    rows::drop_trigger(&mut fixture.raw(), "users", "users_updated_at");
    assert_only(&check(&fixture), "Triggers Present", true);
}

#[test]
fn a_row_that_refers_to_nothing_fails_foreign_key_violations() {
    let fixture = Fixture::created();
    // A server keeps every reference unless it is told not to: that is what can be seen there.
    fixture.sql(fixture.either(
        "INSERT INTO role_permissions (id, role_id, permission_id) VALUES (999, 999, 1)",
        "ALTER TABLE role_permissions DISABLE TRIGGER ALL",
    ));
    let report = check(&fixture);
    assert_only(&report, "Foreign Key Violations", true);
    let expected = fixture.either(
        "role_permissions row 999 has no roles",
        "role_permissions: role_permissions_role_id_fkey is not enforced (a trigger is disabled)",
    );
    assert!(details(&report, "Foreign Key Violations").contains(expected), "{report:#?}");
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
        "UPDATE users SET is_active = FALSE",
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

#[cfg(unix)]
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
