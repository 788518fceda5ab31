//! Child processes, which end with this one.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Output};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Child process that [`end_child_processes`] ends.
#[derive(Debug)]
pub struct ChildProcess(Child);

impl ChildProcess {
    /// Starts the command.
    ///
    /// # Errors
    /// The error of the operating system.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command.spawn()?;
        running.insert(child.id());
        Ok(Self(child))
    }

    /// Returns the process.
    pub const fn as_child_mut(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Waits for the end of the process, while `feed` writes to its standard input, if that is a pipe, which is closed
    /// after it. Returns the result of `feed`, and the status of the process with what it wrote to standard error.
    ///
    /// # Errors
    /// The error of the operating system.
    pub fn wait_feeding<T>(
        mut self,
        feed: impl FnOnce(&mut dyn Write) -> T,
    ) -> io::Result<(T, Output)> {
        let (stdin, stderr) = (self.0.stdin.take(), self.0.stderr.take());
        // Meanwhile, so that a process that writes much is not stopped by a full pipe.
        let (written, read) = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut text = Vec::new();
                stderr.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut text)).map(|_| text)
            });
            let written = match stdin {
                Some(mut pipe) => feed(&mut pipe),
                None => feed(&mut io::sink()),
            };
            (written, reader.join())
        });
        let status = self.wait()?;
        let stderr =
            read.map_err(|_| io::Error::other("the reader of standard error failed"))??;
        Ok((written, Output { status, stdout: Vec::new(), stderr }))
    }

    /// Waits for the end of the process, which a signal to this one ends until then.
    fn wait(&mut self) -> io::Result<ExitStatus> {
        const PAUSE: Duration = Duration::from_millis(10);

        loop {
            let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
            // Under the lock: from then on, another process may get its id.
            if let Some(status) = self.0.try_wait()? {
                running.remove(&self.0.id());
                return Ok(status);
            }
            drop(running);
            // Rare: it closes its standard error when it ends.
            std::thread::sleep(PAUSE);
        }
    }

    fn forget(&self) {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0.id());
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Ends the child processes of this process, which is about to end because of a signal. Whatever starts
/// one afterwards waits for the end of this process.
pub fn end_child_processes() {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    #[cfg(unix)]
    for id in &*running {
        use rustix::process::{Pid, Signal, kill_process};
        if let Some(pid) = i32::try_from(*id).ok().and_then(Pid::from_raw) {
            // One that has ended already is what is wanted.
            let _ = kill_process(pid, Signal::TERM);
        }
    }
    std::mem::forget(running);
}
