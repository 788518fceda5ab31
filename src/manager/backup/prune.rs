//! Removal of old backups.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::Datelike;
use serde::Serialize;

use super::codec::Encoding;
use super::file_name::BackupName;
use super::list::BackupFile;
use super::manifest::BackupManifest;
use super::verify::compare;
use super::{manifest, orphans};
use crate::connection;
use crate::error::{BackupFault, Error, Result, chain, in_shell};
use crate::manager::DatabaseManager;
use crate::manager::migrate::last_failure;
use crate::types::UtcTime;

/// Rules for the backups to keep. A backup that no rule keeps is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Number of newest backups to keep; `None` by default.
    pub keep_last: Option<NonZeroUsize>,
    /// Number of days (UTC) of which to keep the newest backup; `None` by default. A day without a backup
    /// does not count.
    pub keep_daily: Option<NonZeroUsize>,
    /// Number of weeks (ISO 8601, UTC) of which to keep the newest backup; `None` by default.
    pub keep_weekly: Option<NonZeroUsize>,
    /// Age from which a backup is removed, even if another rule keeps it; `None` by default. As the only rule,
    /// it keeps every younger backup.
    pub max_age: Option<Duration>,
}

/// Result of pruning, or what pruning would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// Backups that were removed, or would be, newest first.
    pub removed: Vec<PathBuf>,
    /// Size of the removed backups, in bytes, without their manifests.
    pub removed_bytes: u64,
    /// Backups that were kept, newest first.
    pub kept: Vec<KeptBackup>,
    /// Whether this is only a plan, and nothing was removed.
    pub dry_run: bool,
}

/// Backup that pruning keeps, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptBackup {
    /// Path of the backup.
    pub path: PathBuf,
    /// Rule that keeps it.
    pub reason: &'static str,
}

impl DatabaseManager {
    /// Removes the backups of this database that the rules do not keep, with their manifests. Always keeps the
    /// newest backup that passes its verification, the one that the last run of migrations names if it failed,
    /// the files of the former application, and, outside the default directory, backups whose manifest names
    /// another database. With `dry_run`, removes nothing.
    ///
    /// # Errors
    /// [`Error::Backup`] if the policy has no rule; [`Error::Io`] if a file cannot be removed, after the others;
    /// [`Error::Query`] if the database cannot be read.
    pub fn prune_backups(&self, policy: &RetentionPolicy, dry_run: bool) -> Result<PruneReport> {
        if *policy == RetentionPolicy::default() {
            return Err(BackupFault::NoRule.into());
        }
        self.remove_unless(&self.certain_backups()?, dry_run, |newer, backup| {
            policy.reason(newer, backup)
        })
    }

    /// Removes the oldest of the backups that were taken before changes and restores, so that as many remain as
    /// `DATABASE_BACKUP_KEEP` says, besides those that are always kept. A failure is only a warning.
    pub(in crate::manager) fn prune_automatic(&self) {
        let keep = usize::try_from(self.config.backup_keep()).unwrap_or(usize::MAX);
        let automatic = |backup: &BackupFile| {
            backup.manifest.as_ref().is_some_and(|found| found.triggered_by != manifest::BY_HAND)
        };
        let pruned = self.certain_backups().and_then(|backups| {
            let backups: Vec<BackupFile> = backups.into_iter().filter(automatic).collect();
            // Verifying the newest reads it whole, which is needed only if another is removed.
            if keep == 0 || backups.len() <= keep {
                return Ok(PruneReport::default());
            }
            let reason = |newer: &[_], _: &_| {
                (newer.len() < keep).then_some("one of the newest automatic backups")
            };
            self.remove_unless(&backups, false, reason)
        });
        match pruned {
            Ok(report) => {
                for path in report.removed {
                    tracing::info!("removed the old backup {}", path.display());
                }
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "old backups could not be removed");
            }
        }
    }

    fn remove_unless(
        &self,
        backups: &[BackupFile],
        dry_run: bool,
        reason: impl Fn(&[BackupFile], &BackupFile) -> Option<&'static str>,
    ) -> Result<PruneReport> {
        let mut report = PruneReport { dry_run, ..PruneReport::default() };
        let named = self.named_by_failure();
        let mut has_verified = false;
        let mut failed = None;
        for (index, backup) in backups.iter().enumerate() {
            let is_named = || named.as_deref().is_some_and(|error| names(error, &backup.path));
            let newer = backups.get(..index).unwrap_or_default();
            let mut reason = reason(newer, backup);
            if reason.is_none() && is_named() {
                reason = Some("a failed run of migrations names it");
            }
            // Once one has passed, older ones are not verified: that reads the whole file.
            if !has_verified && self.passes(&backup.path) {
                has_verified = true;
                reason = reason.or(Some("the newest that passes its verification"));
            }
            if let Some(reason) = reason {
                report.kept.push(KeptBackup { path: backup.path.clone(), reason });
                continue;
            }
            if !dry_run && let Err(error) = remove(&backup.path) {
                failed = Some(error);
                continue;
            }
            report.removed_bytes = report.removed_bytes.saturating_add(backup.size_bytes);
            report.removed.push(backup.path.clone());
        }
        if !dry_run {
            orphans::sweep(self.config.backup_dir(), &BackupName::of(&self.config), None);
        }
        failed.map_or(Ok(report), Err)
    }

    /// Whether a backup passes its verification. An encoded one is compared with its manifest, and not decoded: that
    /// needs space, and pruning is to free some.
    fn passes(&self, path: &Path) -> bool {
        if Encoding::of_file(path).is_some()
            && BackupManifest::read(path).is_ok_and(|found| found.is_some())
        {
            return compare(path, &mut |_| ()).is_ok();
        }
        self.verify_backup(path, &mut |_| ()).is_ok()
    }

    /// Returns the error of the last run of migrations, if it failed.
    fn named_by_failure(&self) -> Option<String> {
        connection::inspect(&self.config, last_failure).ok()?.map(|failed| failed.error)
    }
}

impl RetentionPolicy {
    /// Returns the rule that keeps a backup, if one does.
    fn reason(&self, newer: &[BackupFile], backup: &BackupFile) -> Option<&'static str> {
        let created = backup.created;
        if self.max_age.is_some_and(|age| is_older(created, age)) {
            return None;
        }
        let kept_by = |limit: Option<NonZeroUsize>, period: fn(UtcTime) -> (i32, u32)| {
            let Some(limit) = limit else { return false };
            let periods: BTreeSet<_> = newer.iter().map(|backup| period(backup.created)).collect();
            !periods.contains(&period(created)) && periods.len() < limit.get()
        };
        if self.keep_last.is_some_and(|limit| newer.len() < limit.get()) {
            return Some("one of the newest");
        }
        if kept_by(self.keep_daily, day) {
            return Some("the newest of its day");
        }
        if kept_by(self.keep_weekly, week) {
            return Some("the newest of its week");
        }
        let only_age =
            self.keep_last.is_none() && self.keep_daily.is_none() && self.keep_weekly.is_none();
        only_age.then_some("younger than the maximum age")
    }
}

fn day(time: UtcTime) -> (i32, u32) {
    let date = time.as_datetime().date_naive();
    (date.year(), date.ordinal())
}

fn week(time: UtcTime) -> (i32, u32) {
    let week = time.as_datetime().date_naive().iso_week();
    (week.year(), week.week())
}

fn is_older(created: UtcTime, age: Duration) -> bool {
    chrono::TimeDelta::from_std(age).is_ok_and(|age| {
        UtcTime::now().as_datetime().signed_duration_since(created.as_datetime()) >= age
    })
}

/// Whether the text of an error contains the name of the file, as a part of a word of a shell.
fn names(error: &str, path: &Path) -> bool {
    let quoted = |name: &OsStr| in_shell(&name.to_string_lossy());
    path.file_name()
        .is_some_and(|name| error.contains(quoted(name).trim_start_matches('$').trim_matches('\'')))
}

/// Removes a backup and then its manifest, in this order so that no backup is left without its manifest.
fn remove(path: &Path) -> Result<()> {
    for file in [path.to_owned(), manifest::path_of(path)] {
        match fs::remove_file(&file) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => {
                return Err(Error::io("remove", &file)(cause));
            }
            _ => {}
        }
    }
    Ok(())
}
