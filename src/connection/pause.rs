//! How long to wait before another attempt.

use std::time::Duration;

/// Returns a random time between half of `longest` and `longest`: those that met must not meet again.
pub(crate) fn pause_up_to(longest: Duration) -> Duration {
    let random = uuid::Uuid::new_v4().as_u128() % 1_000;
    let thousandths = 500 + u32::try_from(random).unwrap_or_default() / 2;
    longest * thousandths / 1_000
}
