//! Delivery on standard output of what exists nowhere else: a backup, or a generated password before the commit that
//! makes it valid.

use std::io::{self, Write};

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};

use super::object;
use super::output::Output;
use super::text::{WARNING, field};

/// Refuses a standard output that keeps nothing: it is closed, which Rust replaces by `/dev/null`, or is
/// `/dev/null`. One that fails shows only in [`Output::deliver`].
pub(super) fn ensure_possible() -> anyhow::Result<()> {
    if is_null() {
        bail!(
            "a password would be generated, and standard output, which is closed or /dev/null, would lose \
             it; nothing was changed. Choose the password yourself, on standard input or on a terminal, or \
             keep the output"
        );
    }
    Ok(())
}

/// Refuses a standard output that would lose a backup, as [`ensure_possible`] does.
pub(super) fn ensure_kept() -> anyhow::Result<()> {
    if is_null() {
        bail!(
            "standard output, which is closed or /dev/null, would lose the backup; none was taken. Give it a file or \
             a program that keeps it, or leave out --to"
        );
    }
    Ok(())
}

/// Writes what was written to standard output to its disk, if it is a file.
pub(super) fn finish() -> anyhow::Result<()> {
    io::stdout()
        .flush()
        .and_then(|()| synchronise())
        .context("cannot write the backup to standard output")
}

impl Output {
    /// Writes a generated password. With JSON it begins the object, at `path`, which the result or an
    /// error completes.
    pub(super) fn deliver(
        self,
        path: object::Path,
        username: &str,
        password: &SecretString,
    ) -> io::Result<()> {
        let password = password.expose_secret();
        if self.is_json() {
            object::begin(path, &[("generated_password", password), ("username", username)])?;
        } else {
            let mut text = self.stdout();
            field(&mut text, "password", password)?;
            field(&mut text, "user name", username)?;
            writeln!(
                text,
                "  {WARNING}Write it down: it is not shown again, and must be changed at the first \
                 sign-in.{WARNING:#}"
            )?;
        }
        io::stdout().flush()?;
        synchronise()
    }
}

#[cfg(unix)]
fn is_null() -> bool {
    let (output, null) = (rustix::fs::fstat(io::stdout()), rustix::fs::stat("/dev/null"));
    matches!((output, null), (Ok(output), Ok(null)) if output.st_rdev == null.st_rdev
        && output.st_mode == null.st_mode)
        || output.is_err()
}

#[cfg(not(unix))]
fn is_null() -> bool {
    false
}

/// Writes a file to its disk: over a network, a full disk shows only then.
#[cfg(unix)]
fn synchronise() -> io::Result<()> {
    use rustix::fs::FileType;

    let kind = FileType::from_raw_mode(rustix::fs::fstat(io::stdout())?.st_mode);
    if kind != FileType::RegularFile {
        return Ok(());
    }
    match rustix::fs::fsync(io::stdout()) {
        // The file system cannot do it.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOTSUP | rustix::io::Errno::NOSYS) => {
            Ok(())
        }
        done => Ok(done?),
    }
}

#[cfg(not(unix))]
fn synchronise() -> io::Result<()> {
    Ok(())
}
