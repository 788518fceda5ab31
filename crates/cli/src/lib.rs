//! The command `zenith-db`: parses flags, calls the library, prints its reports.

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
mod progress;
mod rebuild;
mod received;
mod render;
mod render_backups;
mod render_migrations;
mod restore;
mod secret;
mod signals;
mod text;
mod user;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use serde_json::json;

use args::Args;
use exit::Exit;
use output::Output;

/// Runs the command with the arguments of the process, and returns its exit code.
#[must_use]
pub fn run() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    let output = Output::new(&args);
    output.start_logging();
    signals::install(move |signal, exit| output.stopped(signal, exit));
    let result = commands::run(&args, output);
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
    if secrets.is_empty() || !error.use_stderr() {
        let _ = error.print();
    } else {
        let _ = write!(anstream::stderr(), "{}", without(&secrets, error.render().ansi()));
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
