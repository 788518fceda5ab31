//! Types of the columns of an application's tables, and the text by which a value of each is transferred. The text has the
//! same form on both databases; values for which there is none are found before anything is copied.

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of 64 bits, as each integer of SQLite.
    Bigint,
    /// Of 32 bits on PostgreSQL.
    Integer,
    /// Of 16 bits on PostgreSQL.
    Smallint,
    Bool,
    Double,
    Text,
    Timestamp,
    Bytes,
}

impl Kind {
    /// Returns the type of a line of [`Structure::columns`](zenith_db::migrations::Structure::columns), after the name.
    pub(super) fn of(line: &str) -> Option<Self> {
        let ends = [" NOT NULL", " DEFAULT "];
        let name = ends.iter().fold(line, |line, end| line.split(end).next().unwrap_or_default());
        Some(match name {
            "BIGINT" => Self::Bigint,
            "INTEGER" => Self::Integer,
            "SMALLINT" => Self::Smallint,
            "BOOLEAN" => Self::Bool,
            "DOUBLE PRECISION" => Self::Double,
            "TEXT" => Self::Text,
            "TIMESTAMP" => Self::Timestamp,
            "BLOB" => Self::Bytes,
            _ => return None,
        })
    }

    /// Returns SQL for whether a value of SQLite cannot be transferred, and why. SQLite stores a value of any type in any
    /// column.
    pub(super) fn unfit_on_sqlite(self, column: &str) -> (String, &'static str) {
        let (types, reason) = match self {
            Self::Bigint | Self::Integer | Self::Smallint => ("'integer'", "no integer"),
            Self::Bool => ("'integer'", "no boolean"),
            Self::Double => ("'integer', 'real'", "no number"),
            Self::Text => ("'text'", "no text"),
            Self::Bytes => ("'blob'", "no bytes"),
            Self::Timestamp => {
                // `datetime` returns a time that exists as it is.
                let (seconds, fraction) = (seconds_of(column), format!("substr({column}, 20)"));
                let unfit = format!(
                    "{column} IS NOT NULL AND NOT (typeof({column}) = 'text'
                        AND datetime({seconds}) IS {seconds} AND {seconds} >= '0001'
                        AND ({fraction} = '' OR {fraction} GLOB '.[0-9]*' AND length({fraction}) <= 7
                            AND substr({fraction}, 2) NOT GLOB '*[^0-9]*'))"
                );
                return (
                    unfit,
                    "no time of the form 2026-01-02 03:04:05, with up to six digits after it",
                );
            }
        };
        (format!("typeof({column}) NOT IN ('null', {types})"), reason)
    }

    /// Returns SQL for whether a value of SQLite is none of this type of a column of PostgreSQL, and why; `None` if each is
    /// that [`Kind::unfit_on_sqlite`] allows.
    pub(super) fn unfit_for_postgres(self, column: &str) -> Option<(String, &'static str)> {
        match self {
            Self::Integer => Some((
                format!("{column} NOT BETWEEN -2147483648 AND 2147483647"),
                "an integer of more than 32 bits, which an INTEGER of the target cannot store",
            )),
            Self::Smallint => Some((
                format!("{column} NOT BETWEEN -32768 AND 32767"),
                "an integer of more than 16 bits, which a SMALLINT of the target cannot store",
            )),
            Self::Bool => Some((
                format!("{column} NOT IN (0, 1)"),
                "neither 0 nor 1, which a BOOLEAN of the target cannot store",
            )),
            Self::Text => Some((
                format!("instr({column}, char(0)) > 0"),
                "a text with a NUL, which the target cannot store",
            )),
            _ => None,
        }
    }

    /// Returns SQL for the text of a value of SQLite that can be transferred. The text of another one, such as an
    /// application's trigger may have written to a target, is that of no value.
    pub(super) fn read_sqlite(self, column: &str) -> String {
        let text = match self {
            Self::Bigint | Self::Integer | Self::Smallint => format!("CAST({column} AS TEXT)"),
            Self::Bool => format!(
                "CASE {column} WHEN 0 THEN 'f' WHEN 1 THEN 't' ELSE CAST({column} AS TEXT) END"
            ),
            Self::Double => format!("printf('%!.17g', {column})"),
            Self::Text => column.to_owned(),
            Self::Timestamp => {
                let (seconds, digits) = (seconds_of(column), format!("substr({column}, 21)"));
                format!("{seconds} || '.' || substr({digits} || '000000', 1, 6)")
            }
            Self::Bytes => format!("lower(hex({column}))"),
        };
        let (unfit, _) = self.unfit_on_sqlite(column);
        format!(
            "CASE WHEN {column} IS NULL THEN NULL WHEN {unfit} THEN 'unfit: ' || quote({column}) ELSE {text} END"
        )
    }

    /// Returns SQL for a value of SQLite, from the SQL of its text.
    pub(super) fn write_sqlite(self, text: &str) -> String {
        match self {
            Self::Bigint | Self::Integer | Self::Smallint => format!("CAST({text} AS INTEGER)"),
            Self::Bool => format!("CASE {text} WHEN 'f' THEN 0 WHEN 't' THEN 1 ELSE {text} END"),
            Self::Double => format!(
                "CASE lower(substr({text}, 1, 4)) WHEN 'inf' THEN 9e999 WHEN 'infi' THEN 9e999 WHEN '-inf' THEN -9e999
                 ELSE CAST({text} AS REAL) END"
            ),
            Self::Text | Self::Timestamp => text.to_owned(),
            Self::Bytes => format!("unhex({text})"),
        }
    }

    /// Returns SQL for whether a value of PostgreSQL cannot be transferred, and why; `None` if each can be.
    #[cfg(feature = "postgres")]
    pub(super) fn unfit_on_postgres(self, column: &str) -> Option<(String, &'static str)> {
        match self {
            Self::Double => {
                Some((format!("{column} = 'NaN'"), "not a number, which SQLite cannot store"))
            }
            Self::Timestamp => Some((
                format!("NOT ({column} >= '0001-01-01' AND {column} < '10000-01-01')"),
                "a time that is infinite, or not of the years 1 to 9999",
            )),
            _ => None,
        }
    }

    /// Returns SQL for the text of a value of PostgreSQL, as [`Kind::read_sqlite`] does.
    #[cfg(feature = "postgres")]
    pub(super) fn read_postgres(self, column: &str) -> String {
        let text = match self {
            Self::Bool => format!("CASE WHEN {column} THEN 't' WHEN NOT {column} THEN 'f' END"),
            Self::Timestamp => format!("to_char({column}, 'YYYY-MM-DD HH24:MI:SS.US')"),
            Self::Bytes => format!("encode({column}, 'hex')"),
            _ => format!("{column}::text"),
        };
        match self.unfit_on_postgres(column) {
            Some((unfit, _)) => {
                format!("CASE WHEN {unfit} THEN 'unfit: '::text || {column}::text ELSE {text} END")
            }
            None => text,
        }
    }

    /// Returns SQL for a value of PostgreSQL, from the SQL of its text.
    #[cfg(feature = "postgres")]
    pub(super) fn write_postgres(self, text: &str) -> String {
        match self {
            Self::Bigint | Self::Integer | Self::Smallint => format!("({text})::bigint"),
            Self::Bool => format!("({text})::boolean"),
            Self::Double => format!("({text})::double precision"),
            Self::Text => text.to_owned(),
            Self::Timestamp => format!("({text})::timestamp"),
            Self::Bytes => format!("decode({text}, 'hex')"),
        }
    }
}

/// Returns SQL for the text of a time of SQLite up to its seconds.
fn seconds_of(column: &str) -> String {
    format!("substr({column}, 1, 19)")
}
