//! What the roles of `zenith-db roles` can do, and what they cannot.
#![cfg(feature = "postgres")]

use zenith_db::models::{AuditFilter, PageSize};
use zenith_db::prelude::*;
use zenith_db::testing::{a_conversation_of, a_document_of, a_user};

use crate::support::failed;
use crate::support::log::logged;
use crate::support::own_roles::{Roles, assert_denied};
use crate::support::own_server::value;

/// Each column of the schema, with its class: public, personal or secret.
const COLUMNS: &str = include_str!("../../docs/columns.csv");

fn entry() -> NewAuditEvent<'static> {
    let new = NewAuditEvent::builder()
        .event_type(EventType::LOGIN)
        .event_category(EventCategory::AUTHENTICATION);
    new.action("log in").build()
}

/// Returns the columns of the schema for which the role has the right.
fn columns_with(roles: &Roles, role: &str, right: &str) -> Vec<String> {
    let query = format!(
        "SELECT string_agg(relname || '.' || attname, ' ' ORDER BY relname, attname)
         FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
         WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
             AND has_column_privilege('{role}', pg_class.oid, attname, '{right}')"
    );
    let found = value(&mut roles.server.admin("zenith"), &query);
    found.split(' ').map(str::to_owned).collect()
}

#[test]
fn the_application_reads_and_writes_and_only_appends_to_the_audit_log() {
    let Some(roles) = Roles::start() else { return };
    let database = roles.database_as(roles.names.application());
    let entries = database.write(|conn| {
        let ann = a_user().named("ann").insert(conn)?;
        a_document_of(&ann).with_chunks(3).insert(conn)?;
        let talk = a_conversation_of(&ann).with_messages(2).insert(conn)?;
        ChatSession::delete(conn, talk.id)?;
        entry().append(conn)?;
        entry().append(conn)?;
        User::set_active(conn, ann.id, false, None)?;
        Ok(AuditEntry::page(conn, AuditFilter::default(), None, PageSize::of(9))?.rows.len())
    });
    assert_eq!(entries.expect("the models work"), 2);
    let mut connection = roles.connect_as(roles.names.application());
    for statement in [
        "UPDATE audit_log SET action = 'another'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "CREATE TRIGGER mine BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_refuse()",
        "INSERT INTO __diesel_schema_migrations VALUES ('20991231000000')",
        "UPDATE schema_version SET checksum = NULL",
        "TRUNCATE chat_history",
        "CREATE TABLE notes (text TEXT)",
        "CREATE TEMP TABLE notes (text TEXT)",
        "CREATE SCHEMA mine",
        "DROP TABLE notifications",
        "CREATE ROLE another",
    ] {
        assert_denied(&mut connection, statement);
    }
    assert_eq!(failed(&roles.manager_as("zenith_app").health_check()), Vec::<&str>::new());
}

#[test]
fn the_reader_reads_everything_but_what_is_secret() {
    let Some(roles) = Roles::start() else { return };
    let lines = COLUMNS.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    // Only an adopted database has that table.
    let listed = lines.filter(|cells| cells[0] != "legacy_values" && cells[2] != "secret");
    let mut expected: Vec<String> =
        listed.map(|cells| format!("{}.{}", cells[0], cells[1])).collect();
    expected.retain(|path| !path.starts_with("__diesel"));
    expected.sort();
    let mut found = columns_with(&roles, "zenith_reader", "SELECT");
    found.retain(|path| !path.starts_with("__diesel"));
    found.sort();
    assert_eq!(found, expected);
    for right in ["INSERT", "UPDATE"] {
        assert_eq!(columns_with(&roles, "zenith_reader", right), ["NULL"]);
    }
    let mut connection = roles.connect_as("zenith_reader");
    for statement in [
        "SELECT password_hash FROM users",
        "SELECT * FROM users",
        "SELECT value FROM system_settings",
        "DELETE FROM notifications",
        "CREATE TEMP TABLE notes (text TEXT)",
    ] {
        assert_denied(&mut connection, statement);
    }
    assert_eq!(value(&mut connection, "SELECT username FROM users"), "admin");
    for role in ["zenith_reader", "zenith_backup"] {
        assert_eq!(failed(&roles.manager_as(role).health_check()), Vec::<&str>::new(), "{role}");
    }
}

#[test]
fn the_auditor_reads_the_log_and_nothing_with_credentials() {
    let Some(roles) = Roles::start() else { return };
    roles.database_as("zenith_app").write(|conn| entry().append(conn)).expect("an entry");
    let page = roles.database_as("zenith_auditor").read(|conn| {
        Ok(AuditEntry::page(conn, AuditFilter::default(), None, PageSize::of(9))?.rows.len())
    });
    assert_eq!(page.expect("the log"), 1);
    let columns = columns_with(&roles, "zenith_auditor", "SELECT");
    let mut tables: Vec<&str> =
        columns.iter().filter_map(|path| Some(path.split_once('.')?.0)).collect();
    tables.dedup();
    tables.sort_unstable();
    assert_eq!(
        tables,
        ["__diesel_schema_migrations", "audit_log", "schema_version", "security_events", "users"]
    );
    for line in COLUMNS.lines().filter(|line| line.contains(",secret")) {
        let path = line.split(',').take(2).collect::<Vec<_>>().join(".");
        assert!(!columns.contains(&path), "{path}");
    }
    let mut connection = roles.connect_as("zenith_auditor");
    let names = "SELECT string_agg(username, ' ') FROM users WHERE is_active";
    assert_eq!(value(&mut connection, names), "admin");
    for statement in [
        "SELECT password_hash FROM users",
        "SELECT * FROM user_sessions",
        "UPDATE security_events SET resolved = TRUE",
        "INSERT INTO audit_log DEFAULT VALUES",
    ] {
        assert_denied(&mut connection, statement);
    }
}

#[test]
fn the_backup_is_taken_and_verified_by_a_role_that_only_reads() {
    let Some(roles) = Roles::start() else { return };
    let mut admin = roles.server.admin("zenith");
    // Of another program, and dumped too.
    diesel::connection::SimpleConnection::batch_execute(
        &mut admin,
        "CREATE TABLE recipes (id SERIAL, name TEXT); INSERT INTO recipes (name) VALUES ('soup')",
    )
    .expect("a table");
    roles.apply();
    let manager = roles.manager_as("zenith_backup");
    let (report, said) = logged(|log| (manager.backup().expect("a backup"), log.text()));
    let cause = "the backup could not be recorded error=a statement failed: permission denied for table backup_jobs";
    assert!(said.contains(cause), "{said}");
    let verified = manager.verify_backup(&report.path, &mut |_| ()).expect("an intact backup");
    assert_eq!((verified.tables["users"], verified.tables["recipes"]), (1, 1));
    for right in ["INSERT", "UPDATE"] {
        assert_eq!(columns_with(&roles, "zenith_backup", right), ["NULL"]);
    }
    let mut connection = roles.connect_as("zenith_backup");
    for statement in ["DELETE FROM users", "CREATE TABLE a ()", "CREATE TEMP TABLE a ()"] {
        assert_denied(&mut connection, statement);
    }
}

#[test]
fn nobody_else_connects() {
    let Some(roles) = Roles::start() else { return };
    let mut admin = roles.server.admin("zenith");
    diesel::connection::SimpleConnection::batch_execute(&mut admin, "CREATE ROLE guest LOGIN")
        .expect("a role");
    let refused = Database::open(roles.manager_as("guest").config()).expect_err("no right");
    assert!(format!("{refused:?}").contains("permission denied for database"), "{refused:?}");
}
