//! Rules for the conversion of columns.

/// Rule for the conversion of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnRule {
    /// The primary key, unchanged.
    Id,
    /// Required text.
    Text,
    /// Text or NULL.
    OptionalText,
    /// Text or NULL; empty text becomes NULL.
    FilledText,
    /// Text; this one if it is NULL or empty.
    TextOr(&'static str),
    /// Name or address in lower case, composed, without surrounding white space or invisible characters.
    Canonical,
    /// UUID in canonical form.
    Uuid,
    /// Password hash without the prefix of the former application.
    PasswordHash,
    /// Algorithm that the password hash of the row names.
    PasswordAlgorithm,
    /// Encrypted text, or NULL.
    EncryptedText,
    /// SHA-256 hash in lower-case hexadecimal digits.
    Sha256,
    /// Token that is replaced by its SHA-256 hash.
    Token,
    /// 0 or 1; the default if it is NULL or empty.
    Flag(bool),
    /// Required integer.
    Integer,
    /// Integer; this one if it is NULL or empty.
    IntegerOr(i64),
    /// Integer or NULL.
    OptionalInteger,
    /// Time; the time of the adoption if it is missing.
    Time,
    /// Time or NULL.
    OptionalTime,
    /// Required time.
    RequiredTime,
    /// JSON or NULL. Text that is not JSON becomes a JSON string.
    OptionalJson,
    /// JSON list of texts; empty if it is missing.
    JsonTexts,
    /// JSON object with more values of the row. Values of unknown columns move to its entry `legacy`.
    Metadata,
    /// One of these words; the first if it is missing.
    OneOf(&'static [&'static str]),
    /// One of these words, required.
    RequiredOneOf(&'static [&'static str]),
    /// Required reference to a row of this table.
    Parent(&'static str),
    /// Reference to a row of this table, or NULL. One that leads to no row becomes NULL, and its old
    /// value is preserved.
    Reference(&'static str),
    /// Public id of the parent message, or NULL. One that leads to no message becomes NULL, and its
    /// old value is preserved.
    ParentMessage,
    /// Text in the form of the row's `value_type`, or encrypted text.
    SettingValue,
    /// Flag: whether the list of permissions has `*`.
    Superuser,
    /// Flag: 0 if the row was revoked, whatever the flag was.
    ActiveUnlessRevoked,
}

impl ColumnRule {
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

/// Column of the new table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// Former column with its value.
    pub(super) source: &'static str,
    pub(super) rule: ColumnRule,
}

impl Column {
    /// Whether the value comes from a former column of another name.
    pub(super) fn is_derived(&self) -> bool {
        self.name != self.source
    }
}

/// Table that both schemas have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [Column],
    /// Former columns without a new column, which are no surprise. Their values must not go to
    /// `metadata`, which users see.
    pub(super) withheld: &'static [&'static str],
    /// Whether the table holds secrets, so that any former column without a new one may be one.
    pub(super) holds_secrets: bool,
}

impl Table {
    /// Whether the values of a former column must not go to `metadata`.
    pub(super) fn withholds(&self, column: &str) -> bool {
        self.holds_secrets || self.expects(column)
    }

    /// Whether every former database has the column, though the new table does not.
    pub(super) fn expects(&self, column: &str) -> bool {
        self.withheld.iter().any(|name| name.eq_ignore_ascii_case(column))
    }
}
