//! What a command does to the files of a directory, in the order of its system calls.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::injected::strace;

/// Change of the files, or a call that makes changes durable.
pub(super) enum Call {
    CreateDir(PathBuf),
    /// Creates the file unless it exists.
    Open(PathBuf),
    Write {
        path: PathBuf,
        offset: usize,
        bytes: Vec<u8>,
    },
    Resize {
        path: PathBuf,
        size: usize,
    },
    Sync(PathBuf),
    Link {
        from: PathBuf,
        to: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Remove(PathBuf),
    /// Text on the standard output, after which the user knows of the outcome.
    Say(String),
}

pub(super) struct Event {
    pub(super) call: Call,
    /// Number of the events that had ended when this one began.
    pub(super) began: usize,
}

/// Calls that change files, and those that move the offset at which the next one writes.
const CALLS: &str = "openat,open,creat,read,lseek,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,\
     fallocate,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,\
     mkdirat,rmdir,symlink,symlinkat,copy_file_range,sendfile,splice";

/// Runs the command, which must succeed. `None` with a notice if `strace` does not run here.
pub(super) fn record(command: &Command, directory: &Path) -> Option<Vec<Event>> {
    let trace = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut strace = strace(command, |strace| {
        strace.args(["-y", "-xx", "-s", "100000000", "-e", &format!("trace={CALLS}")]);
        // Then what is copied passes through the process, so that the trace shows it.
        strace.args(["-e", "inject=copy_file_range,sendfile,splice:error=EINVAL"]);
        strace.arg("-o").arg(trace.path());
    })?;
    let output = strace.output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {output:?}");
    let trace = std::fs::read_to_string(trace.path()).expect("ASCII");
    let mut parser = Parser { directory, offsets: HashMap::new(), events: Vec::new() };
    // Calls that another thread's interrupt in the trace: their beginning, and the events before.
    let mut open: HashMap<&str, (&str, usize)> = HashMap::new();
    for line in trace.lines() {
        let (thread, line) = line.split_once(' ').expect("a thread");
        let line = line.trim_start();
        if let Some(beginning) = line.strip_suffix(" <unfinished ...>") {
            open.insert(thread, (beginning, parser.events.len()));
        } else if line.starts_with("<... ") {
            let (_, end) = line.split_once(" resumed>").expect("the end of a call");
            let (beginning, began) = open.remove(thread).expect("its beginning");
            parser.add(&format!("{beginning}{end}"), began);
        } else {
            let began = parser.events.len();
            parser.add(line, began);
        }
    }
    Some(parser.events)
}

struct Parser<'a> {
    directory: &'a Path,
    /// Where the next `write` to a descriptor begins.
    offsets: HashMap<String, usize>,
    events: Vec<Event>,
}

impl Parser<'_> {
    fn add(&mut self, line: &str, began: usize) {
        // Not a signal or the end of a process.
        let Some((name, rest)) = line.split_once('(') else { return };
        let Some((arguments, result)) = rest.rsplit_once(") = ").or_else(|| {
            // Padded with spaces.
            let (arguments, result) = rest.rsplit_once(" = ")?;
            Some((arguments.trim_end().strip_suffix(')')?, result))
        }) else {
            return;
        };
        let result = result.split([' ', '<']).next().unwrap_or_default();
        let Ok(result) = result.parse::<usize>() else { return };
        let arguments: Vec<&str> = arguments.split(", ").collect();
        if let Some(call) = self.call(name, &arguments, result) {
            self.events.push(Event { call, began });
        }
    }

    fn call(&mut self, name: &str, arguments: &[&str], result: usize) -> Option<Call> {
        let path = |index: usize| self.path(arguments[index]);
        let number = |index: usize| arguments[index].parse::<usize>().expect("a number");
        let descriptor = arguments[0].split('<').next().unwrap_or_default().to_owned();
        match name {
            "openat" => {
                self.offsets.insert(result.to_string(), 0);
                let path = self.path(arguments[1])?;
                assert!(!arguments[2].contains("O_APPEND"), "{}", path.display());
                if arguments[2].contains("O_TRUNC") {
                    self.events
                        .push(Event { call: Call::Open(path.clone()), began: self.events.len() });
                    return Some(Call::Resize { path, size: 0 });
                }
                arguments[2].contains("O_CREAT").then_some(Call::Open(path))
            }
            "read" | "lseek" => {
                let offset = self.offsets.entry(descriptor).or_default();
                *offset = if name == "read" { *offset + result } else { result };
                None
            }
            "write" if descriptor == "1" => {
                Some(Call::Say(String::from_utf8_lossy(&bytes(arguments[1])).into_owned()))
            }
            "write" => {
                let path = path(0);
                let offset = self.offsets.entry(descriptor).or_default();
                let start = *offset;
                *offset += result;
                let bytes = bytes(arguments[1]);
                path.map(|path| Call::Write { path, offset: start, bytes })
            }
            "pwrite64" => {
                let bytes = bytes(arguments[1]);
                assert_eq!(bytes.len(), result, "written in part");
                path(0).map(|path| Call::Write { path, offset: number(3), bytes })
            }
            "ftruncate" => path(0).map(|path| Call::Resize { path, size: number(1) }),
            "fsync" | "fdatasync" => path(0).map(Call::Sync),
            "mkdir" => path(0).map(Call::CreateDir),
            "mkdirat" => path(1).map(Call::CreateDir),
            "unlink" | "rmdir" => path(0).map(Call::Remove),
            "unlinkat" => path(1).map(Call::Remove),
            "rename" => Some(Call::Rename { from: path(0)?, to: path(1)? }),
            "renameat" | "renameat2" => Some(Call::Rename { from: path(1)?, to: path(3)? }),
            "link" => Some(Call::Link { from: path(0)?, to: path(1)? }),
            "linkat" => Some(Call::Link { from: path(1)?, to: path(3)? }),
            _ => {
                let here = (0..arguments.len()).find_map(path);
                assert!(here.is_none(), "{name} is not simulated: {here:?}");
                None
            }
        }
    }

    /// Returns the path of an argument, a string or a descriptor, relative to the directory, if it is in it.
    /// A `-shm` file is memory that no process needs after a restart.
    fn path(&self, argument: &str) -> Option<PathBuf> {
        let text = match argument.split_once('<') {
            Some((_, path)) => path.strip_suffix('>')?,
            None => argument.strip_prefix('"')?.strip_suffix('"')?,
        };
        let path = PathBuf::from(String::from_utf8(decoded(text)).expect("UTF-8"));
        let path = self.directory.join(path);
        let is_shared_memory = path.to_string_lossy().ends_with("-shm");
        let inside = path.strip_prefix(self.directory).ok().map(Path::to_owned);
        inside.filter(|_| !is_shared_memory)
    }
}

fn bytes(argument: &str) -> Vec<u8> {
    decoded(argument.trim_matches('"'))
}

/// Decodes text of the form `\x41\x42`.
fn decoded(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("hexadecimal");
    let byte = |four: &[u8]| u8::try_from(16 * digit(four[2]) + digit(four[3])).expect("a byte");
    text.as_bytes().chunks(4).map(byte).collect()
}
