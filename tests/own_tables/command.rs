//! The command of the application.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::support::command::json;
use crate::support::{Fixture, bare_zenith, repository, run, stderr, stdout};

/// Builds the command of the example, and returns its path.
fn built() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--locked", "--package", "notebook", "--message-format", "json"]);
        if cfg!(feature = "postgres") {
            cargo.args(["--features", "postgres"]);
        }
        let output = cargo.current_dir(repository()).output().expect("cargo starts");
        assert!(output.status.success(), "{}", stderr(&output));
        let text = stdout(&output);
        let messages = text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        let executable = |message: serde_json::Value| Some(message["executable"].as_str()?.into());
        messages.filter_map(executable).next_back().expect("an executable")
    })
}

/// Returns the application's command for the database of a fixture.
fn notebook_db(fixture: &Fixture) -> Command {
    let plain = fixture.zenith();
    let mut command = Command::new(built());
    command.current_dir(plain.get_current_dir().expect("a directory")).args(plain.get_args());
    command.env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

#[test]
fn the_command_of_the_application_does_everything() {
    let fixture = Fixture::empty();
    let said = |arguments: &[&str], exit| {
        let output = run(notebook_db(&fixture).args(arguments), exit);
        (stdout(&output), stderr(&output))
    };
    said(&["ensure"], 0);
    said(&["ensure"], 0);
    let (health, _) = said(&["health-check"], 0);
    assert!(health.contains("and 20261215000001 of the application"), "{health}");
    let (plan, _) = said(&["rollback", "--own", "--plan"], 0);
    assert!(
        plan.contains("would revert 2026-12-15-000001_count_notes of the application"),
        "{plan}"
    );
    let rolled = json(&run(
        notebook_db(&fixture).args(["rollback", "--own", "--yes", "--format", "json"]),
        0,
    ));
    assert_eq!(rolled["steps"][1]["owner"], "application", "{rolled}");
    let undo = rolled["undo"].as_str().expect("a command");
    assert!(undo.starts_with("notebook-db migrate --to"), "{undo}");
    assert!(!undo.contains("zenith-db"), "{undo}");
    said(&["health-check"], 3);
    let (migrated, _) = said(&["migrate"], 0);
    assert!(migrated.contains("2026-12-01-000001_create_notes of the application"), "{migrated}");
    said(&["redo", "--yes"], 0);
    let (_, refused) = said(&["rollback", "--to", "0", "--own", "--yes"], 2);
    assert!(refused.contains("cannot be used with"), "{refused}");
    let (_, refused) = said(&["rollback", "--to", "20261123000001", "--yes"], 1);
    assert!(refused.contains("`notebook-db rollback --own"), "{refused}");
    let (none, _) = said(&["backup", "list", "--backup-dir", "elsewhere"], 0);
    assert!(none.contains("`notebook-db backup` takes one"), "{none}");
    let (help, _) = said(&["create", "--help"], 0);
    assert!(help.contains("notebook-db create --force") && !help.contains("zenith-db"), "{help}");
    let (version, _) = said(&["--version"], 0);
    assert!(version.starts_with("zenith-db "), "{version}");
    said(&["backup"], 0);
    said(&["backup", "verify"], 0);
    said(&["restore", "--latest", "--yes"], 0);
    said(&["restore", "--drill"], 0);
    said(&["seed"], 0);
    said(&["status"], 0);
}

#[test]
fn the_scripts_of_the_example_pass_the_lint() {
    let directory = tempfile::tempdir().expect("a directory");
    let scripts = repository().join("examples/own-tables/migrations");
    let output = run(bare_zenith(directory.path()).args(["migration", "lint"]).arg(scripts), 0);
    assert!(stdout(&output).contains("4 migrations, 0 findings"), "{}", stdout(&output));
}
