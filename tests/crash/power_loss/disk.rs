//! A disk whose power is cut off: what was synchronised stays, and of the rest nothing or anything.
//!
//! The model is stricter than journaling file systems: the entries of a directory are durable only after
//! the directory was synchronised, whatever becomes of their files, and what was not synchronised reaches
//! the disk in any order. A rename takes place as a whole or not at all. Writing a part of a sector leaves
//! its other bytes alone, as SQLite assumes too (`SQLITE_POWERSAFE_OVERWRITE`).

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::trace::{Call, Event};
use crate::support::command::tree;
use crate::support::numbers::Numbers;

const SECTOR: usize = 512;

/// What survives of the changes that were not synchronised.
pub(super) enum Survivors<'a> {
    /// Everything: nothing is lost if only the process is killed.
    All,
    Nothing,
    /// What gives a file or directory a name, and neither what removes one nor what was written.
    Names,
    /// Each entry of a directory, each new size of a file and each sector with even chances.
    Some(&'a mut Numbers),
}

impl Survivors<'_> {
    fn has(&mut self, renaming: &Renaming) -> bool {
        match self {
            Self::Names => renaming.entries.iter().any(|(_, node)| node.is_some()),
            _ => self.has_written(),
        }
    }

    fn has_written(&mut self) -> bool {
        match self {
            Self::All => true,
            Self::Nothing | Self::Names => false,
            Self::Some(numbers) => numbers.below(2) == 0,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    Directory,
    File(usize),
}

#[derive(Clone)]
struct File {
    bytes: Vec<u8>,
    /// Changes that were not synchronised, with the numbers of their events.
    pending: Vec<(usize, Change)>,
}

#[derive(Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Resize(usize),
}

/// New values of entries, which become durable together.
#[derive(Clone)]
struct Renaming {
    event: usize,
    entries: Vec<(PathBuf, Option<Node>)>,
}

#[derive(Clone)]
pub(super) struct Disk {
    files: Vec<File>,
    /// Entries as processes see them.
    visible: BTreeMap<PathBuf, Node>,
    /// Durable entries, each with the number of the event that made it.
    durable: BTreeMap<PathBuf, (usize, Option<Node>)>,
    pending: Vec<Renaming>,
}

impl Disk {
    /// Returns a disk with the files of the directory.
    pub(super) fn of(directory: &Path) -> Self {
        let mut disk = Self {
            files: Vec::new(),
            visible: BTreeMap::new(),
            durable: BTreeMap::new(),
            pending: Vec::new(),
        };
        for (path, bytes) in tree(directory) {
            let path = path.strip_prefix(directory).expect("below it").to_owned();
            let node = bytes.map_or(Node::Directory, |bytes| disk.new_file(bytes));
            disk.visible.insert(path.clone(), node);
            disk.durable.insert(path, (0, Some(node)));
        }
        disk
    }

    fn new_file(&mut self, bytes: Vec<u8>) -> Node {
        self.files.push(File { bytes, pending: Vec::new() });
        Node::File(self.files.len() - 1)
    }

    /// Applies the first events.
    pub(super) fn apply(&mut self, events: &[Event]) {
        for (number, event) in events.iter().enumerate() {
            self.apply_one(number + 1, event);
        }
    }

    fn apply_one(&mut self, number: usize, event: &Event) {
        match &event.call {
            Call::CreateDir(path) => self.set(number, &[(path, Some(Node::Directory))]),
            Call::Open(path) if self.visible.contains_key(path) => {}
            Call::Open(path) => {
                let file = self.new_file(Vec::new());
                self.set(number, &[(path, Some(file))]);
            }
            Call::Write { path, offset, bytes } => {
                let change = Change::Write { offset: *offset, bytes: bytes.clone() };
                self.change(number, path, change);
            }
            Call::Resize { path, size } => self.change(number, path, Change::Resize(*size)),
            Call::Sync(path) => self.sync(path, event.began),
            Call::Link { from, to } => {
                let node = self.visible.get(from).copied();
                self.set(number, &[(to, node)]);
            }
            Call::Rename { from, to } => {
                let node = self.visible.get(from).copied();
                assert!(matches!(node, Some(Node::File(_))), "{} is no file", from.display());
                self.set(number, &[(from, None), (to, node)]);
            }
            Call::Remove(path) => self.set(number, &[(path, None)]),
            Call::Say(_) => {}
        }
    }

    fn set(&mut self, event: usize, entries: &[(&PathBuf, Option<Node>)]) {
        let entries: Vec<_> = entries.iter().map(|(path, node)| ((*path).clone(), *node)).collect();
        for (path, node) in &entries {
            match node {
                Some(node) => self.visible.insert(path.clone(), *node),
                None => self.visible.remove(path),
            };
        }
        self.pending.push(Renaming { event, entries });
    }

    fn change(&mut self, event: usize, path: &Path, change: Change) {
        let Some(Node::File(file)) = self.visible.get(path) else {
            panic!("{} is no file", path.display());
        };
        self.files[*file].pending.push((event, change));
    }

    /// Makes durable what had ended before the synchronisation began.
    fn sync(&mut self, path: &Path, began: usize) {
        if let Some(Node::File(file)) = self.visible.get(path) {
            let File { bytes, pending } = &mut self.files[*file];
            let later = pending.iter().position(|(event, _)| *event > began);
            for (_, change) in pending.drain(..later.unwrap_or(pending.len())) {
                change.apply(bytes, || true);
            }
            return;
        }
        let is_concerned = |renaming: &mut Renaming| {
            let mut entries = renaming.entries.iter();
            renaming.event <= began && entries.any(|(entry, _)| entry.parent() == Some(path))
        };
        for renaming in self.pending.extract_if(.., is_concerned).collect::<Vec<_>>() {
            self.settle(renaming);
        }
    }

    fn settle(&mut self, Renaming { event, entries }: Renaming) {
        for (path, node) in entries {
            let durable = self.durable.entry(path).or_insert((0, None));
            // Not over a later one that became durable with another directory.
            if durable.0 <= event {
                *durable = (event, node);
            }
        }
    }

    /// Cuts off the power, and writes what is found afterwards to an empty directory.
    pub(super) fn cut_off(mut self, mut survivors: Survivors<'_>, directory: &Path) {
        for renaming in std::mem::take(&mut self.pending) {
            if survivors.has(&renaming) {
                self.settle(renaming);
            }
        }
        for file in &mut self.files {
            for (_, change) in file.pending.drain(..) {
                change.apply(&mut file.bytes, || survivors.has_written());
            }
        }
        for (path, (_, node)) in &self.durable {
            let target = directory.join(path);
            // Without its directory an entry is nowhere. A directory comes before what is in it.
            if !target.parent().is_some_and(Path::is_dir) {
                continue;
            }
            let mode = match node {
                None => continue,
                Some(Node::Directory) => fs::create_dir(&target).map(|()| 0o700),
                Some(Node::File(file)) => {
                    fs::write(&target, &self.files[*file].bytes).map(|()| 0o600)
                }
            };
            let mode = Permissions::from_mode(mode.expect("written"));
            fs::set_permissions(&target, mode).expect("a mode");
        }
        // The machine starts again meanwhile: a new directory without its lock may be in use.
        let earlier = SystemTime::now() - Duration::from_secs(120);
        for path in
            self.durable.keys().map(|path| directory.join(path)).filter(|path| path.is_dir())
        {
            fs::File::open(path).and_then(|found| found.set_modified(earlier)).expect("a time");
        }
    }
}

impl Change {
    /// Applies the sectors, or the size, that `survives` chooses.
    fn apply(self, target: &mut Vec<u8>, mut survives: impl FnMut() -> bool) {
        match self {
            Self::Write { offset, bytes } => {
                let mut start = 0;
                while start < bytes.len() {
                    let in_sector = SECTOR - (offset + start) % SECTOR;
                    let end = bytes.len().min(start + in_sector);
                    if survives() {
                        let length = target.len().max(offset + end);
                        target.resize(length, 0);
                        target[offset + start..offset + end].copy_from_slice(&bytes[start..end]);
                    }
                    start = end;
                }
            }
            Self::Resize(size) if survives() => target.resize(size, 0),
            Self::Resize(_) => {}
        }
    }
}
