//! Outcome of one check.

/// Outcome of a check, with its details.
pub(super) enum CheckOutcome {
    Good(String),
    Bad(String),
}

impl CheckOutcome {
    /// Returns `Good(good)` without faults, else `Bad` with the first five faults and their `cure`.
    pub(super) fn from_faults(faults: &[String], good: impl Into<String>, cure: &str) -> Self {
        if faults.is_empty() {
            return Self::Good(good.into());
        }
        let shown: Vec<&str> = faults.iter().take(5).map(String::as_str).collect();
        let rest = faults.len() - shown.len();
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        Self::Bad(format!("{}{more}; {cure}", shown.join("; ")))
    }
}
