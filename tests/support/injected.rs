//! Commands under `strace`, which makes chosen system calls fail.
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::skipped;

/// Returns the command under `strace` with these injections into all calls, or into those that concern
/// `path`; `None` with a notice if `strace` does not run here.
pub fn injected(command: &Command, path: Option<&Path>, injections: &[&str]) -> Option<Command> {
    let mut strace = strace(command, |strace| {
        if let Some(path) = path {
            strace.arg("-P").arg(path);
        }
        for injection in injections {
            strace.arg("-e").arg(format!("inject={injection}"));
        }
    })?;
    strace.env("DATABASE_BUSY_TIMEOUT_MS", "20");
    Some(strace)
}

/// Call of a command: the name of the system call, and the number of calls of this name up to it.
pub type Call = (String, usize);

/// Runs the command, and returns which of these system calls it makes on files in a directory. `None`
/// with a notice if `strace` does not run here.
pub fn calls(command: &Command, names: &str, directory: &Path) -> Option<Vec<Call>> {
    let trace = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut strace = strace(command, |strace| {
        strace.arg("-y").arg("-e").arg(format!("trace={names}")).arg("-o").arg(trace.path());
    })?;
    super::run(&mut strace, 0);
    let trace = std::fs::read_to_string(trace.path()).expect("a trace");
    let directory = directory.to_str().expect("UTF-8");
    let (mut numbers, mut found) = (BTreeMap::new(), Vec::new());
    // `strace` counts the calls of each thread by themselves: those of the first one are listed.
    let main = trace.split(' ').next().expect("a process");
    for line in trace.lines() {
        let Some(call) = line.strip_prefix(main) else { continue };
        // Not the end of a call that is listed already, or of a process.
        let Some((name, _)) = call.trim_start().split_once('(').filter(|(name, _)| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        }) else {
            continue;
        };
        let number = numbers.entry(name.to_owned()).or_insert(0);
        *number += 1;
        // What is written to standard output or error names the files too.
        let is_output = ["write(1<", "write(2<"].iter().any(|start| call.contains(start));
        // The working directory, beside which the name of another file may stand.
        let files = call.replace(&format!("AT_FDCWD<{directory}>"), "");
        let call = (name.to_owned(), *number);
        if files.contains(directory) && !is_output && !found.contains(&call) {
            found.push(call);
        }
    }
    Some(found)
}

/// Returns the command under `strace` with further options; `None` with a notice if it does not run here.
pub fn strace(command: &Command, options: impl FnOnce(&mut Command)) -> Option<Command> {
    let works = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
    if !works.is_ok_and(|status| status.success()) {
        skipped("strace does not run here");
        return None;
    }
    // A command that tries again without end is killed, which its test sees, after a minute of computing.
    let mut strace = Command::new("prlimit");
    strace.args(["--cpu=60", "strace", "-f", "-qq", "-o", "/dev/null"]);
    options(&mut strace);
    strace.env_clear().arg(command.get_program()).args(command.get_args());
    strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = command.get_current_dir() {
        strace.current_dir(directory);
    }
    Some(strace)
}
