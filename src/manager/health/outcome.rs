//! The outcome of one check.

/// What a check found.
pub(super) enum CheckOutcome {
    Good(String),
    Bad(String),
}

impl CheckOutcome {
    /// Good if there are no faults, with `good` to say so.
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
