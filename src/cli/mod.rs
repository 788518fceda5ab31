//! The command `zenith-db`: reads flags, calls the manager, prints its reports.

mod args;
mod ask;
mod commands;
mod output;
mod render;

use std::process::ExitCode;

use clap::Parser;

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
    // Usage errors print themselves and exit with 2; help and version with 0.
    let args = Args::parse();
    let output = Output::new(&args);
    output.start_logging();
    let exit = match commands::run(&args, output) {
        Ok(exit) => exit,
        Err(error) if is_broken_pipe(&error) => Exit::Done,
        Err(error) => {
            let exit = commands::exit_of(&error);
            output.error(&error, exit as u8);
            exit
        }
    };
    ExitCode::from(exit as u8)
}

/// Whoever read our output has seen enough, such as `head`.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
