//! Where output goes: results on standard output, everything else on standard error.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};
use zenith_db::Error;
use zenith_db_transfer::{TransferError, TransferPhase, TransferProgress};

use super::args::{Args, Color, Format};

pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default();
pub(super) const STRONG: Style = Style::new().bold();

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

    /// The result: as JSON, or as the text that `render` writes.
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
            // Whoever read our output has seen enough, such as `head`. The exit code still tells
            // how it went.
            Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => Ok(done?),
        }
    }

    /// What a person should see before a question is asked.
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

    /// Something that looks wrong without being an error.
    pub(super) fn warning(self, text: &str) {
        if !self.quiet {
            self.say(WARNING, "warning", text);
        }
    }

    /// The error with its causes; as JSON it goes to standard output as well.
    pub(super) fn error(self, error: &anyhow::Error, exit: u8) {
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        self.say(BAD, "error", &causes.join(": "));
        let hint = match error.downcast_ref::<TransferError>() {
            Some(error) => error.hint(),
            None => error.downcast_ref::<Error>().and_then(Error::hint),
        };
        if let Some(hint) = hint {
            self.say(STRONG, "help", hint);
        }
        if self.format == Format::Json {
            let (message, causes) =
                causes.split_first().map_or(("", [].as_slice()), |(m, c)| (m, c));
            let object =
                json!({ "error": message, "causes": causes, "help": hint, "exit_code": exit });
            // With standard output gone too there is nowhere left to complain.
            let _ = Self::json(&object);
        }
    }

    fn say(self, style: Style, label: &str, text: &str) {
        let mut stderr = AutoStream::new(io::stderr(), self.stderr_choice());
        // Nothing can be done about a standard error that cannot be written to.
        let _ = writeln!(stderr, "{style}{label}:{style:#} {text}");
    }

    /// A line for people while something is under way, on standard error.
    pub(super) fn note(self, text: &str) {
        if self.verbose {
            self.say(STRONG, "note", text);
        }
    }

    /// Shows how far a transfer has come, on a terminal only.
    pub(super) fn with_progress<T>(
        self,
        work: impl FnOnce(&mut dyn FnMut(TransferProgress)) -> T,
    ) -> T {
        if self.quiet || !io::stderr().is_terminal() {
            return work(&mut |_| ());
        }
        let bar = ProgressBar::no_length();
        let shape = "{msg:30} {wide_bar} {human_pos} of {human_len} rows ({elapsed})";
        if let Ok(style) = ProgressStyle::with_template(shape) {
            bar.set_style(style);
        }
        let result = work(&mut |progress| {
            let doing = match progress.phase {
                TransferPhase::Comparing => "comparing",
                TransferPhase::Copying => "copying",
                TransferPhase::Proving => "proving",
            };
            bar.set_message(format!("{doing} {}", progress.table));
            bar.set_length(progress.of.unsigned_abs());
            bar.set_position(progress.rows.unsigned_abs());
        });
        bar.finish_and_clear();
        result
    }

    /// Shows that long work is under way, on a terminal only.
    pub(super) fn while_working<T>(self, what: &'static str, work: impl FnOnce() -> T) -> T {
        if self.quiet || !io::stderr().is_terminal() {
            return work();
        }
        let spinner = ProgressBar::new_spinner().with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            spinner.set_style(style);
        }
        spinner.enable_steady_tick(Duration::from_millis(100));
        let result = work();
        spinner.finish_and_clear();
        result
    }
}
