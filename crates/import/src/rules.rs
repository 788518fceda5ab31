//! The rules by which values of the former application become ours.

/// How a value of the former application becomes one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The key, kept as it is.
    Id,
    /// Text that must be there.
    Text,
    /// Text that may be missing.
    OptionalText,
    /// Text that may be missing; empty is missing.
    FilledText,
    /// Text that, missing or empty, is this.
    TextOr(&'static str),
    /// A name or an address: lower case, nothing around it.
    Canonical,
    /// A UUID in its one form.
    Uuid,
    /// A password's hash, without the former prefix.
    PasswordHash,
    /// How the password was hashed: what the hash beside it says.
    PasswordAlgorithm,
    /// A SHA-256 hash in lower-case hexadecimal digits.
    Sha256,
    /// A token whose SHA-256 is kept in its place.
    Token,
    /// 0 or 1; missing, it is this.
    Flag(bool),
    /// A whole number that must be there.
    Integer,
    /// A whole number that, missing, is this.
    IntegerOr(i64),
    /// A whole number that may be missing.
    OptionalInteger,
    /// A time; missing, it is the moment of the adoption.
    Time,
    /// A time that may be missing.
    OptionalTime,
    /// A time that must be there.
    RequiredTime,
    /// JSON that may be missing. Text that is no JSON becomes a JSON string.
    OptionalJson,
    /// A list of texts; missing, it is empty.
    JsonTexts,
    /// What the application keeps beside, and under `legacy` what has no column any more.
    Metadata,
    /// A word of the vocabulary; missing, it is the first.
    Word(&'static [&'static str]),
    /// A word of the vocabulary that must be there.
    RequiredWord(&'static [&'static str]),
    /// A reference to a row that must be there.
    Parent(&'static str),
    /// A reference to a row; if that is not there, it is taken away and kept under `legacy`.
    Reference(&'static str),
    /// The public id of the message that this one answers, likewise.
    ParentMessage,
    /// Text that agrees with the row's `value_type`, or is encrypted.
    SettingValue,
    /// Whether the list of permissions holds `*`.
    Superuser,
    /// 0 if the row was revoked, whatever the flag says.
    ActiveUnlessRevoked,
}

impl Rule {
    /// Whether the column holds numbers.
    pub(super) const fn makes_numbers(self) -> bool {
        matches!(
            self,
            Self::Id
                | Self::Flag(_)
                | Self::Integer
                | Self::IntegerOr(_)
                | Self::OptionalInteger
                | Self::Parent(_)
                | Self::Reference(_)
                | Self::Superuser
                | Self::ActiveUnlessRevoked
        )
    }
}

/// A column of the new table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// The former column that it comes from.
    pub(super) source: &'static str,
    pub(super) rule: Rule,
}

impl Column {
    /// Whether it has no counterpart of its own name in the former table.
    pub(super) fn is_derived(&self) -> bool {
        self.name != self.source
    }
}

/// A table of the former application.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [Column],
    /// Former columns that have no column any more and must not go to `metadata`, which is shown.
    pub(super) withheld: &'static [&'static str],
}

impl Table {
    pub(super) fn withholds(&self, column: &str) -> bool {
        self.withheld.iter().any(|name| name.eq_ignore_ascii_case(column))
    }
}
