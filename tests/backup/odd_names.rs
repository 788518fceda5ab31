//! Backups of a database, a schema, a role and tables whose names need quotes.

use diesel::connection::SimpleConnection;
use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, RestoreOptions};

use super::odd_tables::{ODD, ROWS, assert_counts};
use super::with_pg_restore::restore_as_documented;
use crate::support::administrator;
use crate::support::own_server::{Server, config, value};

const DATABASE: &str = "Zen.\"Üb er (1)";
/// Begins as another schema does.
const SCHEMA: &str = "public \"Ä.(x";
const ROLE: &str = "Rôle \"A.(b) c";

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn encoded(name: &str) -> String {
    let codes: Vec<String> = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
    codes.concat()
}

/// The role owns the database and its schema, and is no superuser.
#[test]
fn every_name_may_need_quotes() {
    let Some(server) = Server::start() else { return };
    let admin = |database: &str, statement: &str| {
        server.admin(&encoded(database)).batch_execute(statement).expect(statement);
    };
    let (database, schema, role) = (quoted(DATABASE), quoted(SCHEMA), quoted(ROLE));
    admin("postgres", &format!("CREATE ROLE {role} LOGIN CREATEDB"));
    admin("postgres", &format!("CREATE DATABASE {database} OWNER {role}"));
    admin(DATABASE, &format!("CREATE SCHEMA {schema} AUTHORIZATION {role}"));
    admin(DATABASE, &format!("COMMENT ON SCHEMA {schema} IS 'ours'"));
    let as_role = |database: &str| {
        server.url(&encoded(database)).replacen("zenith@", &format!("{}@", encoded(ROLE)), 1)
    };
    let directory = tempfile::tempdir().expect("a directory");
    let backups = directory.path().to_str().expect("UTF-8");
    let settings = [(Key::BackupDir, backups), (Key::Schema, SCHEMA)];
    let manager = DatabaseManager::new(config(&as_role(DATABASE), &settings));
    let _ = manager.initialize(&administrator()).expect("a database");
    let in_schema = |statements: &str| {
        let all = format!("SET ROLE {role}; SET search_path = {schema}, public; {statements}");
        admin(DATABASE, &all);
    };
    in_schema(ODD);
    in_schema(
        "CREATE EXTENSION pg_trgm; CREATE INDEX ON parts USING gin (t gin_trgm_ops);
         CREATE EXTENSION \"uuid-ossp\" SCHEMA public; ALTER TABLE base ADD key uuid DEFAULT uuid_generate_v4()",
    );
    // This role could not create it, and nothing needs it.
    admin(DATABASE, &format!("CREATE EXTENSION pageinspect SCHEMA {schema}"));
    let rows = |database: &str| {
        let mut connection = server.admin(&encoded(database));
        connection.batch_execute(&format!("SET search_path = {schema}")).expect("a setting");
        value(&mut connection, ROWS)
    };
    let before = rows(DATABASE);
    let backup = manager.backup().expect("a backup").path;
    assert_counts(&manager, &backup);
    manager.drill(&mut |_| ()).expect("a drill");

    let restore = || manager.restore(&backup, &RestoreOptions::default(), &mut |_| ());
    let error = restore().expect_err("an extension that it has not").to_string();
    assert!(error.contains("pageinspect") && !error.contains("trgm"), "{error}");
    admin(DATABASE, "DROP EXTENSION pageinspect");
    in_schema("TRUNCATE parts, base, heir");
    let report = restore().expect("a restore");
    assert!(report.health.healthy, "{:?}", report.health);
    let owner = format!(
        "SELECT string_agg(DISTINCT tableowner, ',') FROM pg_tables WHERE schemaname = '{SCHEMA}'"
    );
    assert_eq!(value(&mut server.admin(&encoded(DATABASE)), &owner), ROLE);
    assert_eq!(rows(DATABASE), before);

    admin("postgres", &format!("CREATE DATABASE {} OWNER {role}", quoted("An.other \"(ß")));
    restore_as_documented(&backup, &as_role("An.other \"(ß"));
    assert_eq!(rows("An.other \"(ß"), before);
}
