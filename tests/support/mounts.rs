//! Mounts of a test's own, in a mount namespace that nobody else sees.
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{run, skipped};

/// Returns the command that runs its arguments in a namespace in which they may mount: as root, or as
/// one's own root. `None` if there is none here.
pub fn unshare() -> Option<Command> {
    let place = tempfile::tempdir().expect("a directory");
    let ways = [&["--mount"][..], &["--user", "--map-root-user", "--mount"]];
    let with = |way: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(way);
        command
    };
    let works = |way: &&&[&str]| {
        let mut mount = with(way);
        mount.args(["mount", "-t", "tmpfs", "tmpfs"]).arg(place.path());
        mount.output().is_ok_and(|output| output.status.success())
    };
    let found = ways.iter().find(works).map(|way| with(way));
    if found.is_none() {
        skipped("nothing can be mounted here (unshare --mount)");
    }
    found
}

/// Disk of a given size in a mount namespace of its own, which ends with this value.
pub struct SmallDisk {
    /// Process that keeps the namespace alive until its input ends.
    holder: Child,
    place: TempDir,
    options: Vec<String>,
}

impl SmallDisk {
    /// Mounts a disk of `size` bytes; `None` with a notice if nothing can be mounted here.
    pub fn mount(size: u64) -> Option<Self> {
        let place = tempfile::tempdir().expect("a directory");
        let mut mounted = unshare()?;
        let is_user = mounted.get_args().any(|argument| argument == "--user");
        let script = "mount -t tmpfs -o mode=700,size=\"$0\" tmpfs \"$1\" && echo && exec cat";
        mounted.args(["sh", "-c", script]).arg(size.to_string()).arg(place.path());
        let mut holder = mounted.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it");
        let mut ready = [0];
        holder.stdout.as_mut().expect("a pipe").read_exact(&mut ready).expect("it is mounted");
        let mut options = vec![format!("--target={}", holder.id()), "--mount".to_owned()];
        if is_user {
            options.extend(["--user", "--preserve-credentials"].map(str::to_owned));
        }
        Some(Self { holder, place, options })
    }

    /// Returns its path for commands that run on it.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Returns its path for everybody else.
    pub fn seen(&self) -> PathBuf {
        let place = self.path().strip_prefix("/").expect("absolute");
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(place)
    }

    /// Returns the command, in the namespace of the disk.
    pub fn command(&self, command: &Command) -> Command {
        let mut entered = Command::new("nsenter");
        entered.args(&self.options).arg(command.get_program()).args(command.get_args());
        entered.env_clear().current_dir("/").stdin(Stdio::null());
        entered.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        entered
    }

    /// Changes the size.
    pub fn resize(&self, size: u64) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,size={size}")]).arg(self.path());
        run(&mut self.command(&mount), 0);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        self.holder.wait().expect("it ends");
    }
}
