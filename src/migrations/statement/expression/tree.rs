//! An expression of PostgreSQL as a tree.

/// An expression as an operator, a function, a name or a value, with its operands.
///
/// The server prints an expression otherwise than it was written: with parentheses and the types of values, `BETWEEN` as
/// two comparisons, `IN` as `= ANY (ARRAY[…])`, `LIKE` as `~~`. Both forms are parsed to the same tree. The order of
/// operands counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expression {
    /// Begins with `'`, `"` or a digit if it is a text, a name or a number.
    pub(super) head: String,
    operands: Vec<Self>,
}

impl Expression {
    pub(super) fn new(head: impl Into<String>, operands: Vec<Self>) -> Self {
        Self { head: head.into(), operands }
    }

    /// Joins two expressions with `and` or `or`, which need no parentheses among their own.
    pub(super) fn join(head: &str, left: Self, right: Self) -> Self {
        let operands = |it: Self| if it.head == head { it.operands } else { vec![it] };
        Self::new(head, operands(left).into_iter().chain(operands(right)).collect())
    }

    /// Casts to a type. The server gives each value the type that it has anyway.
    pub(super) fn cast(self, kind: &str) -> Option<Self> {
        const NUMBERS: [&str; 6] =
            ["smallint", "integer", "bigint", "numeric", "real", "double precision"];
        let is_number = NUMBERS.contains(&kind);
        match self.head.strip_prefix('\'') {
            Some(text) if is_number => Some(Self::new(number(text)?, Vec::new())),
            Some(_) if matches!(kind, "text" | "timestamp without time zone") => Some(self),
            None if is_number && self.is_number() => Some(self),
            _ => Some(Self::new(format!("::{kind}"), vec![self])),
        }
    }

    pub(super) fn is_number(&self) -> bool {
        self.head.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit())
    }
}

/// Returns a number in the one form `12e-1`, with the sign, without leading and trailing zeros.
pub(super) fn number(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let (sign, lower) = lower.strip_prefix('-').map_or(("", &*lower), |rest| ("-", rest));
    let (mantissa, exponent) = lower.split_once('e').unwrap_or((lower, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let kept = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len() - kept.len()).ok()?;
    let exponent: i64 = exponent.parse().ok()?;
    let exponent = exponent.checked_add(zeros)?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    Some(match kept.trim_start_matches('0') {
        "" => "0".to_owned(),
        kept => format!("{sign}{kept}e{exponent}"),
    })
}

/// Returns a literal as the content of the text after a `'`. Midnight is printed in the time that a day is compared with.
pub(super) fn plain(literal: &str) -> Option<String> {
    let (escapes, quoted) = literal.split_once('\'')?;
    let inside = quoted.strip_suffix('\'').unwrap_or(quoted).replace("''", "'");
    let inside = if escapes.is_empty() { inside } else { inside.replace(r"\\", r"\") };
    Some(format!("'{}", inside.replace(" 00:00:00", "")))
}
