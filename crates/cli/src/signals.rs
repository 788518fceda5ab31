//! Signals that end the command: what it has begun is removed first, and the terminal is as it was.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Set as soon as a signal that ends the command arrives.
static ENDING: AtomicBool = AtomicBool::new(false);
/// Set when a write goes beyond the limit of this process for the size of a file.
static FILE_TOO_LARGE: AtomicBool = AtomicBool::new(false);

/// Waits for the end of the process if a signal ends it: what fails now fails because of that.
pub(super) fn wait_if_ending() {
    while ENDING.load(Ordering::SeqCst) {
        thread::park();
    }
}

/// Returns a sentence if a write went beyond the limit of this process for the size of a file. SQLite
/// says only that a write failed.
pub(super) fn file_too_large() -> Option<String> {
    if !FILE_TOO_LARGE.load(Ordering::SeqCst) {
        return None;
    }
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
    #[cfg(not(unix))]
    let limit = None::<u64>;
    let limit = limit.map_or_else(String::new, |limit| format!(" of {limit} bytes"));
    Some(format!(
        "file too large: a write went beyond the limit{limit} for the files of this process"
    ))
}

#[cfg(not(unix))]
pub(super) fn install(_: impl Fn(&str, i32) + Copy + Send + 'static) {}

#[cfg(unix)]
pub(super) fn install(report: impl Fn(&str, i32) + Copy + Send + 'static) {
    unix::install(report);
}

/// Terminal whose settings a question changes while this exists; a signal restores them.
pub(super) struct TerminalInUse(());

impl TerminalInUse {
    pub(super) fn new() -> Self {
        #[cfg(unix)]
        unix::remember_terminal();
        Self(())
    }
}

impl Drop for TerminalInUse {
    fn drop(&mut self) {
        #[cfg(unix)]
        unix::forget_terminal();
    }
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::sync::atomic::Ordering;
    use std::sync::{Mutex, PoisonError};
    use std::thread;
    use std::time::{Duration, Instant};

    use rustix::process::{Signal, getpgrp};
    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::flag;
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::exit;
    use zenith_db::internal::connection::{end_child_processes, remove_temporary_files};

    use super::{ENDING, FILE_TOO_LARGE};

    /// Time within which further signals are part of the first: `timeout`, a shell and systemd each send
    /// two.
    const SAME: Duration = Duration::from_millis(500);

    static TERMINAL: Mutex<Option<Termios>> = Mutex::new(None);

    /// Handles the signals from now on: cleans up, calls `report` with the name of the signal and the exit
    /// code, and ends the process. A signal that the parent ignores, as `nohup` does, stays ignored.
    pub(super) fn install(report: impl Fn(&str, i32) + Copy + Send + 'static) {
        // Without this the process would end in the middle of a write. The write fails instead.
        let installed = flag::register(Signal::XFSZ.as_raw(), &FILE_TOO_LARGE).and_then(|_| {
            let handled: Vec<_> = [SIGHUP, SIGINT, SIGTERM]
                .into_iter()
                .filter(|signal| !is_ignored(*signal))
                .collect();
            let signals = Signals::new(&handled)?;
            thread::Builder::new().name("signals".into()).spawn(move || watch(signals, report))?;
            // Last: whoever waits for the end of the process needs the thread that ends it.
            handled.iter().try_for_each(|signal| flag::register(*signal, &ENDING).map(drop))
        });
        if let Err(error) = installed {
            tracing::warn!(%error, "signals end the command without a cleanup");
        }
    }

    fn is_ignored(signal: i32) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
    }

    fn watch(mut signals: Signals, report: impl Fn(&str, i32) + Copy + Send + 'static) {
        let mut first = None;
        for signal in signals.forever() {
            match first {
                None => {
                    first = Some(Instant::now());
                    ENDING.store(true, Ordering::SeqCst);
                    let end = move || end(signal, report);
                    // Apart from this thread, so that a second signal ends a cleanup that hangs.
                    if thread::Builder::new().spawn(end).is_err() {
                        self::end(signal, report);
                    }
                }
                Some(first) if first.elapsed() > SAME => exit(128 + signal),
                Some(_) => {}
            }
        }
    }

    fn end(signal: i32, report: impl Fn(&str, i32) + Copy + Send + 'static) {
        restore_terminal();
        end_child_processes();
        remove_temporary_files();
        let name = match signal {
            SIGHUP => "SIGHUP",
            SIGINT => "SIGINT",
            _ => "SIGTERM",
        };
        report(name, 128 + signal);
        // Again, if the question has changed it meanwhile.
        restore_terminal();
        exit(128 + signal);
    }

    pub(super) fn remember_terminal() {
        let settings = tcgetattr(io::stdin()).ok();
        *TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    pub(super) fn forget_terminal() {
        *TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn restore_terminal() {
        let settings = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner);
        // In the background this would stop the process.
        if let Some(settings) = &*settings
            && tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
        {
            // The terminal may be gone.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, settings);
        }
    }
}
