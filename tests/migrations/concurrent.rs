//! Processes that migrate one database at once, forth or back: all succeed, and what comes of it is
//! what one after the other would have made.

use std::process::{Command, Output};

use crate::support::command::{at_once, json};
use crate::support::rows::assert_no_duplicates;
use crate::support::shuttle::{Shuttle, migrations_between};
use crate::support::{Fixture, run};

/// How many migrations each of them ran.
fn steps(outputs: &[Output]) -> Vec<usize> {
    let steps = |output| json(output)["steps"].as_array().expect("the steps").len();
    outputs.iter().map(steps).collect()
}

#[test]
fn of_eight_that_migrate_at_once_one_does_it_and_the_others_find_nothing_to_do() {
    let fixture = Fixture::created();
    let applied = fixture.manager().status().expect("a status").applied_migrations;
    let first = &applied[0];
    for switch in ["--no-backup", "--backup"] {
        run(fixture.zenith().args(["rollback", "--to", first, "--yes", "--no-backup"]), 0);
        let outputs = at_once((0..8).map(|_| {
            let mut command = fixture.zenith();
            command.args(["migrate", "--format", "json", switch]);
            command
        }));
        let mut steps = steps(&outputs);
        steps.sort_unstable();
        assert_eq!(steps, [0, 0, 0, 0, 0, 0, 0, applied.len() - 1], "{switch}");
        for output in &outputs {
            let report = json(output);
            assert_eq!(report["version"].as_str(), applied.last().map(String::as_str));
            let backed_up = switch == "--backup" && report["steps"] != serde_json::json!([]);
            assert_eq!(report["backup"].is_object(), backed_up, "{report}");
        }
        assert_no_duplicates(&fixture);
        let status = fixture.manager().status().expect("a status");
        assert_eq!(status.applied_migrations, applied);
    }
    // The last migrations made the tables of the seeds anew, without rows.
    run(fixture.zenith().arg("seed"), 0);
    run(fixture.zenith().arg("health-check"), 0);
}

#[test]
fn migrators_and_rollbacks_at_once_each_go_the_whole_way_or_find_nothing_to_do() {
    let shuttle = Shuttle::new(Fixture::created());
    let mut newer = true;
    for round in 0..6 {
        let command = |number: u32| -> Command {
            let mut command = shuttle.command((round + number).is_multiple_of(2));
            command.args(["--format", "json"]);
            command
        };
        let outputs = at_once((0..8).map(command));
        let (mut forth, mut back) = (0, 0);
        for (number, steps) in (0..).zip(steps(&outputs)) {
            assert!([0, migrations_between()].contains(&steps), "round {round}: {steps} steps");
            let went = if (round + number).is_multiple_of(2) { &mut forth } else { &mut back };
            *went += i32::from(steps != 0);
        }
        let is_newer = shuttle.is_newer(&format!("round {round}"));
        // They took turns, so that between two that went forth one went back.
        assert_eq!(forth - back, i32::from(is_newer) - i32::from(newer), "round {round}");
        newer = is_newer;
        if newer {
            assert_no_duplicates(&shuttle.fixture);
        }
    }
}
