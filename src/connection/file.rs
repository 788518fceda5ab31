//! Files and directories that only their owner can read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

use crate::error::{Error, Result};

/// Creates a directory and its missing parents with mode 0700, for the owner of the directory in which
/// they are, and writes their entries to the disk: what is synchronised in them survives a power cut.
///
/// An existing directory is not changed, unless it is empty apart from hidden files: such a
/// directory was created for the database, by a volume mount or a checkout, and is made private.
/// A symbolic link is not followed.
///
/// # Errors
/// [`Error::Io`] if the directory cannot be created or made private.
pub fn create_private_dir(path: &Path) -> Result<()> {
    if path.is_dir() {
        return tighten_if_empty(path)
            .map_err(Error::io("restrict the permissions of the directory", path));
    }
    create_missing(path).map_err(Error::io("create the directory", path))
}

fn create_missing(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    // Neither the root nor the working directory can be created.
    if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
        create_missing(parent)?;
    }
    let parent = parent.unwrap_or_else(|| Path::new("."));
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Ok(()) => {
            Owner::of(parent)?.give(&open_dir(path)?)?;
            sync_dir(parent)
        }
        // Another process created it meanwhile.
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        failed => failed,
    }
}

#[cfg(unix)]
fn tighten_if_empty(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let metadata = fs::symlink_metadata(path)?;
    let mode = metadata.permissions().mode();
    let shared_on_purpose = mode & 0o1022 != 0;
    let mut entries = fs::read_dir(path)?.filter_map(io::Result::ok);
    let in_use = entries.any(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    if mode & 0o077 == 0 || shared_on_purpose || in_use || !metadata.is_dir() {
        return Ok(());
    }
    match open_dir(path)?.set_permissions(fs::Permissions::from_mode(0o700)) {
        // Somebody else's directory: the health check reports what is wrong with it.
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

#[cfg(not(unix))]
fn tighten_if_empty(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Opens a directory, but not one behind a symbolic link.
#[cfg(unix)]
fn open_dir(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;

    let flags = (OFlags::DIRECTORY | OFlags::NOFOLLOW).bits().cast_signed();
    let mut options = OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    options.read(true).open(path)
}

/// Owner and group of a file. A file that root creates for the database of an application must belong
/// to the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    #[cfg(unix)]
    user_and_group: (u32, u32),
}

impl Owner {
    /// Returns the owner of a file or directory.
    ///
    /// # Errors
    /// The error of the operating system.
    #[cfg(unix)]
    pub fn of(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;

        let metadata = fs::metadata(path)?;
        Ok(Self { user_and_group: (metadata.uid(), metadata.gid()) })
    }

    /// Gives a file that this process has created to the owner. Only root can; others own what they
    /// create.
    ///
    /// # Errors
    /// The error of the operating system.
    #[cfg(unix)]
    pub fn give(self, file: &File) -> io::Result<()> {
        let (user, group) = self.user_and_group;
        if rustix::process::geteuid().is_root() && user != 0 {
            std::os::unix::fs::fchown(file, Some(user), Some(group))?;
        }
        Ok(())
    }

    /// Whether this is a regular file of the current user.
    #[cfg(unix)]
    pub(super) fn is_own_file(path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;

        let user = rustix::process::geteuid();
        fs::symlink_metadata(path)
            .is_ok_and(|found| found.is_file() && (found.uid() == user.as_raw() || user.is_root()))
    }
}

#[cfg(not(unix))]
impl Owner {
    /// Returns nothing: a file belongs to who creates it.
    ///
    /// # Errors
    /// None.
    pub fn of(_: &Path) -> io::Result<Self> {
        Ok(Self {})
    }

    /// Does nothing.
    ///
    /// # Errors
    /// None.
    pub fn give(self, _: &File) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn is_own_file(path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
    }
}

/// Creates an empty file with mode 0600, for the owner of its directory. Returns `false` if the path
/// already exists.
pub(super) fn create_private_file(path: &Path) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    match options.open(path) {
        Ok(file) => {
            let owner = Owner::of(parent.unwrap_or_else(|| Path::new(".")));
            let given = owner.and_then(|owner| owner.give(&file));
            // A file of the wrong owner would be of no use to the right one.
            given.inspect_err(|_| drop(fs::remove_file(path)))?;
            Ok(true)
        }
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(cause) => Err(cause),
    }
}

/// Writes the entries of a directory to the disk, after a rename. It has an effect on Unix only.
///
/// File systems that cannot do this, such as CIFS, answer EINVAL or the like; as in SQLite, that is no
/// error, since nothing more can be done there.
///
/// # Errors
/// The error of the operating system.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};

    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(path).and_then(|directory| directory.sync_all()) {
        Err(cause) if matches!(cause.kind(), InvalidInput | Unsupported | PermissionDenied) => {
            Ok(())
        }
        done => done,
    }
}

/// Renames a file, and fails with `AlreadyExists` instead of replacing another one.
///
/// # Errors
/// The error of the operating system.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;

        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // The file system or the kernel does not offer it.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            done => return done.map_err(Into::into),
        }
    }
    // Whoever creates the file may replace it. No hard link is needed, which some file systems lack.
    create_private_file(to)?.then_some(()).ok_or(io::ErrorKind::AlreadyExists)?;
    fs::rename(from, to).inspect_err(|_| drop(fs::remove_file(to)))
}
