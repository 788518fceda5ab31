//! The pages of the audit log: every filter alone and with others, against the same filter in plain
//! Rust.

use zenith_db::Result;
use zenith_db::prelude::*;

use crate::support::models::Models;

const KINDS: [&str; 3] = ["login", "logout", "read"];
const CATEGORIES: [&str; 2] = ["authentication", "documents"];
const RESOURCES: [Option<&str>; 3] = [None, Some("document"), Some("user")];
const KEYS: [Option<&str>; 2] = [None, Some("1")];
const SEVERITIES: [Severity; 2] = [Severity::Info, Severity::Error];

/// A time, so many seconds after a fixed one.
fn at(seconds: u32) -> UtcTime {
    let start: UtcTime = "2026-01-01 00:00:00.000000".parse().expect("a time");
    start.plus_seconds(seconds)
}

fn event() -> NewAuditEvent<'static> {
    NewAuditEvent::builder()
        .event_type(EventType::new("t"))
        .event_category(EventCategory::new("c"))
        .action("a")
        .build()
}

/// 72 entries, in which every value of one column meets those of the others. Their times do not
/// follow the order in which they are appended, and some are equal.
fn filled() -> (Models, Vec<AuditEntry>) {
    let models = Models::new();
    let users = [None, Some(models.ann()), Some(models.user("admin"))];
    let mut entries = models.run(|conn| {
        let number = 0_usize..72;
        let append = |n: usize| {
            let new = NewAuditEvent {
                user_id: users[n % 3],
                event_type: EventType::undeclared(KINDS[(n / 3) % 3]),
                event_category: EventCategory::undeclared(CATEGORIES[n % 2]),
                resource_type: RESOURCES[(n / 2) % 3],
                resource_id: KEYS[(n / 4) % 2],
                severity: SEVERITIES[(n / 9) % 2],
                timestamp: at(u32::try_from(n * 7 % 20).expect("a small number")),
                ..event()
            };
            new.append(conn)
        };
        number.map(append).collect::<Result<Vec<_>>>()
    });
    entries.reverse();
    (models, entries)
}

fn lets_through(filter: &AuditFilter<'_>, entry: &AuditEntry) -> bool {
    fn is<T: PartialEq + Copy>(wanted: Option<T>, found: Option<T>) -> bool {
        wanted.is_none() || wanted == found
    }
    is(filter.user_id.map(Some), Some(entry.user_id))
        && is(filter.event_type, Some(EventType::undeclared(&entry.event_type)))
        && is(filter.event_category, Some(EventCategory::undeclared(&entry.event_category)))
        && is(filter.resource_type, entry.resource_type.as_deref())
        && is(filter.resource_id, entry.resource_id.as_deref())
        && is(filter.severity, Some(entry.severity))
        && filter.from.is_none_or(|from| from <= entry.timestamp)
        && filter.until.is_none_or(|until| entry.timestamp < until)
}

/// The entries that the filter lets through, read page by page; each page but the last is full.
fn read(models: &Models, filter: AuditFilter<'_>, size: u32) -> Vec<AuditEntry> {
    let (mut entries, mut before) = (Vec::new(), None);
    loop {
        let page = models.run(|conn| AuditEntry::page(conn, filter, before, PageSize::of(size)));
        let full = page.rows.len() == usize::try_from(size).expect("a small number");
        assert!(full || page.next.is_none(), "{filter:?}");
        let last = page.rows.last().map(Cursor::after);
        assert!(page.next.is_none() || page.next == last, "{filter:?}");
        entries.extend(page.rows);
        before = page.next;
        if before.is_none() {
            return entries;
        }
    }
}

/// Tries every combination of these filters, each there or not, with pages that end within and at
/// the end of what is found.
fn try_every_combination(models: &Models, entries: &[AuditEntry], full: AuditFilter<'_>) {
    let (mut some, mut all) = (0, 0);
    for bits in 0_u32..256 {
        let on = |bit: u32| bits & (1 << bit) != 0;
        let filter = AuditFilter {
            user_id: full.user_id.filter(|_| on(0)),
            event_type: full.event_type.filter(|_| on(1)),
            event_category: full.event_category.filter(|_| on(2)),
            resource_type: full.resource_type.filter(|_| on(3)),
            resource_id: full.resource_id.filter(|_| on(4)),
            severity: full.severity.filter(|_| on(5)),
            from: full.from.filter(|_| on(6)),
            until: full.until.filter(|_| on(7)),
        };
        let expected: Vec<_> =
            entries.iter().filter(|entry| lets_through(&filter, entry)).cloned().collect();
        for size in [5, 500] {
            assert_eq!(read(models, filter, size), expected, "{filter:?} by {size}");
        }
        all += 1;
        some += u32::from(!expected.is_empty() && expected.len() < entries.len());
    }
    assert!(some > all / 2, "{some} of {all} filters let some entries through, but not all");
}

fn without_time(models: &Models) -> AuditFilter<'static> {
    AuditFilter {
        user_id: Some(models.ann()),
        event_type: Some(EventType::LOGIN),
        event_category: Some(EventCategory::new("documents")),
        resource_type: Some("document"),
        resource_id: Some("1"),
        severity: Some(Severity::Info),
        from: None,
        until: None,
    }
}

#[test]
fn every_combination_of_filters_lets_through_what_it_says() {
    let (models, entries) = filled();
    try_every_combination(&models, &entries, without_time(&models));
}

#[test]
fn every_combination_of_filters_works_within_a_time() {
    let (models, entries) = filled();
    let (from, until) = (Some(at(3)), Some(at(17)));
    try_every_combination(&models, &entries, AuditFilter { from, until, ..without_time(&models) });
}

#[test]
fn the_newest_entry_comes_first_and_no_page_repeats_or_skips_one() {
    let (models, entries) = filled();
    for size in [1, 7, 71, 72, 73] {
        assert_eq!(read(&models, AuditFilter::default(), size), entries, "{size}");
    }
    // What is appended meanwhile is newer than the page, and does not shift it.
    let all = AuditFilter::default();
    let first = models.run(|conn| AuditEntry::page(conn, all, None, PageSize::of(30)));
    models.run(|conn| event().append(conn));
    let second = models.run(|conn| AuditEntry::page(conn, all, first.next, PageSize::of(30)));
    assert_eq!([first.rows, second.rows].concat(), entries[..60]);
}

#[test]
fn a_time_begins_with_its_first_instant_and_ends_before_its_last() {
    let models = Models::new();
    let times = ["10:00:00.000000", "10:00:00.000001", "10:59:59.999999", "11:00:00.000000"]
        .map(|time| format!("2026-01-01 {time}").parse::<UtcTime>().expect("a time"));
    for timestamp in times {
        models.run(|conn| NewAuditEvent { timestamp, ..event() }.append(conn));
    }
    let found = |from, until| {
        let filter = AuditFilter { from, until, ..AuditFilter::default() };
        read(&models, filter, 50).iter().map(|entry| entry.seq).collect::<Vec<i64>>()
    };
    let [first, second, third, last] = times.map(Some);
    assert_eq!(found(first, last), [3, 2, 1]);
    assert_eq!(found(second, third), [2]);
    assert_eq!(found(second, None), [4, 3, 2]);
    assert_eq!(found(None, second), [1]);
    assert_eq!(found(last, None), [4]);
    assert_eq!(found(None, first), [0; 0]);
    assert_eq!(found(second, second), [0; 0]);
    assert_eq!(found(last, first), [0; 0]);
    assert_eq!(found(Some(UtcTime::MIN), Some(UtcTime::MAX)), [4, 3, 2, 1]);
}

#[test]
fn an_empty_log_and_a_filter_that_nothing_passes_have_no_entries() {
    let models = Models::new();
    assert_eq!(read(&models, AuditFilter::default(), 50), []);
    models.run(|conn| event().append(conn));
    let nothing = [
        AuditFilter { user_id: Some(UserId(4711)), ..AuditFilter::default() },
        AuditFilter { event_type: Some(EventType::undeclared("")), ..AuditFilter::default() },
        AuditFilter { event_type: Some(EventType::new("T")), ..AuditFilter::default() },
        AuditFilter { resource_id: Some("%"), ..AuditFilter::default() },
        AuditFilter { severity: Some(Severity::Debug), ..AuditFilter::default() },
    ];
    for filter in nothing {
        assert_eq!(read(&models, filter, 50), [], "{filter:?}");
    }
    for (before, expected) in [(2, 1), (1, 0), (i64::MIN, 0), (i64::MAX, 1)] {
        let before = Some(format!("audit_log.{before}").parse().expect("a cursor"));
        let all = AuditFilter::default();
        let page = models.run(|conn| AuditEntry::page(conn, all, before, PageSize::of(50)));
        assert_eq!((page.rows.len(), page.next), (expected, None), "{before:?}");
    }
}
