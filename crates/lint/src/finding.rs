//! Result of the lint.

use std::fmt;
use std::path::PathBuf;
use zenith_db::internal::config::shown;

use serde::Serialize;

use super::lint_rule::LintRule;

/// Fault in a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Path of the script.
    pub file: PathBuf,
    /// Line on which the statement or comment begins, from 1.
    pub line: usize,
    /// Rule that is broken.
    pub rule: LintRule,
    /// Description of the fault.
    pub problem: String,
    /// Advice on how to fix it.
    pub advice: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, rule, problem, advice } = self;
        write!(f, "{}:{line}: {rule}: {problem}; {advice}", shown(file.display()))
    }
}
