//! What a database on a server has beyond its backup, which a restore does not replace.

use diesel::connection::SimpleConnection;
use zenith_db::config::Key;
use zenith_db::internal::connection::CATALOGS;
use zenith_db::manager::{DatabaseManager, RestoreOptions};

use super::{IS_LATER, backed_up};
use crate::support::own_server::{Server, value};
use crate::support::{Fixture, administrator};

/// Statements that make something in no schema, or in one that every database has, what it is called, and statements
/// that drop it.
const BEYOND: [(&str, &str, &str); 14] = [
    ("CREATE SCHEMA own", "the schema own", "DROP SCHEMA own"),
    ("CREATE PUBLICATION p", "the publication p", "DROP PUBLICATION p"),
    ("SELECT lo_create(7)", "1 large object of", "SELECT lo_unlink(7)"),
    (
        "CREATE FUNCTION fire() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
         CREATE EVENT TRIGGER e ON ddl_command_end WHEN TAG IN ('CREATE CAST') EXECUTE FUNCTION fire()",
        "the event trigger e",
        "DROP EVENT TRIGGER e; DROP FUNCTION fire()",
    ),
    ("CREATE FOREIGN DATA WRAPPER w", "the foreign-data wrapper w", "DROP FOREIGN DATA WRAPPER w"),
    (
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w",
        "the server far",
        "DROP FOREIGN DATA WRAPPER w CASCADE",
    ),
    (
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
        "the default privileges for role",
        "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC",
    ),
    (
        "CREATE TYPE mood AS ENUM ('a'); CREATE CAST (mood AS int) WITH INOUT",
        "the cast (",
        "DROP TYPE mood CASCADE",
    ),
    (
        "CREATE LANGUAGE other HANDLER plpgsql_call_handler",
        "the language other",
        "DROP LANGUAGE other",
    ),
    (
        "CREATE TRANSFORM FOR int LANGUAGE plpgsql (FROM SQL WITH FUNCTION prsd_lextype(internal))",
        "the transform for integer",
        "DROP TRANSFORM FOR int LANGUAGE plpgsql",
    ),
    (
        "CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler",
        "the access method heap2",
        "DROP ACCESS METHOD heap2",
    ),
    (
        "CREATE FUNCTION pg_catalog.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "the function pg_catalog.mine()",
        "DROP FUNCTION pg_catalog.mine()",
    ),
    (
        "CREATE FUNCTION information_schema.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "the function information_schema.mine()",
        "DROP FUNCTION information_schema.mine()",
    ),
    (
        "CREATE SCHEMA own; CREATE STATISTICS own.rows ON id, uuid FROM users",
        "the schema own",
        "DROP SCHEMA own CASCADE",
    ),
];

#[test]
fn whatever_a_database_has_beyond_the_backup_is_named_and_it_is_not_replaced() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let backup = backed_up(&fixture);
    let restore = || fixture.manager().restore(&backup, &RestoreOptions::default(), &mut |_| ());
    for (create, what, drop) in BEYOND {
        fixture.sql(create);
        let error = restore().expect_err(what).to_string();
        assert!(error.contains(what) && error.contains("--to"), "{create}: {error}");
        fixture.sql(drop);
    }
    assert_eq!(fixture.text(IS_LATER), "1");
    let report = restore().expect("a restore");
    assert!(report.health.healthy, "{:?}", report.health);
}

/// The tables are in a schema of their own.
#[test]
fn what_somebody_has_made_in_public_is_beyond_the_backup_of_another_schema() {
    let Some(server) = Server::start() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let backups = directory.path().to_str().expect("UTF-8");
    let config = server.config(&[(Key::Schema, "own"), (Key::BackupDir, backups)]);
    let manager = DatabaseManager::new(config);
    let _ = manager.initialize(&administrator()).expect("a schema");
    let mut admin = server.admin("zenith");
    // With parts that depend on no schema, and members that are restored.
    admin.batch_execute("CREATE EXTENSION citext SCHEMA public").expect("an extension");
    drop(admin);
    let backup = manager.backup().expect("a backup").path;
    let restore = || manager.restore(&backup, &RestoreOptions::default(), &mut |_| ());
    let public = "the schema public";
    for (create, what, drop) in [
        ("CREATE TYPE public.mood AS ENUM ('a')", public, "DROP TYPE public.mood"),
        (
            "CREATE OPERATOR public.=== (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)",
            public,
            "DROP OPERATOR public.=== (int, int)",
        ),
        (
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
            public,
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM PUBLIC",
        ),
        (
            "CREATE STATISTICS public.rows ON id, uuid FROM own.users",
            public,
            "DROP STATISTICS public.rows",
        ),
        (
            "CREATE SUBSCRIPTION s CONNECTION 'host=/nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE)",
            "the subscription s",
            "DROP SUBSCRIPTION s",
        ),
    ] {
        server.admin("zenith").batch_execute(create).expect(create);
        let error = restore().expect_err(create).to_string();
        assert!(error.contains(what), "{create}: {error}");
        server.admin("zenith").batch_execute(drop).expect(drop);
    }
    assert!(restore().expect("a restore").health.healthy);
}

/// A later version of PostgreSQL may have more.
#[test]
fn the_catalogs_of_what_can_be_made_in_a_database_are_known() {
    let Some(fixture) = Fixture::on_a_server(Fixture::empty) else { return };
    // Whose entries are parts of others, are of all databases, or have ids of their own.
    let others = [
        "pg_enum",
        "pg_largeobject_metadata",
        "pg_namespace",
        "pg_publication_namespace",
        "pg_publication_rel",
        "pg_user_mapping",
    ];
    let known: Vec<_> = CATALOGS.iter().map(|(name, _)| *name).chain(others).collect();
    let query = format!(
        "SELECT coalesce(string_agg(relname, ' '), '') FROM pg_class AS c JOIN pg_attribute AS a ON attrelid = c.oid
         WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared AND attname = 'oid'
             AND relname <> ALL ('{{{}}}')",
        known.join(",")
    );
    drop(fixture);
    let url = crate::support::server::url_of("postgres");
    assert_eq!(value(&mut crate::support::server::connect(&url), &query), "");
}
