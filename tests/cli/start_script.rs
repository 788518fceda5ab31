//! The start scripts. The shell one runs for real; the batch file is read, as only Windows can run
//! it.

use crate::support::SqliteFixture;

#[test]
fn the_batch_file_is_as_windows_needs_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/start_zenith.bat");
    let text = std::fs::read_to_string(path).expect("the batch file");
    assert!(text.lines().count() > 10);
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "CRLF line ends only");
    assert!(text.contains("setlocal EnableDelayedExpansion\r\n"));
    // Without the delay, %errorlevel% inside the block is what it was before ensure ran.
    assert!(text.contains("ensure 1>&2\r\nif !errorlevel! neq 0 (\r\n"));
    assert!(text.contains("exit /b !zenith_exit!\r\n"));
    // The command reads .env, and the batch file nothing.
    assert!(!text.contains("for /f") && !text.contains("type .env"));
}

#[cfg(unix)]
mod shell {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::process::Command;

    use super::SqliteFixture;
    use crate::support::{run, stderr, stdout};

    const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/start_zenith.sh");
    const ZENITH: &str = env!("CARGO_BIN_EXE_zenith-db");
    /// An application that leaves a trace.
    const TOUCH: [&str; 3] = ["sh", "-c", "echo started && touch started"];

    fn script(directory: &Path, script: &Path) -> Command {
        let mut command = Command::new(script);
        command.env_clear().env("PATH", "/usr/bin:/bin").current_dir(directory);
        command.stdin(std::process::Stdio::null());
        command
    }

    /// The script in the fixture's directory, with nothing set but where the program and the
    /// database are.
    fn start(fixture: &SqliteFixture) -> Command {
        let mut command = script(fixture.directory.path(), Path::new(SCRIPT));
        command.env("ZENITH_DB_BIN", ZENITH).env("DATABASE_PATH", fixture.path());
        command
    }

    fn started(fixture: &SqliteFixture) -> bool {
        fixture.directory.path().join("started").exists()
    }

    fn write_env(fixture: &SqliteFixture, text: &str) {
        fs::write(fixture.directory.path().join(".env"), text).expect("the file");
    }

    #[test]
    fn a_missing_database_is_created_and_then_the_application_runs() {
        let fixture = SqliteFixture::empty();
        let output = run(start(&fixture).args(TOUCH), 0);
        // The application's standard output is its own; the report is on the other one.
        assert_eq!(stdout(&output), "started\n");
        assert!(stderr(&output).contains("created"), "{}", stderr(&output));
        assert!(fixture.manager().health_check().healthy);
    }

    #[test]
    fn a_healthy_database_is_left_as_it_is() {
        let fixture = SqliteFixture::created();
        let before = fs::read(fixture.path()).expect("the database");
        run(start(&fixture).args(TOUCH), 0);
        assert!(started(&fixture));
        assert_eq!(fs::read(fixture.path()).expect("the database"), before);
    }

    #[test]
    fn pending_migrations_are_applied_before_the_application_runs() {
        let fixture = SqliteFixture::created();
        run(fixture.zenith().args(["rollback", "--steps", "2", "--yes", "--no-backup"]), 0);
        let output = run(start(&fixture).args([ZENITH, "status", "--format", "json"]), 0);
        assert!(stdout(&output).contains("\"pending_migrations\": []"), "{}", stdout(&output));
        assert!(stderr(&output).contains("applied"), "{}", stderr(&output));
    }

    #[test]
    fn a_corrupt_database_stops_the_start_with_its_reason() {
        let fixture = SqliteFixture::created();
        // The header stays whole: what is behind it is not SQLite's.
        let mut bytes = fs::read(fixture.path()).expect("the database");
        bytes.iter_mut().skip(100).for_each(|byte| *byte = 0xAA);
        fs::write(fixture.path(), bytes).expect("the file");
        let output = run(start(&fixture).args(TOUCH), 3);
        assert!(!started(&fixture));
        assert!(stderr(&output).contains("UNHEALTHY"), "{}", stderr(&output));
        assert!(stderr(&output).contains("exit code 3"), "{}", stderr(&output));
    }

    #[test]
    fn a_file_that_is_no_database_stops_the_start_and_is_not_touched() {
        let fixture = SqliteFixture::empty();
        fs::write(fixture.path(), "notes, not a database").expect("the file");
        let output = run(start(&fixture).args(TOUCH), 2);
        assert!(!started(&fixture));
        assert!(stderr(&output).contains("not an SQLite database"), "{}", stderr(&output));
        assert_eq!(fs::read(fixture.path()).expect("the file"), b"notes, not a database");
    }

    #[test]
    fn without_any_variable_the_defaults_are_used() {
        let fixture = SqliteFixture::empty();
        let output = run(start(&fixture).env_remove("DATABASE_PATH").args(TOUCH), 0);
        assert_eq!(stdout(&output), "started\n");
        assert!(fixture.directory.path().join("data/enterprise/zenith.db").is_file());
    }

    #[test]
    fn without_a_command_it_stops_after_ensure() {
        let fixture = SqliteFixture::empty();
        let output = run(&mut start(&fixture), 0);
        assert_eq!(stdout(&output), "");
        assert!(fixture.manager().health_check().healthy);
    }

    #[test]
    fn arguments_and_exit_code_of_the_application_pass_through_unchanged() {
        let fixture = SqliteFixture::created();
        let print = r#"printf '<%s>' "$@"; exit 42"#;
        let given = ["sh", "-c", print, "sh", "a  b", "", "*", "$HOME", "-x", "it's"];
        let output = run(start(&fixture).args(given), 42);
        assert_eq!(stdout(&output), "<a  b><><*><$HOME><-x><it's>");
    }

    #[test]
    fn the_application_takes_the_place_of_the_script() {
        let fixture = SqliteFixture::created();
        let child = start(&fixture)
            .args(["sh", "-c", "echo $$"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("it starts");
        // A signal sent to the script then reaches the application itself.
        let id = child.id();
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(stdout(&output), format!("{id}\n"));
    }

    #[test]
    fn no_line_of_the_settings_file_is_executed_or_reaches_the_application() {
        let fixture = SqliteFixture::empty();
        write_env(
            &fixture,
            concat!(
                "\u{feff}# a comment with = and ' and $(touch ran)\r\n",
                "APP_PORT=8080\r\n",
                "LD_PRELOAD=/no/such/library.so\n",
                "PATH=/no/such/directory\n",
                "SMTP_FROM=My App <a@b.example>\n",
                "SUBSTITUTION=\"$(touch ran)\"; touch ran; `touch ran`\n",
                "KEY=\"-----BEGIN\nhunter2\n-----END\"\n",
                "QUOTE=not 'closed\n",
                "ZENITH_DB_BIN=/no/such/program\n",
                "ZENITH_ADMIN_PASSWORD=hunter2\n",
                "PGPASSWORD=hunter2\n",
                "DATABASE_PATH='of the file $x.db'\n",
                "DATABASE_REPLICA_URL='postgres://z:hunter2@db/z'\n",
            ),
        );
        let with_env = |command: &mut Command| {
            command.env_remove("DATABASE_PATH").env("GIVEN", "kept");
            stdout(&run(command.arg("/usr/bin/env"), 0))
        };
        let shown = with_env(&mut start(&fixture));
        let names: Vec<&str> = shown.lines().filter_map(|line| line.split('=').next()).collect();
        for name in &names {
            let known = ["GIVEN", "PATH", "PWD", "OLDPWD", "SHLVL", "_", "ZENITH_DB_BIN"];
            assert!(known.contains(name), "{shown}");
        }
        assert!(names.contains(&"GIVEN") && !shown.contains("hunter2"), "{shown}");
        assert_eq!(fixture.files(), [".env", "backups", "logs", "of the file $x.db"]);
    }

    #[test]
    fn the_password_of_the_administrator_is_for_ensure_and_not_for_the_application() {
        let fixture = SqliteFixture::empty();
        let mut command = start(&fixture);
        command.env("ZENITH_ADMIN_PASSWORD", "correct horse battery").arg("/usr/bin/env");
        let output = run(&mut command, 0);
        assert!(!stdout(&output).contains("correct horse"), "{}", stdout(&output));
        // It was the one that ensure was given: none was generated and printed.
        assert!(!stderr(&output).to_lowercase().contains("password:"), "{}", stderr(&output));
    }

    #[test]
    fn the_command_and_the_application_read_one_database_from_the_settings_file() {
        let fixture = SqliteFixture::empty();
        write_env(&fixture, "BASE=deeper\nexport DATABASE_PATH=\"./${BASE}/z.db\" # here\r\n");
        let mut command = start(&fixture);
        command.env_remove("DATABASE_PATH").args([ZENITH, "status", "--format", "json"]);
        let output = run(&mut command, 0);
        assert!(stdout(&output).contains("deeper/z.db"), "{}", stdout(&output));
        assert!(fixture.directory.path().join("deeper/z.db").is_file());
    }

    #[test]
    fn the_database_of_the_settings_file_is_the_one_that_is_made() {
        let fixture = SqliteFixture::empty();
        write_env(
            &fixture,
            "DATABASE_PATH='of the file $x.db'\nDATABASE_AUTO_BACKUP=\"false\"\r\n",
        );
        run(start(&fixture).env_remove("DATABASE_PATH").args(TOUCH), 0);
        assert!(fixture.directory.path().join("of the file $x.db").is_file());
    }

    #[test]
    fn a_database_in_the_environment_wins_over_the_url_in_the_settings_file() {
        let fixture = SqliteFixture::empty();
        // As in .env.example.
        write_env(&fixture, "DATABASE_URL=other.db\n");
        run(start(&fixture).args(TOUCH), 0);
        assert!(fixture.path().is_file());
        assert!(!fixture.directory.path().join("other.db").exists());
    }

    #[test]
    fn a_wrong_line_of_the_settings_file_stops_the_start() {
        for line in [
            "DATABASE_PATH=$NOSUCH/z.db",
            "DATABASE_PATH=\"${NOSUCH}/z.db\"",
            "DATABASE_PATH=a\\b.db",
            "DATABASE_PATH=\"not closed",
            "DATABASE_PATH='a'b c.db",
            "DATABASE_PATH=~/z.db",
        ] {
            let fixture = SqliteFixture::empty();
            write_env(&fixture, line);
            let mut command = start(&fixture);
            command.env("HOME", fixture.directory.path()).env_remove("DATABASE_PATH").args(TOUCH);
            let output = run(&mut command, 2);
            for part in ["DATABASE_PATH", "line 1"] {
                assert!(stderr(&output).contains(part), "{line}: {}", stderr(&output));
            }
            assert_eq!(fixture.files(), [".env"], "{line}");
        }
    }

    #[test]
    fn a_bad_setting_stops_the_start_with_exit_code_2() {
        let fixture = SqliteFixture::empty();
        let output = run(start(&fixture).env("DATABASE_MAX_CONNECTIONS", "many").args(TOUCH), 2);
        assert!(stderr(&output).contains("DATABASE_MAX_CONNECTIONS"), "{}", stderr(&output));
        assert_eq!(fixture.files(), Vec::<String>::new());
    }

    #[test]
    fn a_program_that_is_not_there_is_named_and_nothing_runs() {
        let fixture = SqliteFixture::empty();
        let output = run(start(&fixture).env("ZENITH_DB_BIN", "/no/such/program").args(TOUCH), 127);
        assert!(stderr(&output).contains("cannot find /no/such/program"), "{}", stderr(&output));
        assert!(stderr(&output).contains("ZENITH_DB_BIN"));
        assert!(!started(&fixture));
    }

    #[test]
    fn the_program_is_found_beside_the_script_else_on_the_path() {
        let fixture = SqliteFixture::empty();
        let checkout = fixture.directory.path().join("a checkout");
        let copy = checkout.join("scripts/start_zenith.sh");
        fs::create_dir_all(checkout.join("scripts")).expect("a directory");
        fs::copy(SCRIPT, &copy).expect("the script");

        let missing = run(script(fixture.directory.path(), &copy).args(TOUCH), 127);
        assert!(stderr(&missing).contains("cannot find zenith-db"), "{}", stderr(&missing));

        let bin = fixture.directory.path().join("bin");
        fs::create_dir(&bin).expect("a directory");
        symlink(ZENITH, bin.join("zenith-db")).expect("a link");
        let path = format!("{}:/usr/bin:/bin", bin.display());
        run(script(fixture.directory.path(), &copy).env("PATH", path).args(TOUCH), 0);

        let release = checkout.join("target/release");
        fs::create_dir_all(&release).expect("a directory");
        symlink(ZENITH, release.join("zenith-db")).expect("a link");
        run(script(fixture.directory.path(), &copy).args(TOUCH), 0);
    }
}
