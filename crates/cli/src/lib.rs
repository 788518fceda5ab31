//! The command `zenith-db`: reads flags, calls the manager, prints its reports.

mod adopt;
mod args;
mod ask;
mod commands;
mod lint;
mod migrate;
mod output;
mod rebuild;
mod render;
mod render_migrations;

use std::process::ExitCode;

use clap::Parser;
use serde_json::json;

use args::Args;
use output::Output;

/// How the command ends. The numbers are part of its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Done and, where that was asked, healthy.
    Done = 0,
    /// The operation failed.
    Failed = 1,
    /// The flags or the configuration cannot be used.
    Usage = 2,
    /// The database is unhealthy.
    Unhealthy = 3,
    /// There is no database at the configured path.
    NoDatabase = 4,
}

/// Runs the command with the process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    let output = Output::new(&args);
    output.start_logging();
    let exit = match commands::run(&args, output) {
        Ok(exit) => exit,
        Err(error) => {
            let exit = commands::exit_of(&error);
            output.error(&error, exit as u8);
            exit
        }
    };
    ExitCode::from(exit as u8)
}

/// Help, the version, or what is wrong with the flags, which has no parsed `--format` to go by.
fn usage(error: &clap::Error) -> ExitCode {
    // With both outputs gone there is nowhere left to complain.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::from(Exit::Done as u8);
    }
    let words: Vec<_> = std::env::args_os().collect();
    let json = words.iter().any(|word| word == "--format=json")
        || words.windows(2).any(|pair| matches!(pair, [a, b] if a == "--format" && b == "json"));
    if json {
        let message = error.render().to_string();
        let message = message.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let object =
            json!({ "error": message, "causes": [], "help": null, "exit_code": Exit::Usage as u8 });
        let _ = Output::json(&object);
    }
    ExitCode::from(Exit::Usage as u8)
}
