//! The flags of the command: each does what it says, before and after the subcommand.

use std::path::Path;

use crate::support::command::{assert_unchanged, json, run_with_input, tree};
use crate::support::{SqliteFixture, backups_in, bare_zenith, run, stderr, stdout};
use serde_json::Value;

/// Value and source of one setting, as `config` shows it with these flags.
fn setting(fixture: &SqliteFixture, name: &str, flags: &[&str]) -> (String, String) {
    let mut command = fixture.zenith();
    command.args(["config", "--format", "json"]).args(flags);
    found(&json(&run(&mut command, 0)), name)
}

fn found(config: &Value, name: &str) -> (String, String) {
    let mut settings = config["settings"].as_array().expect("the settings").iter();
    let setting = settings.find(|setting| setting["name"] == name).expect(name);
    let text = |value: &Value| value.as_str().unwrap_or("null").to_owned();
    (text(&setting["value"]), text(&setting["source"]))
}

fn pair(value: &str, source: &str) -> (String, String) {
    (value.to_owned(), source.to_owned())
}

/// The file format version for writing, from the file's own header: 1 rollback journal, 2 WAL.
fn journal_version(path: &Path) -> u8 {
    std::fs::read(path).expect("the database")[18]
}

#[test]
fn config_shows_every_setting_with_its_value_and_its_source() {
    let fixture = SqliteFixture::empty();
    std::fs::write(fixture.directory.path().join(".env"), "DATABASE_CACHE_SIZE=-4000\n")
        .expect("a file");
    let mut command = fixture.zenith();
    command.args(["config", "--format", "json"]).env("DATABASE_SYNCHRONOUS", "normal");
    let config = json(&run(&mut command, 0));
    assert_eq!(config["settings"].as_array().map(Vec::len), Some(18));
    let path = fixture.path();
    assert_eq!(found(&config, "DATABASE_PATH"), pair(path.to_str().unwrap(), "from --path"));
    assert_eq!(found(&config, "DATABASE_CACHE_SIZE"), pair("-4000", "from .env"));
    assert_eq!(found(&config, "DATABASE_SYNCHRONOUS"), pair("normal", "from the environment"));
    assert_eq!(found(&config, "DATABASE_MAX_CONNECTIONS"), pair("10", "default"));
    let said = stdout(&run(fixture.zenith().arg("config"), 0));
    for part in ["DATABASE_CACHE_SIZE", "-4000", "from .env", "DATABASE_FOREIGN_KEYS", "default"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(fixture.files(), [".env"]);
}

#[test]
fn flags_mean_the_same_before_and_after_the_subcommand() {
    let fixture = SqliteFixture::empty();
    let flags = [
        ["--max-connections", "3"].as_slice(),
        &["--cache-size", "-2000"],
        &["--no-wal-mode"],
        &["--wal-mode"],
        &["--no-backup"],
        &["--backup"],
        &["--backup-dir", "elsewhere"],
        &["--path", "some.db"],
        &["--database-url", "some.db"],
        &["--format", "json"],
        &["--quiet"],
        &["--verbose"],
        &["--color", "always"],
        &["--yes"],
    ];
    for flag in flags {
        let zenith = || bare_zenith(fixture.directory.path());
        let before = run(zenith().args(flag).arg("config"), 0);
        let after = run(zenith().arg("config").args(flag), 0);
        assert_eq!(stdout(&before), stdout(&after), "{flag:?}");
        assert_eq!(stderr(&before), stderr(&after), "{flag:?}");
    }
    run(fixture.zenith().args(["--admin-user", "root", "create"]), 0);
    assert_eq!(fixture.text("SELECT username FROM users"), "root");
}

#[test]
fn the_later_of_two_contradicting_switches_wins_or_both_are_refused() {
    let fixture = SqliteFixture::empty();
    for (arguments, wanted) in [
        (["config", "--no-backup", "--backup"], "true"),
        (["config", "--backup", "--no-backup"], "false"),
        (["--backup", "config", "--no-backup"], "false"),
        // Ignoring the last word here would leave somebody without the backup he asked for.
        (["--no-backup", "config", "--backup"], "true"),
    ] {
        let output = fixture.zenith().args(["--format", "json"]).args(arguments).output();
        let output = output.expect("it starts");
        if output.status.code() != Some(2) {
            let (value, _) = found(&json(&output), "DATABASE_AUTO_BACKUP");
            assert_eq!(value, wanted, "{arguments:?}");
        }
    }
}

#[test]
fn path_and_database_url_choose_the_file() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path();
    run(bare_zenith(directory).args(["create", "--path", "by path.db"]), 0);
    run(bare_zenith(directory).args(["create", "--database-url", "by#url.db"]), 0);
    run(bare_zenith(directory).args(["create", "--database-url", "sqlite://schemed.db"]), 0);
    for name in ["by path.db", "by#url.db", "schemed.db"] {
        assert!(directory.join(name).is_file(), "{name}");
    }
    // The same file twice is no contradiction; two files are.
    let both = ["--path", "by path.db", "--database-url"];
    run(bare_zenith(directory).arg("status").args(both).arg("./by path.db"), 0);
    let output = run(bare_zenith(directory).arg("create").args(both).arg("third.db"), 2);
    assert!(stderr(&output).contains("two different databases"), "{output:?}");
    assert!(!directory.join("third.db").exists());
}

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_settings_file() {
    let fixture = SqliteFixture::empty();
    let file = fixture.directory.path().join(".env");
    std::fs::write(file, "DATABASE_MAX_CONNECTIONS=2\n").expect("a file");
    let connections = |environment: Option<&str>, flags: &[&str]| {
        let mut command = fixture.zenith();
        command.args(["config", "--format", "json"]).args(flags);
        command.envs(environment.map(|value| ("DATABASE_MAX_CONNECTIONS", value)));
        found(&json(&run(&mut command, 0)), "DATABASE_MAX_CONNECTIONS")
    };
    assert_eq!(connections(None, &[]), pair("2", "from .env"));
    assert_eq!(connections(Some("3"), &[]), pair("3", "from the environment"));
    let flags = ["--max-connections", "4"];
    assert_eq!(connections(Some("3"), &flags), pair("4", "from --max-connections"));
}

#[test]
fn env_file_is_read_instead_of_the_usual_one_and_must_be_there() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path();
    std::fs::write(directory.join(".env"), "DATABASE_MAX_CONNECTIONS=2\n").expect("a file");
    std::fs::write(directory.join("other.env"), "DATABASE_CACHE_SIZE=77\n").expect("a file");
    let flags = ["--env-file", "other.env"];
    assert_eq!(setting(&fixture, "DATABASE_CACHE_SIZE", &flags), pair("77", "from other.env"));
    assert_eq!(setting(&fixture, "DATABASE_MAX_CONNECTIONS", &flags), pair("10", "default"));
    let output = run(fixture.zenith().args(["create", "--env-file", "missing.env"]), 2);
    assert!(stderr(&output).contains("missing.env"), "{output:?}");
    assert_eq!(fixture.files(), [".env", "other.env"]);
}

#[test]
fn wal_mode_can_be_switched_off_and_on_again() {
    let fixture = SqliteFixture::empty();
    run(fixture.zenith().args(["create", "--no-wal-mode"]), 0);
    assert_eq!(journal_version(&fixture.path()), 1);
    run(fixture.zenith().args(["health-check", "--no-wal-mode"]), 0);
    // Wanted but not there: the health check sees it and does not change it.
    let said = stdout(&run(fixture.zenith().arg("health-check"), 0));
    assert!(said.contains("warning") && said.contains("WAL Mode"), "{said}");
    assert_eq!(journal_version(&fixture.path()), 1);
    run(fixture.zenith().args(["create", "--wal-mode"]).env("DATABASE_WAL_MODE", "off"), 0);
    assert_eq!(journal_version(&fixture.path()), 2);
}

#[test]
fn foreign_keys_that_are_switched_off_are_reported() {
    let fixture = SqliteFixture::created();
    let mut command = fixture.zenith();
    command.arg("health-check").env("DATABASE_FOREIGN_KEYS", "false");
    let said = stdout(&run(&mut command, 0));
    assert!(said.contains("warning") && said.contains("DATABASE_FOREIGN_KEYS=true"), "{said}");
}

#[test]
fn backups_before_changes_can_be_switched_off_and_on() {
    let fixture = SqliteFixture::created();
    let backups = || backups_in(&fixture.directory.path().join("backups")).len();
    run(fixture.zenith().args(["rollback", "--yes", "--no-backup"]), 0);
    run(fixture.zenith().arg("migrate").env("DATABASE_AUTO_BACKUP", "false"), 0);
    assert_eq!(backups(), 0);
    run(fixture.zenith().args(["rollback", "--yes"]), 0);
    assert_eq!(backups(), 1);
    run(fixture.zenith().args(["migrate", "--backup"]).env("DATABASE_AUTO_BACKUP", "false"), 0);
    assert_eq!(backups(), 2);
    // Asked for by name it is taken all the same.
    run(fixture.zenith().args(["backup", "--no-backup"]), 0);
    assert_eq!(backups(), 3);
}

#[test]
fn backup_dir_is_where_every_backup_goes() {
    let fixture = SqliteFixture::empty();
    let zenith = || {
        let mut command = fixture.zenith();
        command.args(["--backup-dir", "kept/here"]);
        command
    };
    run(zenith().arg("create"), 0);
    run(zenith().args(["rollback", "--yes"]), 0);
    run(zenith().arg("migrate"), 0);
    run(zenith().args(["create", "--force", "--yes"]), 0);
    run(zenith().arg("backup"), 0);
    let kept = backups_in(&fixture.directory.path().join("kept/here"));
    assert_eq!(kept.len(), 4, "{kept:?}");
    assert!(kept.iter().all(|name| name.starts_with("zenith-")));
    assert!(!fixture.directory.path().join("backups").exists());
}

#[test]
fn max_connections_and_cache_size_reach_the_configuration() {
    let fixture = SqliteFixture::created();
    let mut command = fixture.zenith();
    command.args(["status", "--format", "json", "--max-connections", "7"]);
    assert_eq!(json(&run(&mut command, 0))["pool"]["max_connections"], 7);
    let cache = |flags: &[&str]| setting(&fixture, "DATABASE_CACHE_SIZE", flags).0;
    assert_eq!(cache(&["--cache-size", "500"]), "500");
    assert_eq!(cache(&["--cache-size", "-2000"]), "-2000");
    assert_eq!(cache(&["--cache-size=-2000"]), "-2000");
}

#[test]
fn a_value_that_cannot_be_used_is_exit_code_2_and_names_its_flag() {
    let fixture = SqliteFixture::empty();
    for (flag, value) in [
        ("--max-connections", "0"),
        ("--max-connections", "-1"),
        ("--max-connections", "many"),
        ("--cache-size", "0"),
        ("--cache-size", "1.5"),
        ("--path", ":memory:"),
        ("--path", ""),
        ("--database-url", "mysql://host/db"),
        ("--backup-dir", ""),
        ("--admin-user", ""),
        ("--admin-email", "nowhere"),
    ] {
        let mut command = bare_zenith(fixture.directory.path());
        let output = run(command.args(["create", flag, value, "--format", "json"]), 2);
        assert_eq!(json(&output)["exit_code"], 2);
        if !flag.starts_with("--admin") {
            assert!(stderr(&output).contains(flag), "{flag}: {}", stderr(&output));
        }
        assert_eq!(fixture.files(), Vec::<String>::new(), "{flag} {value:?}");
    }
}

#[test]
fn a_flag_that_means_nothing_to_a_subcommand_is_refused() {
    let fixture = SqliteFixture::created();
    let before = tree(fixture.directory.path());
    for name in ["migrate", "seed", "health-check", "status", "backup", "config"] {
        for flags in [
            ["--force"].as_slice(),
            &["--admin-user", "root"],
            &["--admin-email", "root@zenith.local"],
            &["--admin-password-stdin"],
        ] {
            let mut command = fixture.zenith();
            let output =
                run_with_input(command.arg(name).args(flags), "correct horse battery\n", 2);
            assert!(stderr(&output).contains(flags[0]), "{name}: {}", stderr(&output));
        }
    }
    run(fixture.zenith().args(["ensure", "--force", "--yes"]), 2);
    assert_unchanged(&before, &tree(fixture.directory.path()));
}

#[test]
fn an_unknown_setting_is_a_warning_with_the_nearest_name() {
    let fixture = SqliteFixture::created();
    let mut command = fixture.zenith();
    let output = run(command.arg("status").env("DATABASE_MAX_CONECTIONS", "5"), 0);
    let said = stderr(&output);
    assert!(said.contains("DATABASE_MAX_CONECTIONS"), "{said}");
    assert!(said.contains("did you mean DATABASE_MAX_CONNECTIONS?"), "{said}");
}

#[test]
fn roles_are_refused_on_sqlite_in_one_sentence() {
    let fixture = SqliteFixture::created();
    for arguments in [["roles"].as_slice(), &["roles", "--apply", "--yes"]] {
        let refused = stderr(&run(fixture.zenith().args(arguments), 2));
        assert_eq!(
            refused,
            "error: creating roles, which SQLite does not have, needs PostgreSQL\n"
        );
    }
}
