//! Command on a pseudo-terminal, which is its controlling terminal.
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// Longest wait for something that is certain to come.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct OnTerminal {
    child: Child,
    terminal: File,
    output: Receiver<Vec<u8>>,
    shown: String,
}

impl OnTerminal {
    /// Starts the command. `setsid --ctty` of util-linux gives it the terminal, and then becomes it.
    pub fn start(command: &Command) -> Self {
        // Not inherited: a command of another test would keep this terminal from ending.
        let main = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .expect("a pseudo-terminal");
        grantpt(&main).expect("granted");
        unlockpt(&main).expect("unlocked");
        let name = ptsname(&main, Vec::new()).expect("a name");
        let open = || -> OwnedFd {
            rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())
                .expect("a terminal")
        };
        let mut session = Command::new("setsid");
        session.arg("--ctty").arg(command.get_program()).args(command.get_args()).env_clear();
        session.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        session.env("TERM", "dumb");
        if let Some(directory) = command.get_current_dir() {
            session.current_dir(directory);
        }
        let stdin = open();
        // Otherwise Ctrl-C also discards the output, perhaps the message about the signal.
        let mut attributes = tcgetattr(&stdin).expect("the attributes");
        attributes.local_modes |= LocalModes::NOFLSH;
        tcsetattr(&stdin, OptionalActions::Now, &attributes).expect("set");
        session.stdin(stdin).stdout(open()).stderr(open());
        let child = session.spawn().expect("setsid of util-linux");
        drop(session);
        let terminal = File::from(main);
        let (sender, output) = channel();
        let mut reader = terminal.try_clone().expect("a descriptor");
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The end is an error here: the terminal is gone.
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                let _ = sender.send(buffer[..read].to_vec());
            }
        });
        Self { child, terminal, output, shown: String::new() }
    }

    /// Waits until the terminal has shown this text, after what earlier calls have waited for.
    pub fn wait_for(&mut self, text: &str) {
        while !self.shown.contains(text) {
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.shown += &String::from_utf8_lossy(&bytes),
                Err(cause) => panic!("no {text:?} ({cause}) in {:?}", self.shown),
            }
        }
        let end = self.shown.find(text).expect("it is there") + text.len();
        self.shown.drain(..end);
    }

    pub fn type_in(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).expect("a terminal");
    }

    pub fn is_hiding(&self) -> bool {
        !tcgetattr(&self.terminal).expect("settings").local_modes.contains(LocalModes::ECHO)
    }

    /// Waits until the terminal no longer shows what is typed.
    pub fn wait_until_hiding(&self) {
        while !self.is_hiding() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns the id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end. Returns the status, and what was shown since the last wait.
    pub fn end(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("it ends");
        // The last of it may still be on its way.
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(300)) {
            self.shown += &String::from_utf8_lossy(&bytes);
        }
        (status, std::mem::take(&mut self.shown))
    }

    /// As [`OnTerminal::end`]. The command must exit with this code.
    pub fn end_with(&mut self, exit: i32) -> String {
        let (status, shown) = self.end();
        assert_eq!(status.code(), Some(exit), "{status} {shown:?}");
        assert!(!self.is_hiding(), "the terminal hides what is typed: {shown:?}");
        shown
    }
}
