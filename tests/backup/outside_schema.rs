//! Backups of schemas whose tables depend on what is outside of them.

use diesel::connection::SimpleConnection;
use zenith_db::manager::RestoreOptions;

use super::with_pg_restore::restore_as_documented;
use super::{IS_LATER, backed_up};
use crate::support::command::json;
use crate::support::own_server::value;
use crate::support::server::{OwnDatabase, connect};
use crate::support::{Fixture, run, stderr, stdout};

const IN_A_SCHEMA: &str = r#"
    CREATE SCHEMA "Ext ""1"; CREATE EXTENSION citext SCHEMA "Ext ""1"; CREATE EXTENSION pg_trgm SCHEMA "Ext ""1";
    CREATE TABLE words (word "Ext ""1".citext, text text); INSERT INTO words VALUES ('One', 'two');
    CREATE INDEX ON words USING gin (text "Ext ""1".gin_trgm_ops)"#;

const WORDS: &str = "SELECT count(*) FROM words WHERE word = 'ONE'";

#[test]
fn extensions_in_a_schema_of_their_own_are_restored_with_it() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture.sql(IN_A_SCHEMA);
    let backup = backed_up(&fixture);
    let manager = fixture.manager();
    let verified = manager.verify_backup(&backup, &mut |_| ()).expect("a sound backup");
    assert_eq!(verified.needs, Vec::<String>::new());

    let empty = OwnDatabase::empty();
    restore_as_documented(&backup, &empty.url());
    let search_path = r#"SET search_path = public, "Ext ""1""#;
    let words = |url: &str| {
        let mut connection = connect(url);
        connection.batch_execute(search_path).expect("a schema");
        value(&mut connection, WORDS)
    };
    assert_eq!(words(&empty.url()), "1");

    manager.drill(&mut |_| ()).expect("a drill");
    let restore = || manager.restore(&backup, &RestoreOptions::default(), &mut |_| ());
    fixture.sql(r#"CREATE TABLE "Ext ""1".theirs (id int)"#);
    let error = restore().expect_err("another's table").to_string();
    assert!(error.contains(r#"the schema "Ext ""1""#), "{error}");
    fixture.sql(r#"DROP TABLE "Ext ""1".theirs"#);
    let report = restore().expect("a restore");
    assert!(report.health.healthy, "{:?}", report.health);
    fixture.sql(search_path);
    assert_eq!(fixture.text(IS_LATER), "0");
    let url = fixture.address().1.clone();
    assert_eq!(words(&url), "1");

    let prepared = OwnDatabase::empty();
    connect(&prepared.url()).batch_execute(r#"CREATE SCHEMA "Ext ""1""#).expect("a schema");
    run(fixture.zenith().arg("restore").arg(&backup).args(["--to", &prepared.url()]), 0);
    assert_eq!(words(&prepared.url()), "1");
}

/// What is there is of use to one thing each, and `theirs` makes a schema that of somebody.
const OUTSIDE: &str = "
    CREATE SCHEMA mixed; CREATE EXTENSION citext SCHEMA mixed; CREATE TABLE mixed.theirs (id int);
    CREATE EXTENSION pg_trgm SCHEMA mixed;
    CREATE SCHEMA other; CREATE TYPE other.mood AS ENUM ('a'); CREATE SEQUENCE other.numbers;
    CREATE TABLE other.target (id int PRIMARY KEY); CREATE COLLATION other.de (LOCALE = 'C');
    CREATE FUNCTION other.checked(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
    CREATE FUNCTION other.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE FUNCTION other.unused() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
    CREATE FOREIGN TABLE far (line text) SERVER files OPTIONS (filename '/x');
    CREATE TABLE near (
        id int PRIMARY KEY DEFAULT nextval('other.numbers'), word mixed.citext, text text COLLATE other.de,
        target int REFERENCES other.target, CHECK (other.checked(id) > 0)
    );
    CREATE DOMAIN felt AS other.mood; CREATE TABLE moods (felt felt[]);
    CREATE TRIGGER fire BEFORE INSERT ON near FOR EACH ROW EXECUTE FUNCTION other.fire();
    CREATE VIEW other.reads_ours AS SELECT * FROM near";

#[test]
fn what_the_tables_need_from_outside_of_the_schema_is_named_by_the_backup_and_the_drill() {
    const NEEDS: [&str; 8] = [
        "the collation other.de",
        "the extension citext",
        "the function other.checked(integer)",
        "the function other.fire()",
        "the sequence other.numbers",
        "the server files",
        "the table other.target",
        "the type other.mood",
    ];

    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture.sql(OUTSIDE);
    let report = json(&run(fixture.zenith().args(["backup", "--format", "json"]), 0));
    assert_eq!(report["needs"], serde_json::json!(NEEDS));
    let said = stdout(&run(fixture.zenith().arg("backup"), 0));
    let error = stderr(&run(fixture.zenith().args(["restore", "--drill"]), 2));
    for need in NEEDS {
        assert!(said.contains(&format!("not included   {need}, which a restore needs")), "{said}");
        assert!(error.contains(need), "{error}");
    }
    assert!(error.contains("--to"), "{error}");
}

#[test]
fn a_tablespace_that_is_gone_is_no_obstacle() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let space = format!("space_{}", fixture.text("SELECT current_database()"));
    let mut raw = fixture.raw();
    for statement in [
        "SET allow_in_place_tablespaces = on".to_owned(),
        format!("CREATE TABLESPACE {space} LOCATION ''"),
        format!("ALTER TABLE user_sessions SET TABLESPACE {space}"),
    ] {
        raw.batch_execute(&statement).expect(&statement);
    }
    let backup = backed_up(&fixture);
    raw.batch_execute("ALTER TABLE user_sessions SET TABLESPACE pg_default").expect("moved");
    raw.batch_execute(&format!("DROP TABLESPACE {space}")).expect("dropped");
    drop(raw);
    let restored = fixture.manager().restore(&backup, &RestoreOptions::default(), &mut |_| ());
    assert!(restored.expect("a restore").health.healthy);
}

/// They are text in a script of the archive.
#[test]
fn the_words_of_functions_and_comments_are_not_taken_for_the_contents_of_the_archive() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let spoof = |kind: &str, name: &str| {
        format!(
            "\n-- TOC entry 9 (x)\n-- Name: {name}; Type: {kind}; Schema: -; Owner: pg_monitor\n"
        )
    };
    let owner = spoof("SCHEMA", "information_schema");
    // Without what it names, the archive has nothing.
    let all: String = (1..9_000)
        .map(|id| spoof("EXTENSION", "plpgsql").replace("entry 9", &format!("entry {id}")))
        .collect();
    fixture.sql(&format!(
        "CREATE FUNCTION spoof() RETURNS int LANGUAGE plpgsql AS $$BEGIN\n{owner}{all}RETURN 1; END$$;
         COMMENT ON SCHEMA public IS '{owner}{all}'"
    ));
    let backup = backed_up(&fixture);
    let restored = fixture.manager().restore(&backup, &RestoreOptions::default(), &mut |_| ());
    assert!(restored.expect("a restore").health.healthy);
    assert_eq!(fixture.text("SELECT spoof()"), "1");
    let owner = "SELECT pg_get_userbyid(nspowner) <> 'pg_monitor' FROM pg_namespace WHERE nspname = 'information_schema'";
    assert_eq!(fixture.text(owner), "true");
}
