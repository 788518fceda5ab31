//! Migrations with the roles of `zenith-db roles`: before them, after them, and without the right to create.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;
use zenith_db::manager::{DatabaseManager, RestoreOptions, RollbackTarget};
use zenith_db::migrations::{EmbeddedMigration, Migrations, Script};
use zenith_db::testing::a_user;
use zenith_db::{Error, MigrationFault};

use crate::support::own_roles::{Roles, assert_denied};
use crate::support::own_server::{Server, value};
use crate::support::{administrator, failed};

/// What the application may do with a table, as a letter for each right.
fn rights(roles: &Roles, table: &str) -> String {
    let query = format!(
        "SELECT string_agg(right_, ' ') FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'])
            AS right_ WHERE has_table_privilege('zenith_app', '{table}', right_)"
    );
    value(&mut roles.server.admin("zenith"), &query)
}

#[test]
fn the_owner_migrates_and_what_it_creates_again_has_the_same_rights() {
    let Some(roles) = Roles::start() else { return };
    let owner = roles.manager_as("zenith_owner");
    owner.rollback(&RollbackTarget::Steps(3)).expect("a rollback");
    assert_eq!(owner.migrate().expect("migrated").steps.len(), 3);
    assert_eq!(rights(&roles, "audit_log"), "SELECT INSERT");
    assert_eq!(rights(&roles, "notifications"), "SELECT INSERT UPDATE DELETE");
    owner.seed().expect("seeds");
    assert_eq!(failed(&owner.health_check()), Vec::<&str>::new());
    assert_eq!(failed(&roles.manager_as("zenith_app").health_check()), Vec::<&str>::new());
    roles.manager_as("zenith_backup").backup().expect("a backup");
    // A later table may hold credentials.
    assert_denied(&mut roles.connect_as("zenith_reader"), "SELECT * FROM notifications");
    roles.apply();
    value(&mut roles.connect_as("zenith_reader"), "SELECT count(*) FROM notifications");
}

/// As `spatial_ref_sys` of an extension, or a table of another program, in the same schema.
#[test]
fn the_owner_migrates_beside_a_table_of_somebody_else() {
    let Some(roles) = Roles::start() else { return };
    let mut admin = roles.server.admin("zenith");
    let strange = "CREATE ROLE guest; CREATE TABLE recipes (id serial, name TEXT); ALTER TABLE recipes OWNER TO guest;
        CREATE TABLE parts (n int) PARTITION BY RANGE (n); CREATE TABLE part PARTITION OF parts DEFAULT;
        INSERT INTO recipes (name) VALUES ('soup')";
    admin.batch_execute(strange).expect("tables");
    let sql = roles.apply();
    assert!(sql.contains("keep their owners"), "{sql}");
    let owner = roles.manager_as("zenith_owner");
    owner.rollback(&RollbackTarget::Steps(2)).expect("a rollback, after a backup");
    owner.migrate().expect("migrated, after a backup");
    roles.manager_as("zenith_backup").backup().expect("a backup");
    assert_eq!(
        value(&mut admin, "SELECT relowner::regrole FROM pg_class WHERE relname = 'recipes'"),
        "guest"
    );
    // Another one, of which nobody has told the roles, is named.
    admin.batch_execute("CREATE TABLE secrets (name TEXT)").expect("a table");
    let refused = owner.rollback(&RollbackTarget::Steps(1)).expect_err("no right");
    assert!(format!("{refused:?}").contains("secrets"), "{refused:?}");
}

#[test]
fn nobody_keeps_a_right_to_change_the_log() {
    let Some(roles) = Roles::start() else { return };
    let mut admin = roles.server.admin("zenith");
    let granted = "CREATE ROLE guest; GRANT UPDATE (action) ON audit_log TO guest;
        GRANT TRIGGER ON audit_log TO guest; GRANT ALL ON SEQUENCE audit_log_id_seq TO guest";
    admin.batch_execute(granted).expect("rights");
    let has = "SELECT has_any_column_privilege('guest', 'audit_log', 'UPDATE')
        OR has_table_privilege('guest', 'audit_log', 'TRIGGER')";
    let may_set = "SELECT has_sequence_privilege('guest', 'audit_log_id_seq', 'UPDATE')";
    assert_eq!([value(&mut admin, has), value(&mut admin, may_set)], ["true", "true"]);
    let owner = roles.manager_as("zenith_owner");
    owner.rollback(&RollbackTarget::Steps(1)).expect("a rollback");
    assert_eq!([value(&mut admin, has), value(&mut admin, may_set)], ["false", "false"]);
    let may_use = "SELECT has_sequence_privilege('guest', 'audit_log_id_seq', 'USAGE')";
    assert_eq!(value(&mut admin, may_use), "true");
    // Without a pending migration too, and of those to whom it was passed on.
    owner.migrate().expect("migrated");
    let granted = "CREATE ROLE friend; GRANT UPDATE, DELETE ON audit_log TO guest WITH GRANT OPTION;
        GRANT UPDATE ON SEQUENCE audit_log_id_seq TO guest WITH GRANT OPTION; SET ROLE guest;
        GRANT UPDATE, DELETE ON audit_log TO friend; GRANT UPDATE ON SEQUENCE audit_log_id_seq TO friend; RESET ROLE";
    admin.batch_execute(granted).expect("rights");
    assert_eq!([value(&mut admin, has), value(&mut admin, may_set)], ["true", "true"]);
    assert_eq!(owner.migrate().expect("nothing is pending").steps.len(), 0);
    for role in ["guest", "friend"] {
        let [has, may_set] =
            [has, may_set].map(|query| query.replace("'guest'", &format!("'{role}'")));
        assert_eq!([value(&mut admin, &has), value(&mut admin, &may_set)], ["false", "false"]);
    }
}

#[test]
fn a_plan_for_another_database_is_refused() {
    let Some(roles) = Roles::start() else { return };
    let manager = roles.manager_as("zenith");
    let mut plan = manager.plan_roles(&roles.names).expect("a plan");
    plan.schema = "other".into();
    let refused = manager.apply_roles(&plan);
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
}

#[test]
fn the_roles_may_be_there_before_the_tables() {
    let Some(server) = Server::start() else { return };
    let roles = Roles::on(server, "zenith");
    roles.apply();
    let report = roles.manager_as("zenith_owner").initialize(&administrator()).expect("created");
    assert_eq!(failed(&report.details.health), Vec::<&str>::new());
    assert_eq!(rights(&roles, "audit_log"), "SELECT INSERT");
    roles.database_as("zenith_app").write(|conn| a_user().insert(conn)).expect("a user");
    roles.manager_as("zenith_backup").backup().expect("a backup");
    assert_eq!(rights(&roles, "schema_version"), "SELECT INSERT UPDATE DELETE");
    roles.apply();
    assert_eq!(rights(&roles, "schema_version"), "SELECT");
}

#[test]
fn after_a_restore_the_roles_have_the_same_rights() {
    let Some(roles) = Roles::start() else { return };
    let superuser = roles.manager_as("zenith");
    let backup = roles.manager_as("zenith_backup").backup().expect("a backup").path;
    let before = rights(&roles, "audit_log") + &rights(&roles, "users");
    superuser.restore(&backup, &RestoreOptions::default(), &mut |_| ()).expect("restored");
    assert_eq!(rights(&roles, "audit_log") + &rights(&roles, "users"), before);
    let mut application = roles.connect_as("zenith_app");
    assert_denied(&mut application, "CREATE TEMP TABLE notes (text TEXT)");
    assert_denied(&mut application, "UPDATE audit_log SET action = 'another'");
    assert_eq!(failed(&roles.manager_as("zenith_app").health_check()), Vec::<&str>::new());
    let owner = roles.manager_as("zenith_owner");
    owner.rollback(&RollbackTarget::Steps(1)).expect("a rollback");
    owner.migrate().expect("migrated");
}

#[test]
fn the_tables_of_an_application_are_for_it_and_for_the_backup() {
    let Some(roles) = Roles::start() else { return };
    let script = |id: &str| Script {
        up: format!("CREATE TABLE notes (id {id} PRIMARY KEY, text TEXT NOT NULL)").leak(),
        down: "DROP TABLE notes",
    };
    let mut postgres = script("BIGINT GENERATED BY DEFAULT AS IDENTITY");
    postgres.up = format!(
        "{}; CREATE TABLE days (day INTEGER) PARTITION BY RANGE (day); CREATE TABLE today PARTITION OF days DEFAULT",
        postgres.up
    )
    .leak();
    postgres.down = "DROP TABLE days; DROP TABLE notes";
    let own =
        EmbeddedMigration::new("2099-01-01-000001_notes", script("INTEGER NOT NULL"), postgres);
    let own = Migrations::with_own(vec![own].leak()).expect("migrations");
    let config = roles.manager_as("zenith").config().clone();
    let manager = DatabaseManager::with(config, own);
    manager.migrate().expect("migrated");
    let plan = manager.plan_roles(&roles.names).expect("a plan");
    assert!(
        plan.sql
            .contains("--     GRANT SELECT ON public.days, public.notes TO \"zenith_reader\";\n"),
        "{}",
        plan.sql
    );
    manager.apply_roles(&plan).expect("applied");
    let mut admin = roles.server.admin("zenith");
    let owner = "SELECT relowner::regrole FROM pg_class WHERE relname = 'notes'";
    assert_eq!(value(&mut admin, owner), "zenith_owner");
    assert_eq!(value(&mut admin, &owner.replace("notes", "today")), "zenith_owner", "{}", plan.sql);
    let mut application = roles.connect_as("zenith_app");
    application.batch_execute("INSERT INTO notes (text) VALUES ('a')").expect("a row");
    assert_eq!(value(&mut roles.connect_as("zenith_backup"), "SELECT text FROM notes"), "a");
    let mut reader = roles.connect_as("zenith_reader");
    assert_denied(&mut reader, "SELECT * FROM notes");
    // What somebody gives the reader there stays.
    admin.batch_execute("GRANT SELECT ON notes TO zenith_reader").expect("granted");
    manager.apply_roles(&plan).expect("applied");
    assert_eq!(value(&mut reader, "SELECT text FROM notes"), "a");
    // A program that does not know the table says nothing about its rights.
    let unknown = roles.manager_as("zenith").plan_roles(&roles.names);
    assert!(matches!(unknown, Err(Error::Migration(MigrationFault::OfApplication { .. }))));
}

/// As for every role but the owner of the database, since PostgreSQL 15.
#[test]
fn without_the_right_to_create_in_the_schema_nothing_is_begun() {
    let Some(server) = Server::start() else { return };
    let roles = Roles::on(server, "zenith");
    let mut admin = roles.server.admin("zenith");
    admin.batch_execute("CREATE ROLE \"New User\" LOGIN").expect("a role");
    let manager = roles.manager_as("New User");
    for refused in [
        manager.migrate().map(drop).expect_err("no right"),
        manager.initialize(&administrator()).map(drop).expect_err("no right"),
    ] {
        let fault = matches!(&refused, Error::Migration(MigrationFault::MayNotCreate { .. }));
        assert!(fault, "{refused:?}");
        let words = "GRANT CREATE ON SCHEMA public TO \"New User\"";
        assert!(refused.to_string().contains(words), "{refused}");
    }
    let tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(value(&mut admin, tables), "0");
    admin.batch_execute("GRANT CREATE ON SCHEMA public TO \"New User\"").expect("granted");
    let _ = manager.initialize(&administrator()).expect("created");
    // Nor is a backup taken first, for one who may read everything.
    roles.apply();
    let backup = roles.manager_as("zenith_backup");
    let refused = backup.rollback(&RollbackTarget::Steps(1)).expect_err("no right");
    assert!(matches!(refused, Error::Migration(MigrationFault::MayNotCreate { .. })));
    assert_eq!(backup.backups().expect("a list").len(), 0);
}
