//! A plan says what a migration or a rollback would do, and writes nothing at all.

use std::path::PathBuf;

use serde_json::Value;
use zenith_db::MigrationFault;
use zenith_db::manager::{Effect, RollbackTarget, StepDirection};
use zenith_db::{Error, migrations};

use crate::support::command::json;
use crate::support::embedded::{before, notifications};
use crate::support::snapshot::{differences, snapshot};
use crate::support::{Fixture, run, stderr, stdout};

/// A database two migrations behind.
fn behind() -> Fixture {
    let fixture = Fixture::created();
    fixture.manager().rollback(&RollbackTarget::Steps(2)).expect("rolled back");
    fixture
}

fn names(steps: &Value) -> Vec<&str> {
    let steps = steps.as_array().expect("a list");
    steps.iter().map(|step| step["name"].as_str().expect("a name")).collect()
}

#[test]
fn a_plan_of_a_migration_is_what_migrating_then_does() {
    let fixture = behind();
    let before = snapshot(fixture.directory.path());
    let output = run(fixture.zenith().args(["migrate", "--plan", "--format", "json"]), 0);
    assert_eq!(differences(&before, &snapshot(fixture.directory.path())), Vec::<PathBuf>::new());
    let plan = json(&output);
    assert!(plan["steps"].as_array().expect("steps").iter().all(|s| s["direction"] == "applied"));
    let output = run(fixture.zenith().args(["migrate", "--format", "json"]), 0);
    let report = json(&output);
    assert_eq!(names(&plan["steps"]), names(&report["steps"]));
    assert_eq!(names(&plan["steps"]).len(), 2);
    assert_ne!(plan["version"], report["version"]);

    let output = run(fixture.zenith().args(["migrate", "--plan"]), 0);
    assert!(stdout(&output).starts_with("nothing to do"), "{}", stdout(&output));
}

#[test]
fn a_plan_of_a_rollback_asks_nothing_and_shows_every_drop() {
    let fixture = Fixture::created();
    let before = snapshot(fixture.directory.path());
    let output = run(fixture.zenith().args(["rollback", "--to", "0", "--plan"]), 0);
    assert_eq!(differences(&before, &snapshot(fixture.directory.path())), Vec::<PathBuf>::new());
    let text = stdout(&output);
    for migration in migrations::all() {
        assert!(text.contains(&format!("would revert {migration}\n")), "{text}");
    }
    assert_eq!(text.matches("drops         table ").count(), 21, "{text}");
    assert!(text.ends_with("nothing was written\n") && stderr(&output).is_empty(), "{text}");
}

#[test]
fn each_statement_is_planned_with_its_effect() {
    let fixture = Fixture::created();
    fixture.manager().rollback(&before(notifications())).expect("rolled back");
    let plan = fixture.manager().plan_migration().expect("a plan");
    let step = plan.steps.first().expect("a step");
    assert_eq!(step.direction, StepDirection::Applied);
    let first = &step.statements[0];
    assert_eq!((first.effect, first.subject.as_str()), (Effect::Creates, "table notifications"));
    assert!(first.sql.starts_with("CREATE TABLE notifications ("), "{}", first.sql);
}

#[test]
fn what_cannot_be_migrated_cannot_be_planned() {
    let fixture = Fixture::empty();
    assert!(matches!(fixture.manager().plan_migration(), Err(Error::NoDatabase { .. })));
    fixture.assert_nothing_was_created();

    let fixture = Fixture::created();
    let target = RollbackTarget::Version("20010101000000".into());
    let unknown = fixture.manager().plan_rollback(&target);
    assert!(
        matches!(unknown, Err(Error::Migration(MigrationFault::UnknownVersion { .. }))),
        "{unknown:?}"
    );
    let none = fixture.manager().plan_rollback(&RollbackTarget::Steps(0));
    assert!(matches!(none, Err(Error::Migration(MigrationFault::NoSteps))), "{none:?}");
    fixture.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')");
    let newer = fixture.manager().plan_migration();
    assert!(
        matches!(newer, Err(Error::Migration(MigrationFault::NewerDatabase { .. }))),
        "{newer:?}"
    );

    let fixture = Fixture::blank();
    fixture.sql("CREATE TABLE somebody_elses (id INTEGER)");
    let foreign = fixture.manager().plan_migration();
    assert!(matches!(foreign, Err(Error::Refused { .. })), "{foreign:?}");
}
