//! Checks of the ages of the newest backup and of the last drill.

use chrono::TimeDelta;

use super::checks::NamedCheck;
use super::outcome::CheckOutcome;
use crate::backend::DbConnection;
use crate::error::Result;
use crate::manager::DatabaseManager;
use crate::manager::backup::newest;
use crate::manager::restore::last_drill;
use crate::types::UtcTime;

pub(super) const CHECKS: &[NamedCheck] =
    &[("Recent Backup", false, recent_backup), ("Recent Drill", false, recent_drill)];

/// Age above which the newest backup is too old: a nightly one may fail once.
const OLDEST_BACKUP: TimeDelta = TimeDelta::days(2);
/// Age above which the last drill is too old: a weekly one may be late.
const OLDEST_DRILL: TimeDelta = TimeDelta::days(8);

fn recent_backup(connection: &mut DbConnection, manager: &DatabaseManager) -> Result<CheckOutcome> {
    let Some(backup) = newest(&manager.config, connection)? else {
        return Ok(CheckOutcome::Bad("there is none; `zenith-db backup` takes one".into()));
    };
    let (created, path) = (backup.created, backup.path.display());
    Ok(if !backup.exists {
        CheckOutcome::Bad(format!("{path} is missing; `zenith-db backup` takes a new one"))
    } else if is_older(created, OLDEST_BACKUP) {
        CheckOutcome::Bad(format!("{created} UTC, more than two days ago; run `zenith-db backup`"))
    } else {
        CheckOutcome::Good(format!("{created} UTC, {path}"))
    })
}

fn recent_drill(connection: &mut DbConnection, _: &DatabaseManager) -> Result<CheckOutcome> {
    let run = "`zenith-db restore --drill` shows whether the newest backup can be restored";
    Ok(match last_drill(connection)? {
        None => CheckOutcome::Bad(format!("there was none; {run}")),
        Some((at, false)) => CheckOutcome::Bad(format!("failed ({at} UTC); {run}")),
        Some((at, true)) if is_older(at, OLDEST_DRILL) => {
            CheckOutcome::Bad(format!("{at} UTC, more than eight days ago; {run}"))
        }
        Some((at, true)) => CheckOutcome::Good(format!("{at} UTC")),
    })
}

fn is_older(time: UtcTime, age: TimeDelta) -> bool {
    UtcTime::now().as_datetime().signed_duration_since(time.as_datetime()) > age
}
