//! Progress of long operations, on standard error if that is a terminal.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use zenith_db::manager::{FileProgress, IntegrityProgress, PurgeReport};
use zenith_db_transfer::{TransferPhase, TransferProgress};

use super::escape::escaped;
use super::output::Output;
use super::render::deleted;

/// Interval at which a spinner turns and the elapsed time is updated.
const TICK: Duration = Duration::from_millis(100);

/// Shape of work of which nothing is known but that it goes on.
const UNMEASURED: &str = "{spinner} {msg} ({elapsed})";

/// Shape of work on bytes whose number is not known.
const ENDLESS: &str = "{spinner} {msg} {bytes}, {bytes_per_sec} ({elapsed})";

/// Shape of work on a known number of bytes.
const MEASURED: &str = "{msg:10} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";

/// Spinner that is removed from the terminal when this is dropped.
pub(super) struct Spinner(Option<ProgressBar>);

impl Spinner {
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Output {
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
            bar.set_message(format!("{phase} {}", escaped(progress.table)));
            bar.set_length(progress.of.unsigned_abs());
            bar.set_position(progress.rows.unsigned_abs());
        });
        bar.finish_and_clear();
        result
    }

    /// Shows the progress of copying, reading and checking files, on a terminal only.
    pub(super) fn while_reading<T>(
        self,
        work: impl FnOnce(&mut dyn FnMut(FileProgress)) -> T,
    ) -> T {
        let Some(bar) = self.bar(UNMEASURED) else { return work(&mut |_| ()) };
        bar.set_message("working");
        bar.enable_steady_tick(TICK);
        let mut action = "";
        let result = work(&mut |progress| {
            // Each action has its own shape, rate and time left. A file may be read more than once.
            if action != progress.action || bar.position() > progress.done || bar.position() == 0 {
                action = progress.action;
                bar.reset();
                bar.set_message(action);
                let shape = match progress {
                    FileProgress { total: 1.., .. } => MEASURED,
                    FileProgress { done: 1.., .. } => ENDLESS,
                    _ => UNMEASURED,
                };
                if let Ok(style) = ProgressStyle::with_template(shape) {
                    bar.set_style(style);
                }
            }
            bar.set_length(progress.total);
            bar.set_position(progress.done);
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
                Some(table) => format!("checking table {}", escaped(&table)),
                None => "checking all pages".into(),
            });
            bar.set_length(progress.total as u64);
            bar.set_position(progress.done as u64);
        });
        bar.finish_and_clear();
        result
    }

    /// Shows how many rows have been deleted, on a terminal only.
    pub(super) fn while_purging<T>(self, work: impl FnOnce(&mut dyn FnMut(PurgeReport)) -> T) -> T {
        let spinner = self.spinner("deleting");
        work(&mut |done| {
            if let Some(bar) = &spinner.0 {
                bar.set_message(deleted(&done));
            }
        })
    }

    /// Shows a spinner during `work`, on a terminal only.
    pub(super) fn while_working<T>(self, activity: &'static str, work: impl FnOnce() -> T) -> T {
        let _spinner = self.spinner(activity);
        work()
    }

    /// Shows a spinner until it is cleared or dropped, on a terminal only.
    pub(super) fn spinner(self, activity: &'static str) -> Spinner {
        let bar = self.bar(UNMEASURED);
        if let Some(bar) = &bar {
            bar.set_message(activity);
            bar.enable_steady_tick(TICK);
        }
        Spinner(bar)
    }

    /// Returns a progress bar of this shape; `None` if there is no terminal to show it on.
    fn bar(self, shape: &str) -> Option<ProgressBar> {
        if self.is_quiet() || !io::stderr().is_terminal() {
            return None;
        }
        let bar = ProgressBar::no_length();
        if let Ok(style) = ProgressStyle::with_template(shape) {
            bar.set_style(style);
        }
        Some(bar)
    }
}
