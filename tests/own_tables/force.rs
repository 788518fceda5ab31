//! `create --force` on a server, where what one object needs cannot be dropped before it.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;
use zenith_db::migrations::{EmbeddedMigration, Script};

use crate::support::own_migrations::manager_with;
use crate::support::{Fixture, administrator, rows};

/// A circle of a table, a function, another table and a foreign key; views under views of other kinds; a check, an
/// index, a type, a sequence and a trigger whose functions and tables come in any order by kind and name.
const UP: &str = "
    CREATE TABLE own_a (id BIGINT PRIMARY KEY, b BIGINT);
    CREATE FUNCTION own_count() RETURNS BIGINT LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM own_a; END;
    CREATE TABLE own_b (id BIGINT PRIMARY KEY DEFAULT own_count(), above BIGINT REFERENCES own_b (id));
    ALTER TABLE own_a ADD CONSTRAINT own_a_b_fkey FOREIGN KEY (b) REFERENCES own_b (id);
    CREATE VIEW own_v AS SELECT id, own_count() AS number FROM own_b;
    CREATE MATERIALIZED VIEW own_m AS SELECT id FROM own_v;
    CREATE VIEW own_a_view AS SELECT id FROM own_m;
    CREATE MATERIALIZED VIEW own_last AS SELECT id FROM own_a_view;
    CREATE TYPE own_mood AS ENUM ('good');
    CREATE FUNCTION own_is_good(mood own_mood) RETURNS BOOLEAN LANGUAGE sql IMMUTABLE RETURN mood = 'good';
    CREATE FUNCTION own_of(line own_a) RETURNS BIGINT LANGUAGE sql IMMUTABLE RETURN line.id;
    CREATE SEQUENCE own_numbers;
    CREATE TABLE own_c (
        id BIGINT NOT NULL DEFAULT nextval('own_numbers'), mood own_mood CHECK (own_is_good(mood)), a own_a
    ) PARTITION BY RANGE (id);
    CREATE TABLE own_c_1 PARTITION OF own_c FOR VALUES FROM (0) TO (10);
    CREATE INDEX own_c_a ON own_c (own_of(a));
    CREATE FUNCTION own_fire() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER own_c_fire BEFORE INSERT ON own_c FOR EACH ROW EXECUTE FUNCTION own_fire();
    INSERT INTO own_c VALUES (1, 'good', ROW(1, 2));";

#[test]
fn what_needs_another_object_is_dropped_before_it_whatever_the_kinds() {
    let Some(fixture) = Fixture::on_a_server(Fixture::empty) else { return };
    let sqlite = Script {
        up: "CREATE TABLE own_a (id BIGINT PRIMARY KEY NOT NULL)",
        down: "DROP TABLE own_a",
    };
    let postgres = Script { up: UP, down: "SELECT 1" };
    let own = [EmbeddedMigration::new("2099-01-01-000001_circle", sqlite, postgres)];
    let manager = manager_with(&fixture, &own);
    let _ = manager.initialize(&administrator()).expect("created");
    let before = rows::contents(&mut fixture.raw());
    fixture.sql("INSERT INTO own_b (above) VALUES (NULL); INSERT INTO own_a VALUES (1, 0)");
    let _ = manager.recreate(&administrator()).expect("created again");
    assert_eq!(fixture.text("SELECT own_count()"), "0");
    assert_eq!(fixture.text("SELECT count(*) FROM own_c"), "1");
    assert_eq!(rows::contents(&mut fixture.raw()).len(), before.len());
    // What is somebody else's stays, and so does everything.
    fixture.sql("CREATE SCHEMA theirs; CREATE TABLE theirs.rows (b BIGINT REFERENCES own_b (id))");
    let mut raw = fixture.raw();
    raw.batch_execute("INSERT INTO own_b VALUES (7); INSERT INTO theirs.rows VALUES (7)")
        .expect("rows");
    drop(raw);
    let refused = manager.recreate(&administrator()).expect_err("a reference to ours");
    assert!(format!("{refused:?}").contains("depend"), "{refused:?}");
    assert_eq!(fixture.text("SELECT count(*) FROM theirs.rows JOIN own_b ON id = b"), "1");
    let reference = "SELECT count(*) FROM pg_constraint WHERE conname = 'own_a_b_fkey'";
    assert_eq!(fixture.text(reference), "1");
}
