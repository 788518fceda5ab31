//! One migration of a run, and which way it went.

use serde::Serialize;

use super::statement::PlannedStatement;
use crate::error::RowChange;

/// Whether a migration was applied or reverted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepDirection {
    /// `up.sql` ran.
    Applied,
    /// `down.sql` ran.
    Reverted,
}

/// One migration that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The directory's name.
    pub name: String,
    /// Which way.
    pub direction: StepDirection,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// How long comparing the rows before and after it took besides, in milliseconds.
    pub comparing_milliseconds: u64,
    /// The tables whose rows are not what they were.
    pub rows: Vec<RowChange>,
}

/// One migration that would run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// The directory's name.
    pub name: String,
    /// Which way.
    pub direction: StepDirection,
    /// What it says, in order.
    pub statements: Vec<PlannedStatement>,
}
