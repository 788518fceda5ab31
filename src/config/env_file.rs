//! A `.env` file as a layer of settings: lines of other programs stop nothing, and ours that are
//! wrong are named by their number.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::address::masked;
use super::env_line::{self, Line, Lookup};
use super::error::ConfigError;
use super::layers::Given;
use super::setting::{Key, Source, is_ours};

/// `.env` file to read.
#[derive(Clone, Debug)]
pub enum EnvFile {
    /// File that is read if it exists.
    IfPresent(PathBuf),
    /// File that must exist.
    Required(PathBuf),
}

/// Larger files are refused: a device may have no end.
const LARGEST: u64 = 1024 * 1024;

/// Returns the settings of a file.
///
/// # Errors
/// [`ConfigError::EnvFile`], which repeats no part of the file.
pub(super) fn layer(
    file: &EnvFile,
    environment: &Lookup<'_>,
    warnings: &mut Vec<String>,
) -> Result<Vec<Given>, ConfigError> {
    let (EnvFile::IfPresent(path) | EnvFile::Required(path)) = file;
    let error = |reason: String| ConfigError::EnvFile {
        path: PathBuf::from(masked(&path.to_string_lossy())),
        reason,
    };
    let opened = match (file, File::open(path)) {
        (EnvFile::IfPresent(_), Err(cause)) if cause.kind() == ErrorKind::NotFound => {
            return Ok(Vec::new());
        }
        (_, opened) => opened.map_err(|cause| error(cause.to_string()))?,
    };
    ensure_trusted(path, &opened).map_err(error)?;
    let mut bytes = Vec::new();
    let read = opened.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|cause| error(cause.to_string()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(error("it is larger than 1 MiB".into()));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(error("it is in UTF-16; save it as UTF-8".into()));
    }
    let mut reader =
        Reader { path, environment, seen: HashMap::new(), given: Vec::new(), warnings };
    reader.read(&bytes).map_err(|(line, reason)| error(format!("line {line}: {reason}")))?;
    Ok(reader.given)
}

/// Refuses a file in which another user could set where our data goes. What is checked is the file
/// that was opened.
#[cfg(unix)]
fn ensure_trusted(path: &Path, file: &File) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;

    let found = file.metadata().map_err(|cause| cause.to_string())?;
    let own = rustix::process::geteuid().as_raw();
    let name = in_shell(path);
    if found.uid() != own && found.uid() != 0 {
        return Err(format!(
            "it belongs to another user ({}), who could redirect the database; run `chown {own} \
             {name} && chmod go-w {name}`, or the command as that user",
            found.uid()
        ));
    }
    if found.is_file() && found.mode() & 0o022 != 0 {
        return Err(format!(
            "other users can write to it (mode {:o}), and could redirect the database; run `chmod \
             go-w {name}`",
            found.mode() & 0o7777
        ));
    }
    Ok(())
}

/// Accepts every file on other systems, where access control lists decide.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "nothing is refused here")]
fn ensure_trusted(_: &Path, _: &File) -> Result<(), String> {
    Ok(())
}

/// Quotes a path as one word of a shell.
#[cfg(unix)]
fn in_shell(path: &Path) -> String {
    let text = path.display().to_string();
    // `--` would not help: `./` keeps a name from being read as an option.
    let text = if text.starts_with('-') { format!("./{text}") } else { text };
    let plain = text.chars().all(|c| c.is_alphanumeric() || "._-/+,:@%".contains(c));
    if plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Line number and reason.
type Fault = (usize, String);

struct Reader<'a> {
    path: &'a Path,
    environment: &'a Lookup<'a>,
    /// Values of earlier lines. `None` for one that cannot be read.
    seen: HashMap<String, Option<String>>,
    given: Vec<Given>,
    warnings: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn read(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        // Some editors begin a file with a byte order mark.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let end = if bytes.contains(&b'\n') { b'\n' } else { b'\r' };
        let lines: Vec<Cow<'_, str>> =
            bytes.split(|byte| *byte == end).map(String::from_utf8_lossy).collect();
        let mut next = 0;
        while let Some(text) = lines.get(next) {
            next += 1;
            let Some(line) = Line::of(text) else { continue };
            if Key::ALL.iter().any(|key| key.name() == line.name) {
                // A sequence of bytes that is not UTF-8 has been replaced, which made a new text.
                let utf8 = matches!(text, Cow::Borrowed(_));
                let value = self.own(&line, utf8).map_err(|reason| {
                    (next, format!("{}: {reason}; write NAME=value", line.name))
                })?;
                self.give(line.name, value, next);
            } else if let Some(text) = line.value {
                let rest = lines.get(next..).unwrap_or_default();
                let inner = env_line::open_quote(text).map_or(0, |quote| several(rest, quote));
                for (at, text) in rest.iter().take(inner).enumerate() {
                    self.warn_of_quoted(text, next + 1 + at, next);
                }
                next += inner;
                self.foreign(&line, text, next);
            }
        }
        Ok(())
    }

    /// Returns the value of a line of ours.
    fn own(&self, line: &Line<'_>, utf8: bool) -> Result<String, &'static str> {
        let text = line.value.ok_or("no = follows the name")?;
        if !utf8 {
            return Err("it is not valid UTF-8");
        }
        let value = env_line::value(text, &|name| self.lookup(name))?;
        if value.contains(['\n', '\r']) {
            return Err(
                "the value contains a line break; put a value that contains \\ into single \
                        quotes",
            );
        }
        Ok(value)
    }

    /// Notes a line of another program: later lines may refer to it.
    fn foreign(&mut self, line: &Line<'_>, text: &str, number: usize) {
        let value = env_line::value(text, &|name| self.lookup(name)).ok();
        if is_ours(line.name) {
            // For the warning about an unknown name.
            self.give(line.name, String::new(), number);
        }
        self.seen.insert(line.name.into(), value);
    }

    fn give(&mut self, name: &str, value: String, line: usize) {
        let source = Source::EnvFile(self.path.to_owned());
        self.seen.insert(name.into(), Some(value.clone()));
        self.given.push(Given { name: name.into(), value, source, line: Some(line) });
    }

    fn lookup(&self, name: &str) -> Option<String> {
        (self.environment)(name).or_else(|| self.seen.get(name).cloned().flatten())
    }

    /// Warns about a setting between the quotes of another program's value.
    fn warn_of_quoted(&mut self, text: &str, number: usize, opened: usize) {
        let line = Line::of(text).filter(|line| line.value.is_some());
        let Some(key) = line.and_then(|line| Key::ALL.iter().find(|key| key.name() == line.name))
        else {
            return;
        };
        self.warnings.push(format!(
            "line {number} of {}, {}, is inside the quotes that line {opened} opens, and was \
             ignored",
            self.path.display(),
            key.name()
        ));
    }
}

/// Returns how many lines a value of several lines goes on for: none, if its quote is never closed
/// at the end of a line, as an apostrophe is not.
fn several(rest: &[Cow<'_, str>], quote: char) -> usize {
    let closing = rest.iter().enumerate().find_map(|(at, line)| {
        let closes = env_line::closes(line, quote)?;
        Some(if closes { at + 1 } else { 0 })
    });
    closing.unwrap_or(0)
}
