//! The command `zenith-db`: parses flags, calls the library, prints its reports.
//!
//! An application with migrations of its own has the same command for its databases: its `main` calls [`run_with`].

mod adopt;
mod args;
mod ask;
mod backup;
mod codec;
mod commands;
mod create;
mod delivery;
mod escape;
mod exit;
mod flags;
mod help;
mod lint;
mod migrate;
mod object;
mod output;
mod program;
mod progress;
mod purge;
mod rebuild;
mod received;
mod render;
mod render_backups;
mod render_migrations;
mod restore;
mod roles;
mod secret;
mod signals;
mod text;
mod user;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use serde_json::json;
use zenith_db::migrations::EmbeddedMigration;

use args::Args;
use exit::Exit;
use output::Output;

/// Runs the command with the arguments of the process, and returns its exit code.
#[must_use]
pub fn run() -> ExitCode {
    run_for(&[])
}

/// Runs the command of an application with the arguments of the process, and returns its exit code. It does what
/// `zenith-db` does, for databases with the application's migrations, which are listed oldest first. Messages and help
/// name the program as it was started.
///
/// ```no_run
/// # use zenith_db::migrations::{EmbeddedMigration, Script};
/// # static OWN: &[EmbeddedMigration] = &[];
/// fn main() -> std::process::ExitCode {
///     zenith_db_cli::run_with(OWN)
/// }
/// ```
#[must_use]
pub fn run_with(own: &'static [EmbeddedMigration]) -> ExitCode {
    program::take_name();
    run_for(own)
}

fn run_for(own: &'static [EmbeddedMigration]) -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    let output = Output::new(&args);
    output.start_logging();
    signals::install(move |signal, exit| output.stopped(signal, exit));
    let result = commands::run(&args, output, own);
    signals::wait_if_ending();
    let exit = match result {
        Ok(exit) => exit,
        Err(error) => {
            let exit = Exit::of(&error);
            output.error(&error, exit as u8);
            exit
        }
    };
    signals::wait_if_ending();
    ExitCode::from(exit as u8)
}

/// Prints the help, the version or a usage error. `--format` has not been parsed by then.
fn usage(error: &clap::Error) -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    let secrets = secrets(&words);
    // If this cannot be written either, there is nowhere to report it.
    let text = error.render().ansi().to_string();
    if error.use_stderr() {
        let _ = write!(anstream::stderr(), "{}", without(&secrets, program::named_in_help(&text)));
    } else if error.kind() == ErrorKind::DisplayVersion {
        let _ = error.print();
    } else {
        let _ = write!(anstream::stdout(), "{}", program::named_in_help(&text));
    }
    if !error.use_stderr() {
        return ExitCode::from(Exit::Done as u8);
    }
    let json = words.iter().any(|word| word == "--format=json")
        || words.windows(2).any(|pair| matches!(pair, [a, b] if a == "--format" && b == "json"));
    if json {
        let message = without(&secrets, error.render());
        // The first paragraph; what follows are tips and the usage.
        let message: Vec<&str> =
            message.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        let message = message.join(" ");
        let message = message.trim_start_matches("error: ");
        let object =
            json!({ "error": message, "causes": [], "help": null, "exit_code": Exit::Usage as u8 });
        let _ = object::write(&object);
    }
    ExitCode::from(Exit::Usage as u8)
}

/// Returns the arguments that may hold a secret, such as the URL of a server or a key in the wrong place:
/// clap repeats an argument that it does not know.
fn secrets(words: &[OsString]) -> Vec<String> {
    let words: Vec<_> = words.iter().skip(1).map(|word| word.to_string_lossy()).collect();
    let values = words.iter().filter_map(|word| word.split_once('=').map(|(_, value)| value));
    let texts = words.iter().map(AsRef::as_ref).chain(values);
    texts.filter(|text| secret::may_be(text)).map(str::to_owned).collect()
}

fn without(secrets: &[String], text: impl Display) -> String {
    secrets.iter().fold(text.to_string(), |text, secret| text.replace(secret, "***"))
}
