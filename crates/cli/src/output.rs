//! Where output goes: results on standard output, everything else on standard error.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;
use serde_json::json;
use zenith_db::Error;
use zenith_db::internal::error::dependents;
use zenith_db_import::AdoptionError;
use zenith_db_transfer::TransferError;

use super::args::{Args, Color, Format};
use super::escape::{Escaped, EscapedLog, Paint};
use super::text::{BAD, STRONG, WARNING};
use super::{object, signals};

const RAISE_LIMIT: &str = "raise the limit for the size of files (`ulimit -f`, or LimitFSIZE= of a systemd unit) \
     and run the command again";

/// Output settings from the flags.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    format: Format,
    quiet: bool,
    verbose: bool,
    color: Color,
}

impl Output {
    pub(super) fn new(args: &Args) -> Self {
        let output = &args.output;
        Self {
            format: output.format,
            quiet: output.quiet,
            verbose: output.verbose,
            color: output.color,
        }
    }

    /// Sends the library's log to standard error.
    pub(super) fn start_logging(self) {
        let level = match (self.quiet, self.verbose) {
            (true, _) => tracing::Level::ERROR,
            (_, true) => tracing::Level::DEBUG,
            _ => tracing::Level::WARN,
        };
        let ansi = !matches!(self.stderr_choice(), ColorChoice::Never);
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(|| EscapedLog(io::stderr()))
            .with_ansi(ansi)
            .with_target(false)
            .without_time()
            .init();
    }

    pub(super) const fn is_quiet(self) -> bool {
        self.quiet
    }

    pub(super) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    fn choice(self, auto: ColorChoice) -> ColorChoice {
        match self.color {
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
            Color::Auto => auto,
        }
    }

    fn stderr_choice(self) -> ColorChoice {
        self.choice(AutoStream::choice(&io::stderr()))
    }

    /// Writes the result to standard output: as JSON, or as the text that `render` writes.
    pub(super) fn result<T: Serialize>(
        self,
        result: &T,
        render: impl FnOnce(&mut dyn Write, &T) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let written = match self.format {
            Format::Json => object::write(&serde_json::to_value(result)?),
            Format::Text => render(&mut self.stdout(), result),
        };
        match written {
            // A reader such as `head` has closed the pipe. The exit code still says whether the
            // command succeeded.
            Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => Ok(done?),
        }
    }

    /// Writes a script to standard output: unchanged, unless that is a terminal.
    pub(super) fn script<T: Serialize>(self, result: &T, script: &str) -> anyhow::Result<()> {
        self.result(result, |out, _| {
            if io::stdout().is_terminal() {
                write!(out, "{script}")
            } else {
                io::stdout().write_all(script.as_bytes())
            }
        })
    }

    /// Returns standard output for text: everything that acts on a terminal is escaped.
    pub(super) fn stdout(self) -> impl Write {
        let stdout = io::stdout();
        let choice = self.choice(AutoStream::choice(&stdout));
        Escaped(AutoStream::new(stdout, choice))
    }

    /// Writes text to standard error, for the user to read before a question.
    pub(super) fn on_stderr(
        self,
        render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        render(&mut Escaped(AutoStream::new(io::stderr(), self.stderr_choice())))
    }

    /// Writes a warning to standard error, unless `--quiet` is set.
    pub(super) fn warning(self, text: &str) {
        if !self.quiet {
            self.say(WARNING, "warning", text);
        }
    }

    /// Writes the error, its causes and its hint to standard error; as JSON also to standard
    /// output.
    pub(super) fn error(self, error: &anyhow::Error, exit: u8) {
        let texts = |cause: &(dyn std::error::Error + 'static)| {
            std::iter::once(cause.to_string()).chain(dependents(cause))
        };
        let mut causes: Vec<String> = error.chain().flat_map(texts).collect();
        let too_large = signals::file_too_large();
        causes.extend(too_large.clone());
        self.say(BAD, "error", &causes.join(": "));
        let hint = if too_large.is_some() {
            Some(RAISE_LIMIT)
        } else if let Some(error) = error.downcast_ref::<TransferError>() {
            error.hint()
        } else if let Some(error) = error.downcast_ref::<AdoptionError>() {
            error.hint()
        } else {
            error.downcast_ref::<Error>().and_then(Error::hint)
        };
        if let Some(hint) = hint {
            self.say(STRONG, "help", hint);
        }
        if self.format == Format::Json {
            let (message, causes) =
                causes.split_first().map_or(("", [].as_slice()), |(m, c)| (m, c));
            let object =
                json!({ "error": message, "causes": causes, "help": hint, "exit_code": exit });
            // If this cannot be written either, there is nowhere to report it.
            let _ = object::write(&object);
        }
    }

    /// Says that a signal ends the command.
    pub(super) fn stopped(self, signal: &str, exit: i32) {
        if io::stderr().is_terminal() {
            // After a question or a spinner.
            let _ = writeln!(io::stderr());
        }
        let message = format!("ended by {signal}; an open transaction is rolled back");
        self.say(BAD, "error", &message);
        if self.is_json() {
            object::write_last(
                &json!({ "error": message, "causes": [], "help": null, "exit_code": exit }),
            );
        }
    }

    fn say(self, style: Paint, label: &str, text: &str) {
        let mut stderr = Escaped(AutoStream::new(io::stderr(), self.stderr_choice()));
        // If standard error cannot be written, there is nowhere to report it.
        let _ = writeln!(stderr, "{style}{label}:{style:#} {text}");
    }

    /// Writes a line about a step to standard error, if `--verbose` is set.
    pub(super) fn note(self, text: &str) {
        if self.verbose {
            self.say(STRONG, "note", text);
        }
    }
}
