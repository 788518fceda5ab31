//! The name of the program in what it prints: messages name the command to run, which is that of an application if
//! that has one.

use std::borrow::Cow;
use std::path::Path;
use std::sync::OnceLock;

const OURS: &str = "zenith-db";

/// Name of the application's program.
static NAME: OnceLock<String> = OnceLock::new();

/// Takes the name by which the process was started for that of the program.
pub(super) fn take_name() {
    let started = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&started).file_stem().and_then(|name| name.to_str());
    // Another name would need quotes, in a shell as in JSON.
    let is_plain =
        |name: &&str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if let Some(name) = name.filter(|name| !name.is_empty()).filter(is_plain) {
        let _ = NAME.set(name.to_owned());
    }
}

/// How commands begin in messages: in backquotes, or alone, such as the one that undoes a run.
const COMMANDS: &[&str] = &["`zenith-db ", "zenith-db rollback ", "zenith-db migrate --to "];

/// Returns a message with the commands that it names as those of this program.
pub(super) fn named(message: &str) -> Cow<'_, str> {
    renamed(message, COMMANDS)
}

/// Returns a help text with its commands as those of this program.
pub(super) fn named_in_help(help: &str) -> Cow<'_, str> {
    renamed(help, &["zenith-db "])
}

fn renamed<'a>(text: &'a str, commands: &[&str]) -> Cow<'a, str> {
    let Some(name) = NAME.get() else { return Cow::Borrowed(text) };
    let found = commands.iter().filter(|command| text.contains(**command));
    found.fold(Cow::Borrowed(text), |text, command| {
        Cow::Owned(text.replace(command, &command.replace(OURS, name)))
    })
}
