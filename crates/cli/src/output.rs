//! Where output goes: results on standard output, everything else on standard error.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use anstyle::Style;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};
use zenith_db::Error;
use zenith_db::manager::IntegrityProgress;
use zenith_db_import::AdoptionError;
use zenith_db_transfer::{TransferError, TransferPhase, TransferProgress};

use super::args::{Args, Color, Format};
use super::text::{BAD, STRONG, WARNING};

/// Interval at which a spinner turns and the elapsed time is updated.
const TICK: Duration = Duration::from_millis(100);

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
            .with_writer(io::stderr)
            .with_ansi(ansi)
            .with_target(false)
            .without_time()
            .init();
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
            Format::Json => Self::json(&serde_json::to_value(result)?),
            Format::Text => {
                let stdout = io::stdout();
                let choice = self.choice(AutoStream::choice(&stdout));
                render(&mut AutoStream::new(stdout, choice), result)
            }
        };
        match written {
            // A reader such as `head` has closed the pipe. The exit code still says whether the
            // command succeeded.
            Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => Ok(done?),
        }
    }

    /// Writes text to standard error, for the user to read before a question.
    pub(super) fn on_stderr(
        self,
        render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        render(&mut AutoStream::new(io::stderr(), self.stderr_choice()))
    }

    pub(super) fn json(value: &Value) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        serde_json::to_writer_pretty(&mut stdout, value)?;
        writeln!(stdout)
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
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        self.say(BAD, "error", &causes.join(": "));
        let hint = if let Some(error) = error.downcast_ref::<TransferError>() {
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
            let _ = Self::json(&object);
        }
    }

    fn say(self, style: Style, label: &str, text: &str) {
        let mut stderr = AutoStream::new(io::stderr(), self.stderr_choice());
        // If standard error cannot be written, there is nowhere to report it.
        let _ = writeln!(stderr, "{style}{label}:{style:#} {text}");
    }

    /// Writes a line about a step to standard error, if `--verbose` is set.
    pub(super) fn note(self, text: &str) {
        if self.verbose {
            self.say(STRONG, "note", text);
        }
    }

    /// Shows the progress of a transfer, on a terminal only.
    pub(super) fn while_transferring<T>(
        self,
        work: impl FnOnce(&mut dyn FnMut(TransferProgress)) -> T,
    ) -> T {
        let Some(bar) = self.bar("{msg:30} {wide_bar} {human_pos} of {human_len} rows ({elapsed})")
        else {
            return work(&mut |_| ());
        };
        let result = work(&mut |progress| {
            let phase = match progress.phase {
                TransferPhase::Comparing => "comparing",
                TransferPhase::Copying => "copying",
                TransferPhase::Proving => "verifying",
            };
            bar.set_message(format!("{phase} {}", progress.table));
            bar.set_length(progress.of.unsigned_abs());
            bar.set_position(progress.rows.unsigned_abs());
        });
        bar.finish_and_clear();
        result
    }

    /// Shows the progress of a deep health check, on a terminal only.
    pub(super) fn while_checking<T>(
        self,
        work: impl FnOnce(&mut dyn FnMut(IntegrityProgress)) -> T,
    ) -> T {
        let Some(bar) = self.bar("{spinner} {msg:40} {wide_bar} {pos} of {len} ({elapsed})") else {
            return work(&mut |_| ());
        };
        bar.set_message("checking");
        bar.enable_steady_tick(TICK);
        let result = work(&mut |progress| {
            bar.set_message(match progress.table {
                Some(table) => format!("checking table {table}"),
                None => "checking all pages".into(),
            });
            bar.set_length(progress.total as u64);
            bar.set_position(progress.done as u64);
        });
        bar.finish_and_clear();
        result
    }

    /// Shows a spinner during `work`, on a terminal only.
    pub(super) fn while_working<T>(self, activity: &'static str, work: impl FnOnce() -> T) -> T {
        let Some(spinner) = self.bar("{spinner} {msg} ({elapsed})") else { return work() };
        spinner.set_message(activity);
        spinner.enable_steady_tick(TICK);
        let result = work();
        spinner.finish_and_clear();
        result
    }

    /// Returns a progress bar of this shape; `None` if there is no terminal to show it on.
    fn bar(self, shape: &str) -> Option<ProgressBar> {
        if self.quiet || !io::stderr().is_terminal() {
            return None;
        }
        let bar = ProgressBar::no_length();
        if let Ok(style) = ProgressStyle::with_template(shape) {
            bar.set_style(style);
        }
        Some(bar)
    }
}
