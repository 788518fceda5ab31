//! What the health check says of a server and its settings, and of what an application adds.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;
use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, HealthReport, RollbackTarget};
use zenith_db::migrations::{EmbeddedMigration, Migrations, Script};
use zenith_db::testing::a_user;

use crate::support::own_server::{Server, config};
use crate::support::wait::wait_for;
use crate::support::{Fixture, administrator, failed};

const TRIGGERS: &str = "Triggers Present";
const NONE: [&str; 0] = [];

/// Settings of a database that change what texts, names and transactions are, or what an application adds.
#[test]
fn what_is_sound_in_another_way_is_not_reported() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let manager = fixture.manager();
    for change in [
        "SET standard_conforming_strings = off",
        "SET quote_all_identifiers = on",
        "SET default_transaction_read_only = false",
        // Triggers and foreign keys work as in `origin`.
        "SET session_replication_role = Local",
    ] {
        fixture.sql(&format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I {change}', current_database()); END $$"
        ));
    }
    assert_eq!(failed(&manager.health_check()), NONE);
    manager.rollback(&RollbackTarget::Steps(2)).expect("a rollback");
    manager.migrate().expect("migrated");
    assert_eq!(failed(&manager.health_check()), NONE);
    let _ = fixture.database().write(|conn| a_user().insert(conn)).expect("a user");
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture.sql(
        "CREATE FUNCTION is_json(integer) RETURNS bool LANGUAGE sql AS 'SELECT true';
         CREATE TABLE down (id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY (INCREMENT -1), name text);
         INSERT INTO down (name) VALUES ('a'), ('b');
         CREATE SEQUENCE letters OWNED BY down.name",
    );
    assert_eq!(failed(&fixture.manager().health_check()), NONE);
}

#[test]
fn a_schema_that_was_renamed_is_reported_with_what_mends_it() {
    let Some(fixture) = Fixture::on_a_server(Fixture::blank) else { return };
    let in_schema = |name: &str| DatabaseManager::new(fixture.config_with(&[(Key::Schema, name)]));
    let _ = in_schema("before").initialize(&administrator()).expect("created");
    fixture.sql("ALTER SCHEMA before RENAME TO \"After All\"");
    let report = in_schema("After All").health_check();
    assert_eq!(failed(&report), [TRIGGERS]);
    let details = report.failures().map(|check| check.details.as_str()).collect::<String>();
    let cure = "SET search_path = \"After All\", pg_temp";
    assert!(details.contains(cure), "{details}");
    for function in
        ["keep_updated_at()", "is_json(text)", "audit_log_append()", "audit_log_refuse()"]
    {
        fixture.sql(&format!("ALTER FUNCTION \"After All\".{function} {cure}"));
    }
    assert_eq!(failed(&in_schema("After All").health_check()), NONE);
}

/// The trigger reads the table to find the entry before.
#[test]
fn a_temporary_table_does_not_stand_for_the_audit_log() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let mut connection = fixture.raw();
    crate::support::rows::fill(&mut connection);
    let shadow = "CREATE TEMP TABLE audit_log AS TABLE audit_log WITH NO DATA";
    connection.batch_execute(shadow).expect("a temporary table");
    let again = "INSERT INTO public.audit_log (seq, event_id, event_type, event_category, action, prev_hash, entry_hash)
        VALUES (1, gen_random_uuid(), 'x', 'x', 'x', repeat('0', 64), repeat('a', 64))";
    let refused = connection.batch_execute(again).expect_err("the first one again").to_string();
    assert!(refused.contains("seq must be one more than the last"), "{refused}");
}

fn details<'a>(report: &'a HealthReport, name: &str) -> &'a str {
    let check = report.checks.iter().find(|check| check.name == name);
    check.map(|check| check.details.as_str()).expect(name)
}

/// A role sees of the sessions of others only that they are there.
#[test]
fn an_ordinary_role_sees_how_many_connections_it_can_still_have() {
    let Some(server) = Server::start() else { return };
    let mut admin = server.admin("postgres");
    let make =
        "CREATE ROLE ordinary LOGIN PASSWORD 'x' CONNECTION LIMIT 12; CREATE ROLE other LOGIN";
    admin.batch_execute(make).expect("roles");
    admin.batch_execute("CREATE DATABASE ours OWNER ordinary").expect("a database");
    let url = server.tcp_url("ordinary:x").replacen("/zenith?", "/ours?", 1);
    let manager = |settings: &[(Key, &str)]| DatabaseManager::new(config(&url, settings));
    let all = manager(&[(Key::AutoBackup, "false")]);
    let _ = all.initialize(&administrator()).expect("created");
    assert_eq!(failed(&all.health_check()), NONE);
    assert!(
        details(&all.health_check(), "Connection Headroom").contains("12 connections of the user")
    );
    let _others: Vec<_> = (0..8).map(|_| server.admin("postgres")).collect();
    admin.batch_execute("ALTER ROLE ordinary CONNECTION LIMIT -1").expect("no limit");
    admin.batch_execute("ALTER DATABASE ours CONNECTION LIMIT 5").expect("a limit");
    let report = all.health_check();
    assert_eq!(failed(&report), ["Connection Headroom"]);
    let found = details(&report, "Connection Headroom");
    assert!(found.starts_with("5 of 5 connections of the database"), "{found}");
}

/// The server prints a trigger in its own words.
#[test]
fn a_trigger_of_an_application_may_be_written_in_any_way() {
    let Some(server) = Server::start() else { return };
    let up = "CREATE TABLE tags (id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name TEXT);
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        create trigger tags_touch before update or insert on tags
            for each row when (new.name = 'a') execute procedure touch();
        CREATE CONSTRAINT TRIGGER later AFTER INSERT ON tags DEFERRABLE FOR EACH ROW EXECUTE FUNCTION touch();
        create trigger users_touch before insert on users for each row execute procedure touch();";
    let down = "DROP TRIGGER users_touch ON users; DROP TABLE tags; DROP FUNCTION touch();";
    let sqlite = Script {
        up: "CREATE TABLE tags (id INTEGER NOT NULL PRIMARY KEY, name TEXT);
            CREATE TRIGGER tags_touch BEFORE UPDATE ON tags BEGIN SELECT 1; END;
            CREATE TRIGGER later AFTER INSERT ON tags BEGIN SELECT 1; END;
            CREATE TRIGGER users_touch BEFORE INSERT ON users BEGIN SELECT 1; END;",
        down: "DROP TRIGGER users_touch; DROP TABLE tags;",
    };
    let own = EmbeddedMigration::new("2099-01-01-000001_tags", sqlite, Script { up, down });
    let own = Migrations::with_own(vec![own].leak()).expect("migrations");
    let config = server.config(&[(Key::AutoBackup, "false")]);
    let manager = DatabaseManager::with(config, own);
    let _ = manager.initialize(&administrator()).expect("created");
    assert_eq!(failed(&manager.health_check()), NONE);
    let mut admin = server.admin("zenith");
    admin.batch_execute("ALTER TABLE tags DISABLE TRIGGER tags_touch").expect("disabled");
    assert_eq!(failed(&manager.health_check()), [TRIGGERS]);
    // They are its own, and go with the rest.
    let _ = manager.recreate(&administrator()).expect("created again");
    assert_eq!(failed(&manager.health_check()), NONE);
}

/// What keeps a server from its housekeeping, or migrations from their locks.
#[test]
fn old_transactions_and_ids_and_slots_that_nobody_reads_are_reported() {
    let Some(server) = Server::start() else { return };
    let manager = DatabaseManager::new(server.config(&[(Key::IdleTransactionTimeout, "50")]));
    let _ = manager.initialize(&administrator()).expect("created");
    assert_eq!(failed(&manager.health_check()), NONE);
    let mut admin = server.admin("zenith");

    admin.batch_execute("BEGIN; SELECT count(*) FROM users").expect("a transaction");
    wait_for("an old transaction", || failed(&manager.health_check()) == ["Old Transactions"]);
    let report = manager.health_check();
    assert!(details(&report, "Old Transactions").contains("idle in a transaction"), "{report:?}");
    admin.batch_execute("ROLLBACK").expect("its end");
    assert_eq!(failed(&manager.health_check()), NONE);

    let aged = "UPDATE pg_database SET datfrozenxid =
        ((pg_current_xact_id()::text::int8 + 4294967296 - 401000000) % 4294967296)::text::xid WHERE datname = 'zenith'";
    admin.batch_execute(&aged.replace("401000000", "399000000")).expect("an age");
    assert_eq!(failed(&manager.health_check()), NONE);
    admin.batch_execute(aged).expect("an age");
    assert_eq!(failed(&manager.health_check()), ["Transaction Ids"]);
    admin
        .batch_execute("UPDATE pg_database SET datfrozenxid = '3' WHERE datname = 'zenith'")
        .expect("an age");

    let slot = "SELECT pg_create_physical_replication_slot('reader', true)";
    admin.batch_execute(slot).expect("a slot");
    // 16 MiB each.
    for _ in 0..65 {
        admin
            .batch_execute("SELECT pg_logical_emit_message(false, '', ''); SELECT pg_switch_wal()")
            .expect("a segment");
    }
    let report = manager.health_check();
    assert_eq!(failed(&report), ["Replication Slots"]);
    assert!(details(&report, "Replication Slots").contains("the slot reader keeps"), "{report:?}");
    for statement in [
        "ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'",
        "SELECT pg_reload_conf()",
        "CHECKPOINT",
    ] {
        admin.batch_execute(statement).expect(statement);
    }
    let lost = || details(&manager.health_check(), "Replication Slots").contains("has lost a part");
    wait_for("the end of the slot", || {
        admin.batch_execute("CHECKPOINT").expect("a checkpoint");
        lost()
    });
    admin.batch_execute("SELECT pg_drop_replication_slot('reader')").expect("it");
    assert_eq!(failed(&manager.health_check()), NONE);
}

/// As after an upgrade of the operating system: texts that an index has are not found by it.
#[test]
fn a_collation_that_has_another_version_than_the_indexes_is_reported() {
    let Some(server) = Server::start() else { return };
    let mut admin = server.admin("postgres");
    let make = "CREATE DATABASE sorted ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US' TEMPLATE template0";
    admin.batch_execute(make).expect("a database");
    let manager = DatabaseManager::new(config(&server.url("sorted"), &[]));
    let _ = manager.initialize(&administrator()).expect("created");
    assert_eq!(failed(&manager.health_check()), NONE);
    let old = "UPDATE pg_database SET datcollversion = '140.1' WHERE datname = 'sorted'";
    admin.batch_execute(old).expect("another version");
    let report = manager.health_check();
    assert_eq!(failed(&report), ["Collations"]);
    assert!(details(&report, "Collations").contains("version 140.1"));
}
