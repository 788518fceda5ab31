//! Seeding writes what is missing, and never what somebody changed.

use crate::support::rows;
use crate::support::{Fixture, administrator, failed, text};
use diesel::connection::SimpleConnection;
use zenith_db::Error;
use zenith_db::MigrationFault;
use zenith_db::manager::{DatabaseManager, RollbackTarget, SeedReport, SetupStatus};

/// Migrated by hand, so that there are tables but neither seeds nor an administrator.
fn migrated() -> Fixture {
    let fixture = Fixture::blank();
    fixture.manager().migrate().expect("tables");
    fixture
}

/// Both ways in which seeds are written.
fn seed_again(manager: &DatabaseManager) -> [SeedReport; 2] {
    let by_seed = manager.seed().expect("seeded");
    let report = manager.initialize(&administrator()).expect("nothing to do");
    [by_seed, report.details.seeded]
}

fn setting(fixture: &Fixture, key: &str) -> String {
    fixture.text(&format!("SELECT value FROM system_settings WHERE key = '{key}'"))
}

const NOTHING: [SeedReport; 2] =
    [SeedReport { roles: 0, permissions: 0, grants: 0, settings: 0, refreshed: 0 }; 2];

#[test]
fn the_seeds_are_those_of_the_schema_and_every_default_grant_is_a_row() {
    let fixture = migrated();
    let written = fixture.manager().seed().expect("seeded");
    let expected = SeedReport { roles: 5, permissions: 18, grants: 12, settings: 10, refreshed: 2 };
    assert_eq!(written, expected);
    let mut connection = fixture.raw();
    let grants = "SELECT r.name || ': ' || coalesce(string_agg(p.name, ' ' ORDER BY p.name), '') AS line
                  FROM roles AS r LEFT JOIN role_permissions AS g ON g.role_id = r.id
                  LEFT JOIN permissions AS p ON p.id = g.permission_id GROUP BY r.id ORDER BY r.name";
    assert_eq!(
        rows::lines(&mut connection, grants),
        [
            "administrator: audit_access deployment_management system_configuration user_management",
            "operator: basic_configuration chat_access document_upload system_monitoring",
            "read_only: chat_read_only",
            "super_admin: ",
            "user: chat_access document_upload profile_management",
        ]
    );
    let superusers = "SELECT string_agg(name, ',') FROM roles WHERE is_superuser";
    assert_eq!(text(&mut connection, superusers), "super_admin");
    let catalogue = rows::catalogue(&mut connection);
    let json = |name: &String| name.ends_with("roles.permissions");
    assert!(!catalogue.keys().any(json));
    let own = catalogue.get("table roles").is_some_and(|table| table.contains("permissions"));
    assert!(!own, "{}", catalogue["table roles"]);
    let permissions = "SELECT string_agg(name, ' ' ORDER BY name) FROM permissions";
    assert_eq!(
        text(&mut connection, permissions),
        "audit_access basic_configuration chat_access chat_delete chat_read_only \
         deployment_management document_delete document_read document_upload profile_management \
         security_management system_configuration system_monitoring user_create user_delete \
         user_management user_read user_update"
    );
    for (key, value) in [
        ("BACKUP_ENABLED", "true"),
        ("AUDIT_LOGGING", "true"),
        ("SESSION_TIMEOUT", "1440"),
        ("PASSWORD_EXPIRY_DAYS", "90"),
        ("MAX_LOGIN_ATTEMPTS", "5"),
        ("LOCKOUT_DURATION", "30"),
        ("DATABASE_INITIALIZED", "true"),
    ] {
        assert_eq!(setting(&fixture, key), value, "{key}");
    }
}

#[test]
fn seeding_again_changes_no_row_and_burns_no_id() {
    let fixture = Fixture::created();
    let before = rows::contents(&mut fixture.raw());
    let used = fixture.either(
        "SELECT string_agg(name || seq, ',' ORDER BY name) FROM sqlite_sequence",
        "SELECT string_agg(tablename || coalesce(last_value, 0), ',' ORDER BY tablename)
         FROM pg_tables JOIN pg_sequences AS s ON s.sequencename = tablename || '_id_seq'
         WHERE tablename NOT LIKE '\\_\\_%'",
    );
    let ids = fixture.text(used);
    assert!(ids.contains("permissions18"), "{ids}");
    for _ in 0..3 {
        assert_eq!(seed_again(&fixture.manager()), NOTHING);
    }
    assert_eq!(rows::contents(&mut fixture.raw()), before);
    assert_eq!(fixture.text(used), ids);
}

#[test]
fn what_an_administrator_changed_stays_changed() {
    for change in [
        "UPDATE system_settings SET value = '9' WHERE key = 'MAX_LOGIN_ATTEMPTS'",
        "UPDATE system_settings SET value = NULL WHERE key = 'SESSION_TIMEOUT'",
        "UPDATE system_settings SET is_secret = TRUE, value = 'enc:v1:abc', value_type = 'string',
             category = 'mine', description = NULL, created_at = '2001-01-01 00:00:00.000000'
         WHERE key = 'BACKUP_ENABLED'",
        "UPDATE roles SET display_name = 'Boss', description = NULL, is_system_role = FALSE
         WHERE name = 'administrator'",
        "UPDATE permissions SET display_name = 'Mine', resource = 'mine', action = 'do'
         WHERE name = 'user_create'",
        "DELETE FROM role_permissions WHERE id = 1",
        "DELETE FROM role_permissions",
        "INSERT INTO role_permissions (role_id, permission_id)
         SELECT roles.id, permissions.id FROM roles, permissions
         WHERE roles.name = 'read_only' AND permissions.name = 'chat_delete'",
        "INSERT INTO roles (name) VALUES ('auditor')",
        "INSERT INTO permissions (name, resource, action) VALUES ('report_read', 'reports', 'read')",
        "INSERT INTO system_settings (key, value) VALUES ('THEME', 'dark')",
    ] {
        let fixture = Fixture::created();
        fixture.sql(change);
        let before = rows::contents(&mut fixture.raw());
        assert_eq!(seed_again(&fixture.manager()), NOTHING, "{change}");
        assert_eq!(rows::contents(&mut fixture.raw()), before, "{change}");
    }
}

/// Its pair of resource and action is unique, so that the seed has no room under its own name.
#[test]
fn a_permission_that_was_renamed_stays_renamed_and_stops_nothing() {
    let fixture = Fixture::created();
    fixture.sql("UPDATE permissions SET name = 'create_users' WHERE name = 'user_create'");
    let before = rows::contents(&mut fixture.raw());
    fixture.manager().seed().expect("nothing to write");
    let _ = fixture.manager().initialize(&administrator()).expect("nothing to write");
    assert_eq!(rows::contents(&mut fixture.raw()), before);
}

#[test]
fn what_is_missing_is_written_again_and_nothing_else() {
    let fixture = Fixture::created();
    let only = |report: SeedReport| {
        assert_eq!(fixture.manager().seed().expect("seeded"), report);
        assert_eq!(failed(&fixture.manager().health_check()), Vec::<&str>::new());
    };
    fixture.sql("DELETE FROM system_settings WHERE key = 'LOCKOUT_DURATION'");
    only(SeedReport { settings: 1, ..SeedReport::default() });
    assert_eq!(setting(&fixture, "LOCKOUT_DURATION"), "30");

    // A role comes with its grants; an existing role does not get a permission back.
    let delete = |statement: &str| {
        let mut connection = fixture.raw();
        rows::enforce_references(&mut connection, true);
        connection.batch_execute(statement).expect(statement);
    };
    delete("DELETE FROM roles WHERE name = 'operator'");
    only(SeedReport { roles: 1, grants: 4, ..SeedReport::default() });
    delete("DELETE FROM permissions WHERE name = 'chat_access'");
    only(SeedReport { permissions: 1, ..SeedReport::default() });
    assert_eq!(fixture.text("SELECT count(*) FROM role_permissions"), "10");
}

#[test]
fn first_setup_is_false_only_once_there_is_an_active_administrator() {
    let fixture = migrated();
    let manager = fixture.manager();
    manager.seed().expect("seeded");
    let state = || (setting(&fixture, "FIRST_SETUP"), setting(&fixture, "SETUP_COMPLETED"));
    let (pending, done) =
        ((String::from("true"), String::from("false")), ("false".into(), "true".into()));
    assert_eq!(state(), pending);

    // Users who are not active administrators are not enough.
    let user = |id: u32, role: &str, active: bool| {
        fixture.sql(&format!(
            "INSERT INTO users (uuid, username, email, password_hash, role_id, is_active)
             SELECT '00000000-0000-7000-8000-{id:012}', 'user{id}', 'user{id}@x.org', '$2b$12$abc', id, {active}
             FROM roles WHERE name = '{role}'"
        ));
    };
    user(1, "user", true);
    user(2, "super_admin", false);
    manager.seed().expect("seeded");
    assert_eq!(state(), pending);

    let _ = manager.initialize(&administrator()).expect("an administrator");
    assert_eq!(state(), done);
    assert_eq!(fixture.text("SELECT count(*) FROM users WHERE username = 'admin'"), "1");
}

#[test]
fn first_setup_stays_true_when_the_administrator_cannot_be_made() {
    let fixture = migrated();
    fixture.manager().seed().expect("seeded");
    fixture.sql(
        "INSERT INTO users (uuid, username, email, password_hash, role_id)
         SELECT '00000000-0000-7000-8000-000000000001', 'admin', 'someone@x.org', '$2b$12$abc', id
         FROM roles WHERE name = 'user'",
    );
    let _ = fixture.manager().initialize(&administrator()).expect("a report");
    assert_eq!(setting(&fixture, "FIRST_SETUP"), "true");
    assert!(failed(&fixture.manager().health_check()).contains(&"Admin User Exists"));
}

#[test]
fn force_really_starts_anew_and_the_backup_has_what_was_changed() {
    let fixture = Fixture::created();
    rows::fill(&mut fixture.raw());
    fixture.sql("UPDATE system_settings SET value = '9' WHERE key = 'MAX_LOGIN_ATTEMPTS'");
    let report = fixture.manager().recreate(&administrator()).expect("recreated");
    assert_eq!(report.status, SetupStatus::Recreated);
    assert_eq!(fixture.text("SELECT string_agg(username, ',') FROM users"), "admin");
    assert_eq!(setting(&fixture, "MAX_LOGIN_ATTEMPTS"), "5");

    let backup = report.details.backup.expect("a backup").path;
    let old = fixture.restored(&backup);
    assert_eq!(setting(&old, "MAX_LOGIN_ATTEMPTS"), "9");
    assert_eq!(old.text("SELECT count(*) FROM users"), "6");
}

#[test]
fn without_force_nothing_is_started_anew() {
    let fixture = Fixture::created();
    fixture.sql("UPDATE system_settings SET value = '9' WHERE key = 'MAX_LOGIN_ATTEMPTS'");
    let report = fixture.manager().initialize(&administrator()).expect("nothing to do");
    assert_eq!(report.status, SetupStatus::Unchanged);
    assert_eq!(setting(&fixture, "MAX_LOGIN_ATTEMPTS"), "9");
}

#[test]
fn seeding_does_not_begin_while_migrations_are_pending() {
    let fixture = Fixture::created();
    fixture.manager().rollback(&RollbackTarget::Steps(1)).expect("rolled back");
    fixture.sql("DELETE FROM system_settings");
    let error = fixture.manager().seed().expect_err("pending");
    assert!(matches!(&error, Error::Migration(MigrationFault::Pending { count: 1 })), "{error}");
    assert!(error.to_string().contains("zenith-db migrate"), "{error}");
    assert_eq!(fixture.text("SELECT count(*) FROM system_settings"), "0");
}

#[test]
fn a_seed_that_is_refused_leaves_nothing_of_the_others() {
    let fixture = migrated();
    fixture.sql(fixture.either(
        "CREATE TRIGGER refuse BEFORE INSERT ON system_settings WHEN NEW.key = 'DATABASE_INITIALIZED'
         BEGIN SELECT RAISE(ABORT, 'not today'); END",
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
         $$BEGIN RAISE EXCEPTION 'not today'; END$$;
         CREATE TRIGGER refuse BEFORE INSERT ON system_settings FOR EACH ROW
         WHEN (NEW.key = 'DATABASE_INITIALIZED') EXECUTE FUNCTION refuse()",
    ));
    let before = rows::contents(&mut fixture.raw());
    assert!(fixture.manager().seed().is_err());
    assert!(fixture.manager().initialize(&administrator()).is_err());
    assert_eq!(rows::contents(&mut fixture.raw()), before);
}

#[test]
fn seeders_at_once_write_each_row_once() {
    let fixture = migrated();
    let begin = std::sync::Barrier::new(8);
    let reports: Vec<SeedReport> = std::thread::scope(|scope| {
        let seed = || {
            begin.wait();
            fixture.manager().seed().expect("its turn")
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(seed)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(reports.iter().filter(|report| report.changed()).count(), 1, "{reports:?}");
    let mut connection = fixture.raw();
    for (table, count) in
        [("roles", 5), ("permissions", 18), ("role_permissions", 12), ("system_settings", 10)]
    {
        let query = format!("SELECT count(*) FROM {table}");
        assert_eq!(text(&mut connection, &query), count.to_string(), "{table}");
    }
}
