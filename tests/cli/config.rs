//! `zenith-db config`, and how every command reports what is wrong with the configuration.

use crate::support::{SqliteFixture, bare_zenith, run, stderr, stdout};
use serde_json::{Value, json};

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("one JSON object on standard output")
}

/// The settings that the command reports, by name.
fn settings(fixture: &SqliteFixture, vars: &[(&str, &str)], args: &[&str]) -> Value {
    let mut command = bare_zenith(fixture.directory.path());
    command.envs(vars.iter().copied()).args(["config", "--format", "json"]).args(args);
    let output = run(&mut command, 0);
    assert_eq!(stderr(&output), "");
    let report = parse(&stdout(&output));
    let rows = report["settings"].as_array().expect("a list").iter();
    rows.map(|row| (row["name"].as_str().expect("a name").to_owned(), row.clone())).collect()
}

fn expect(settings: &Value, name: &str, value: &str, source: &str) {
    let wanted = json!({ "name": name, "value": value, "source": source });
    assert_eq!(settings[name], wanted);
}

#[test]
fn the_config_command_reports_each_flag_as_the_source_of_its_setting() {
    let fixture = SqliteFixture::empty();
    let vars = [("DATABASE_MAX_CONNECTIONS", "5"), ("DATABASE_WAL_MODE", "true")];
    let found = settings(
        &fixture,
        &vars,
        &[
            "--path=one.db",
            "--backup-dir=kept",
            "--no-wal-mode",
            "--no-backup",
            "--max-connections=3",
            "--cache-size=-2000",
        ],
    );
    expect(&found, "DATABASE_PATH", "one.db", "from --path");
    expect(&found, "DATABASE_BACKUP_DIR", "kept", "from --backup-dir");
    expect(&found, "DATABASE_WAL_MODE", "false", "from --no-wal-mode");
    expect(&found, "DATABASE_AUTO_BACKUP", "false", "from --no-backup");
    expect(&found, "DATABASE_MAX_CONNECTIONS", "3", "from --max-connections");
    expect(&found, "DATABASE_CACHE_SIZE", "-2000", "from --cache-size");
    expect(&found, "DATABASE_SYNCHRONOUS", "full", "default");

    let flags = ["--database-url=sqlite://two.db", "--wal-mode", "--backup"];
    let vars = [("DATABASE_AUTO_BACKUP", "off"), ("DATABASE_WAL_MODE", "off")];
    let found = settings(&fixture, &vars, &flags);
    expect(&found, "DATABASE_URL", "two.db", "from --database-url");
    expect(&found, "DATABASE_WAL_MODE", "true", "from --wal-mode");
    expect(&found, "DATABASE_AUTO_BACKUP", "true", "from --backup");
}

#[test]
fn the_command_reads_the_environment_then_the_env_file_of_its_directory() {
    let fixture = SqliteFixture::empty();
    let file = "DATABASE_PATH=file.db\nDATABASE_CACHE_SIZE=77\nDATABASE_SYNCHRONOUS=normal\n";
    std::fs::write(fixture.directory.path().join(".env"), file).expect("a .env");
    let vars = [("DATABASE_CACHE_SIZE", "88"), ("DATABASE_BUSY_TIMEOUT_MS", "99")];
    let found = settings(&fixture, &vars, &[]);
    expect(&found, "DATABASE_PATH", "file.db", "from .env");
    expect(&found, "DATABASE_BACKUP_DIR", "./backups", "default");
    expect(&found, "DATABASE_SYNCHRONOUS", "normal", "from .env");
    expect(&found, "DATABASE_CACHE_SIZE", "88", "from the environment");
    expect(&found, "DATABASE_BUSY_TIMEOUT_MS", "99", "from the environment");
    expect(&found, "DATABASE_FOREIGN_KEYS", "true", "default");
}

#[test]
fn an_env_file_named_by_a_flag_is_read_instead_of_the_one_in_the_directory() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path();
    std::fs::write(directory.join(".env"), "DATABASE_CACHE_SIZE=1\nDATABASE_BUSY_TIMEOUT_MS=2\n")
        .expect("a .env");
    std::fs::write(directory.join("other.env"), "DATABASE_CACHE_SIZE=3\n").expect("another");
    let found = settings(&fixture, &[], &["--env-file", "other.env"]);
    expect(&found, "DATABASE_CACHE_SIZE", "3", "from other.env");
    expect(&found, "DATABASE_BUSY_TIMEOUT_MS", "5000", "default");

    let mut command = bare_zenith(directory);
    let output = run(command.args(["config", "--env-file", "missing.env"]), 2);
    assert!(stderr(&output).contains("missing.env"), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
}

#[test]
fn the_config_command_prints_a_line_with_value_and_source_for_each_setting() {
    let fixture = SqliteFixture::empty();
    let mut command = bare_zenith(fixture.directory.path());
    command.env("DATABASE_MAX_CONNECTIONS", "4").args(["config", "--path", "a b.db"]);
    let text = stdout(&run(&mut command, 0));
    let row = |name: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(name)).expect(name);
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("DATABASE_URL"), "- default");
    assert_eq!(row("DATABASE_PATH"), "a b.db from --path");
    assert_eq!(row("DATABASE_BACKUP_DIR"), "./backups default");
    assert_eq!(row("DATABASE_MAX_CONNECTIONS"), "4 from the environment");
    assert_eq!(row("DATABASE_SYNCHRONOUS"), "full default");
    assert_eq!(text.matches("DATABASE_").count(), zenith_db::config::Key::ALL.len());
}

#[test]
fn the_config_command_creates_nothing() {
    let fixture = SqliteFixture::empty();
    run(fixture.zenith().arg("config"), 0);
    run(bare_zenith(fixture.directory.path()).arg("config"), 0);
    assert_eq!(fixture.files(), Vec::<String>::new());
}

#[test]
fn secrets_appear_neither_in_the_settings_nor_in_warnings_nor_in_errors() {
    let fixture = SqliteFixture::empty();
    for format in ["text", "json"] {
        let mut command = bare_zenith(fixture.directory.path());
        command.env("DATABASE_PASSWORD", "hunter2").env("ZENITH_ADMIN_PASSWORD", "hunter2");
        let output = run(command.args(["config", "--verbose", "--format", format]), 0);
        assert!(stderr(&output).contains("DATABASE_PASSWORD"), "{}", stderr(&output));
        assert!(!stderr(&output).contains("hunter2"), "{}", stderr(&output));
        assert!(!stdout(&output).contains("hunter2"), "{}", stdout(&output));

        let url = "mysql://zenith:hunter2@db.example/zenith";
        let mut by_flag = bare_zenith(fixture.directory.path());
        by_flag.args(["--database-url", url]);
        let mut by_variable = bare_zenith(fixture.directory.path());
        by_variable.env("DATABASE_URL", url);
        for command in [&mut by_flag, &mut by_variable] {
            let output = run(command.args(["config", "--verbose", "--format", format]), 2);
            assert!(stderr(&output).contains("mysql://***"), "{}", stderr(&output));
            assert!(!stderr(&output).contains("hunter2"), "{}", stderr(&output));
            assert!(!stdout(&output).contains("hunter2"), "{}", stdout(&output));
        }
    }
}

#[test]
fn a_bad_setting_stops_every_command_with_exit_code_2_before_anything_is_created() {
    let fixture = SqliteFixture::empty();
    for subcommand in [
        "create",
        "ensure",
        "migrate",
        "rollback",
        "seed",
        "health-check",
        "status",
        "backup",
        "config",
    ] {
        let mut command = fixture.zenith();
        command.env("DATABASE_WAL_MODE", "maybe").args([subcommand, "--format", "json"]);
        let output = run(&mut command, 2);
        let report = parse(&stdout(&output));
        assert_eq!(report["exit_code"], 2, "{subcommand}");
        let error = report["error"].as_str().expect("a text");
        for part in ["DATABASE_WAL_MODE", "\"maybe\"", "from the environment", "yes, no"] {
            assert!(error.contains(part), "{subcommand}: {part} is missing in: {error}");
        }
        assert!(stderr(&output).contains(error), "for people, on standard error");
    }
    assert_eq!(fixture.files(), Vec::<String>::new());
}

#[test]
fn a_warning_goes_to_standard_error_and_leaves_the_result_whole() {
    let fixture = SqliteFixture::empty();
    let mut command = bare_zenith(fixture.directory.path());
    command.env("DATABASE_MAX_CONECTIONS", "5").args(["config", "--format", "json"]);
    let output = run(&mut command, 0);
    assert!(stderr(&output).starts_with("warning: DATABASE_MAX_CONECTIONS"), "{}", stderr(&output));
    let connections = parse(&stdout(&output))["settings"]
        .as_array()
        .and_then(|rows| rows.iter().find(|row| row["name"] == "DATABASE_MAX_CONNECTIONS").cloned())
        .expect("a row");
    assert_eq!(connections["value"], "10", "the misspelt name has no effect");
    let output = run(command.arg("--quiet"), 0);
    assert_eq!(stderr(&output), "");
}

#[test]
fn of_a_flag_and_its_opposite_the_last_one_counts() {
    let fixture = SqliteFixture::empty();
    for (flags, value) in
        [(["--wal-mode", "--no-wal-mode"], "false"), (["--no-wal-mode", "--wal-mode"], "true")]
    {
        let found = settings(&fixture, &[], &flags);
        assert_eq!(found["DATABASE_WAL_MODE"]["value"], value, "{flags:?}");
    }
    for (flags, value) in
        [(["--backup", "--no-backup"], "false"), (["--no-backup", "--backup"], "true")]
    {
        let found = settings(&fixture, &[], &flags);
        assert_eq!(found["DATABASE_AUTO_BACKUP"]["value"], value, "{flags:?}");
    }
}
