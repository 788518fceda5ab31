//! Whatever is written to the audit log past the program, the next entry can be appended and every page
//! read: else all work that is recorded would stand still.

use diesel::connection::SimpleConnection;
use zenith_db::Backend;
use zenith_db::prelude::*;
use zenith_db_import::AdoptionOptions;

use crate::support::legacy::{Shape, former_with};
use crate::support::models::Models;
use crate::support::rows;

/// Columns of an INSERT with their values, in SQL.
type Values<'a> = &'a [(&'a str, &'a str)];

/// What must be refused on both databases. `LAST` is the hash of the last entry, `FIRST` that of the
/// first, `NEXT` the next seq.
const REFUSED: &[Values<'_>] = &[
    // The next entry would follow what is followed already, or nothing.
    &[("entry_hash", "'0000000000000000000000000000000000000000000000000000000000000000'")],
    &[("entry_hash", "LAST")],
    &[("entry_hash", "FIRST")],
    &[("entry_hash", "upper(FIRST)")],
    &[("entry_hash", "substr(FIRST, 2)")],
    &[("entry_hash", "FIRST || '0'")],
    &[("entry_hash", "NULL")],
    &[("prev_hash", "FIRST")],
    &[("prev_hash", "NULL")],
    // There would be no next id.
    &[("id", "9223372036854775807")],
    &[("id", "9223372036854775806")],
    &[("id", "9223372036854775808")],
    &[("id", "NEXT + 1000000000000001")],
    // There would be no next seq, or a gap.
    &[("seq", "9223372036854775807")],
    &[("seq", "'9223372036854775807'")],
    &[("seq", "9223372036854775808")],
    &[("seq", "-9223372036854775808")],
    &[("seq", "NEXT + 1")],
    &[("seq", "NEXT - 1")],
    &[("seq", "0")],
    &[("seq", "-1")],
    &[("seq", "NULL")],
    &[("seq", "'abc'")],
    &[("seq", "9e18")],
    &[("seq", "9223372036854775807"), ("id", "9223372036854775807")],
    // Pages with it could not be read.
    &[("event_id", "'of thirty-six characters, and no UUID'")],
    &[("event_id", "'00000000-0000-7000-8000-00000000ABCD'")],
    &[("event_id", "(SELECT event_id FROM audit_log WHERE seq = 1)")],
];

/// What only SQLite can be given. On PostgreSQL an id that is too small is moved on.
const REFUSED_BY_SQLITE: &[Values<'_>] = &[
    // Equal as text, and not to SQLite.
    &[("entry_hash", "CAST(lower(hex(randomblob(32))) AS BLOB)")],
    &[("entry_hash", "lower(hex(randomblob(32))) || char(0)")],
    &[("event_id", "CAST('01234567-89ab-4def-8123-456789abcdef' AS BLOB)")],
    &[("seq", "CAST(NEXT AS BLOB)")],
    &[("seq", "NEXT + 0.5")],
    &[("id", "-1")],
    &[("id", "0")],
    &[("id", "1")],
    &[("id", "-9223372036854775808")],
    &[("id", "'-1'")],
];

/// Times that only PostgreSQL's type has, and that the program cannot read.
const REFUSED_BY_A_SERVER: &[Values<'_>] = &[
    &[("timestamp", "'infinity'")],
    &[("timestamp", "'-infinity'")],
    &[("timestamp", "'294276-12-31 23:59:59.999999'")],
    &[("timestamp", "'4713-01-01 00:00:00 BC'")],
];

/// Columns of text without a closed vocabulary.
const TEXTS: &[&str] = &[
    "actor_name",
    "session_id",
    "event_type",
    "event_category",
    "resource_type",
    "resource_id",
    "action",
    "description",
    "ip_address",
    "user_agent",
    "error_message",
];

struct Log {
    models: Models,
    raw: DbConnection,
    made: u32,
}

impl Log {
    fn new() -> Self {
        let models = Models::new();
        let raw = models.fixture().raw();
        let mut log = Self { models, raw, made: 0 };
        log.append();
        log.append();
        log
    }

    fn append(&mut self) -> AuditEntry {
        let event = NewAuditEvent::builder()
            .event_type(EventType::new("t"))
            .event_category(EventCategory::new("c"))
            .action("a");
        self.models.run(|conn| event.build().append(conn))
    }

    /// The newest entry, as the program reads it.
    fn newest(&self) -> AuditEntry {
        let all = AuditFilter::default();
        let page = self.models.run(|conn| AuditEntry::page(conn, all, None, PageSize::of(10)));
        page.rows.into_iter().next().expect("an entry")
    }

    /// The values of an entry that follows the last, but for these.
    fn row(&mut self, changes: Values<'_>) -> String {
        self.made += 1;
        let hash = format!("'{}'", Sha256Hash::of(self.made.to_be_bytes()));
        let event = format!("'{}'", AuditEntryPublicId::new());
        let usual = [
            ("seq", "NEXT"),
            ("event_id", event.as_str()),
            ("prev_hash", "LAST"),
            ("entry_hash", hash.as_str()),
            ("event_type", "'t'"),
            ("event_category", "'c'"),
            ("action", "'a'"),
        ];
        let filled = |(column, usual): &(&str, &str)| {
            let given = changes.iter().find(|(name, _)| name == column);
            given.map_or(*usual, |(_, value)| value).to_owned()
        };
        let id = changes.iter().find(|(name, _)| *name == "id").map(|(_, id)| (*id).to_owned());
        let others = Self::others(changes).map(|(_, value)| (*value).to_owned());
        let row: Vec<String> =
            id.into_iter().chain(usual.iter().map(filled)).chain(others).collect();
        let last = self.newest();
        let first = "(SELECT entry_hash FROM audit_log WHERE seq = 1)";
        row.join(", ")
            .replace("LAST", &format!("'{}'", last.entry_hash))
            .replace("FIRST", first)
            .replace("NEXT", &(last.seq + 1).to_string())
    }

    fn insert(&mut self, verb: &str, changes: Values<'_>, end: &str) -> String {
        let id = if changes.iter().any(|(name, _)| *name == "id") { "id, " } else { "" };
        let others = Self::others(changes).flat_map(|(name, _)| [", ", *name]).collect::<String>();
        let row = self.row(changes);
        format!(
            "{verb} INTO audit_log ({id}seq, event_id, prev_hash, entry_hash, event_type, event_category,
                 action{others}) VALUES ({row}) {end}"
        )
    }

    /// What an INSERT does not always give.
    fn others(changes: Values<'_>) -> impl Iterator<Item = &(&str, &str)> {
        const GIVEN: [&str; 8] = [
            "id",
            "seq",
            "event_id",
            "prev_hash",
            "entry_hash",
            "event_type",
            "event_category",
            "action",
        ];
        changes.iter().filter(|(name, _)| !GIVEN.contains(name))
    }

    fn contents(&mut self) -> Vec<String> {
        let all = "SELECT concat_ws('|', id, seq, event_id, action, prev_hash, entry_hash) AS line
                   FROM audit_log ORDER BY seq";
        rows::lines(&mut self.raw, all)
    }

    /// The statement writes nothing, and the next entry follows.
    fn is_harmless(&mut self, statement: &str) {
        let before = self.contents();
        let _ = self.raw.batch_execute(statement);
        assert_eq!(self.contents(), before, "{statement}");
        self.goes_on(statement);
    }

    fn goes_on(&mut self, after: &str) {
        let last = self.newest();
        let next = self.append();
        assert_eq!((next.seq, next.prev_hash), (last.seq + 1, last.entry_hash), "{after}");
        assert_eq!(next.id.0, last.id.0 + 1, "{after}");
        assert_eq!(self.newest(), next, "{after}");
    }
}

#[test]
fn an_entry_that_would_be_in_the_way_is_refused_in_whatever_words() {
    let mut log = Log::new();
    let (refused, words): (Vec<_>, &[(&str, &str)]) = match log.raw.backend() {
        Backend::Sqlite => (
            REFUSED.iter().chain(REFUSED_BY_SQLITE).collect(),
            &[
                ("INSERT OR REPLACE", ""),
                ("INSERT OR IGNORE", ""),
                ("INSERT OR FAIL", ""),
                ("INSERT OR ROLLBACK", ""),
                ("INSERT", "ON CONFLICT DO NOTHING"),
                ("INSERT", "ON CONFLICT (seq) DO UPDATE SET entry_hash = excluded.entry_hash"),
            ],
        ),
        Backend::Postgres => (
            REFUSED.iter().chain(REFUSED_BY_A_SERVER).collect(),
            &[
                ("INSERT", "ON CONFLICT DO NOTHING"),
                ("INSERT", "ON CONFLICT (seq) DO UPDATE SET entry_hash = excluded.entry_hash"),
            ],
        ),
    };
    for changes in refused {
        let plain = log.insert("INSERT", changes, "");
        let refused = rows::refusal(&mut log.raw, &plain);
        // For its own reason, and not because of what was tried before.
        let column = changes.iter().any(|(column, _)| refused.contains(column));
        let kind = ["datatype mismatch", "out of range", "invalid input syntax for type bigint"];
        assert!(column || kind.iter().any(|kind| refused.contains(kind)), "{plain}: {refused}");
        log.is_harmless(&plain);
        for (verb, end) in words {
            let statement = log.insert(verb, changes, end);
            log.is_harmless(&statement);
        }
    }
    let good = log.insert("INSERT", &[], "");
    log.raw.batch_execute(&good).expect("what follows is taken");
    log.goes_on("an entry of another program");
}

#[test]
fn the_second_row_of_one_statement_is_looked_at_as_well() {
    let mut log = Log::new();
    let good = log.insert("INSERT", &[], "");
    let (seq, hash) =
        (log.newest().seq + 2, format!("'{}'", Sha256Hash::of(log.made.to_be_bytes())));
    let seq = seq.to_string();
    let follows = [("seq", seq.as_str()), ("prev_hash", hash.as_str())];
    let zeros = "'0000000000000000000000000000000000000000000000000000000000000000'";
    for wrong in
        [("entry_hash", hash.as_str()), ("entry_hash", zeros), ("event_id", "'x'"), ("seq", "NEXT")]
    {
        let mut second = vec![wrong];
        second.extend(follows.iter().filter(|(name, _)| *name != wrong.0));
        let row = log.row(&second);
        let both = format!("{good}, ({row})");
        rows::refusal(&mut log.raw, &both);
    }
    // Two that follow each other are taken.
    let row = log.row(&follows);
    log.raw.batch_execute(&format!("{good}, ({row})")).expect("both");
    log.goes_on("two entries at once");
}

/// SQLite stores any bytes as text, and no constraint can see which are UTF-8.
#[test]
fn text_that_is_not_utf_8_keeps_no_page_from_being_read() {
    let mut log = Log::new();
    if log.raw.backend() == Backend::Postgres {
        return;
    }
    for column in TEXTS {
        for value in ["CAST(x'61ff62' AS TEXT)", "'a' || char(55296)"] {
            let odd = log.insert("INSERT", &[(column, value)], "");
            log.raw.batch_execute(&odd).expect(&odd);
            let read = serde_json::to_value(log.newest()).expect("an entry");
            let read = read[column].as_str().expect(column);
            assert!(read.starts_with('a') && read.contains('\u{fffd}'), "{odd}: {read}");
            log.goes_on(&odd);
        }
    }
}

#[test]
fn an_id_that_leaves_a_gap_is_followed_by_the_next() {
    let mut log = Log::new();
    let far = "NEXT + 1000000000000000";
    for id in ["NEXT", "NEXT + 1", "NEXT + 5000", far] {
        let gap = log.insert("INSERT", &[("id", id)], "");
        log.raw.batch_execute(&gap).expect(&gap);
        log.goes_on(&gap);
        let open = log.insert("INSERT", &[], "");
        log.raw.batch_execute(&open).expect(&open);
        log.goes_on(&open);
        if log.raw.backend() == Backend::Sqlite {
            // Into the gap of 5000.
            let within = log.newest().id.0 - 10;
            let back = log.insert("INSERT", &[("id", &within.to_string())], "");
            rows::refusal(&mut log.raw, &back);
        }
    }
    assert_eq!(log.newest().id.0 - log.newest().seq, 1_000_000_000_000_000);
}

/// The keys that the database would give out can be used up without an INSERT.
#[test]
fn appending_does_not_need_the_databases_own_next_id() {
    let mut log = Log::new();
    let use_up = match log.raw.backend() {
        Backend::Sqlite => {
            "UPDATE sqlite_sequence SET seq = 9223372036854775807 WHERE name = 'audit_log'"
        }
        Backend::Postgres => {
            "SELECT setval(pg_get_serial_sequence('audit_log', 'id'), 9223372036854775807)"
        }
    };
    log.raw.batch_execute(use_up).expect(use_up);
    log.goes_on(use_up);
}

/// PostgreSQL cannot tell an id that its sequence gave out from one that was written there, and so moves
/// on what is too small, instead of refusing it.
#[test]
fn an_id_that_is_too_small_is_moved_on_by_a_server() {
    let mut log = Log::new();
    if log.raw.backend() == Backend::Sqlite {
        return;
    }
    for id in ["1", "0", "-1", "-9223372036854775808"] {
        let last = log.newest();
        let small = log.insert("INSERT", &[("id", id)], "");
        log.raw.batch_execute(&small).expect(&small);
        assert_eq!(log.newest().id.0, last.id.0 + 1, "{id}");
        log.goes_on(&small);
    }
}

#[cfg(feature = "postgres")]
#[test]
fn copy_is_looked_at_row_by_row() {
    use diesel::prelude::*;
    use zenith_db::schema::audit_log as a;

    let mut log = Log::new();
    let last = log.newest();
    let DbConnection::Postgres(connection) = &mut log.raw else { return };
    let columns = (
        a::seq,
        a::event_id,
        a::prev_hash,
        a::entry_hash,
        a::event_type,
        a::event_category,
        a::action,
    );
    let (one, two) = (Sha256Hash::of("one"), Sha256Hash::of("two"));
    let mut copy = |second: Sha256Hash| {
        let line = |seq, before, hash| {
            format!("{seq}\t{}\t{before}\t{hash}\tt\tc\ta\n", AuditEntryPublicId::new())
        };
        let lines = line(last.seq + 1, last.entry_hash, one) + &line(last.seq + 2, one, second);
        diesel::copy_from(a::table)
            .from_raw_data(columns, |out| {
                out.write_all(lines.as_bytes())
                    .map_err(|e| diesel::result::Error::QueryBuilderError(e.into()))
            })
            .execute(connection)
    };
    for wrong in [one, last.entry_hash, Sha256Hash::ZERO] {
        copy(wrong).expect_err("the second row");
    }
    assert_eq!(copy(two).expect("both follow"), 2);
    log.goes_on("COPY");
}

#[test]
fn a_former_entry_with_the_last_id_that_fits_is_left_out_and_the_log_goes_on() {
    let statement = "UPDATE audit_log SET id = 9223372036854775807 WHERE id = 9";
    let fixture = former_with(Shape::Plain, statement);
    let file = fixture.directory.path().join("quarantine.jsonl");
    let options = AdoptionOptions { quarantine: Some(file), ..AdoptionOptions::default() };
    let report = zenith_db_import::adopt(&fixture.manager(), &options).expect("an adoption");
    let [left_out] = report.rejected.as_slice() else { panic!("{:?}", report.rejected) };
    assert_eq!((left_out.table.as_str(), left_out.id), ("audit_log", i64::MAX));
    assert!(left_out.reason.contains("audit_log_id_range"), "{}", left_out.reason);
    let event = NewAuditEvent::builder()
        .event_type(EventType::new("t"))
        .event_category(EventCategory::new("c"))
        .action("a")
        .build();
    let entry = fixture.database().write(|conn| event.append(conn)).expect("the next entry");
    // The others have the ids that they had.
    assert_eq!((entry.id.0, entry.seq), (9, 3));
}
