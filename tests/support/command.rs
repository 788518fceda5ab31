//! Helpers for tests of the command: its JSON, its input, and the bytes of a directory.
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Parses standard output, which must be exactly one JSON object.
pub fn json(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    let value: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("not one JSON value ({error}): {text:?}"));
    assert!(value.is_object(), "{value}");
    value
}

/// Runs a command with this standard input. It must exit with this code.
pub fn run_with_input(command: &mut Command, input: &str, exit: i32) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    // A command that fails early closes its end; what it says then is what the test looks at.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(output.status.code(), Some(exit), "{command:?}\n{output:?}");
    output
}

/// Returns every file below a directory with its bytes, and every directory with `None`.
pub fn tree(directory: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.append(&mut tree(&path));
            found.insert(path, None);
        } else {
            let bytes = std::fs::read(&path).expect("a file");
            found.insert(path, Some(bytes));
        }
    }
    found
}

/// Fails unless the two are equal, and names the differences instead of printing whole databases.
pub fn assert_unchanged(
    before: &BTreeMap<PathBuf, Option<Vec<u8>>>,
    after: &BTreeMap<PathBuf, Option<Vec<u8>>>,
) {
    let differs = |path: &&PathBuf| before.get(*path) != after.get(*path);
    let changed: Vec<_> = before.keys().chain(after.keys()).filter(differs).collect();
    assert!(changed.is_empty(), "changed: {changed:?}");
}

/// Starts all commands before waiting for any. Each must succeed, however long the others keep their locks on a slow disk.
pub fn at_once(commands: impl IntoIterator<Item = Command>) -> Vec<Output> {
    let start = |mut command: Command| {
        command.env("DATABASE_BUSY_TIMEOUT_MS", "300000");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let children: Vec<_> = commands.into_iter().map(start).collect();
    let outputs: Vec<Output> =
        children.into_iter().map(|child| child.wait_with_output().expect("it ends")).collect();
    for output in &outputs {
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    outputs
}

/// Limits the size of each file that the command writes, in blocks of 512 or 1024 bytes. The environment is clean but for
/// what the command sets.
pub fn limited(command: &Command, blocks: impl Display) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    shell.args(["-c", &script, "sh"]).arg(command.get_program()).args(command.get_args());
    shell.env_clear().stdin(Stdio::null());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = command.get_current_dir() {
        shell.current_dir(directory);
    }
    shell
}
