//! That a row's metadata says all that it said, and what has no column any more: read back out of what
//! was written, and compared with what was read.

use serde_json::Value;

use super::super::cell::Cell;
use super::super::json::{Entries, LEGACY, is_json};
use super::super::normalise::Layout;
use super::super::rules::Rule;
use super::super::value;

/// What is missing or other than it was, if anything is.
pub(super) fn fault(layout: &Layout, raw: &[Cell], new: &[Cell]) -> Option<String> {
    let place = layout.metadata?;
    let written = new.get(place).and_then(Cell::as_text).unwrap_or_default();
    let old = layout.source(place, raw);
    let own = value::text(old).ok().flatten();
    let own = own.as_ref().map_or("", |(text, _)| text.as_ref());
    let set_aside = set_aside(layout, raw, new);
    let object = Entries::of(own).filter(|_| is_json(own));
    if set_aside.is_empty() && object.is_some() {
        return (own != written).then(|| "its metadata is another".into());
    }
    let is_legacy = |name: &str| name == LEGACY;
    let Some(mut found) = Entries::of(written).filter(|_| is_json(written)) else {
        return Some("its metadata cannot be read".into());
    };
    let legacy = found.take(is_legacy);
    let mut legacy = match legacy.as_slice() {
        [] => Entries::default(),
        [(_, legacy)] => Entries::of(legacy.get()).unwrap_or_default(),
        _ => return Some("its metadata has two values for legacy".into()),
    };
    for (name, value) in &set_aside {
        let taken = legacy.take(|found| found == *name);
        let [(_, taken)] = taken.as_slice() else {
            return Some(format!("{name} is not kept once"));
        };
        if serde_json::from_str::<Value>(taken.get()).ok().as_ref() != Some(value) {
            return Some(format!("{name} is kept with another value"));
        }
    }
    // Only what the metadata itself was is left under `legacy`.
    let left: Vec<&str> = legacy.0.iter().map(|(_, value)| value.get()).collect();
    let (before, under) = match object {
        Some(mut before) => {
            let under = before.take(is_legacy);
            (before, under.into_iter().map(|(_, value)| value.get().to_owned()).collect())
        }
        None if old.is_null() || (own.is_empty() && value::text(old).is_ok()) => {
            (Entries::default(), Vec::new())
        }
        None if value::text(old).is_err() => (Entries::default(), vec![old.to_json().to_string()]),
        None => (Entries::default(), vec![own.to_owned()]),
    };
    let same = |(found, before): (&&str, &String)| {
        before.trim() == *found
            || serde_json::from_str(found).is_ok_and(|text: String| text == *before)
    };
    let kept = left.len() == under.len() && left.iter().zip(&under).all(same);
    let equal = before.texts().eq(found.texts());
    (!kept || !equal).then(|| "its metadata does not say all that it said".into())
}

/// The values that have no column, or were taken out of theirs, and where there is a `metadata` belong
/// into it.
fn set_aside<'a>(layout: &'a Layout, raw: &[Cell], new: &[Cell]) -> Vec<(&'a str, Value)> {
    let filled = |cell: &Cell| !cell.is_null();
    let unknown = layout.unknown.iter().filter_map(|(name, place)| {
        let cell = raw.get(*place).filter(|cell| filled(cell))?;
        (!layout.table.withholds(name)).then(|| (name.as_str(), cell.to_json()))
    });
    let columns = layout.table.columns.iter().zip(new).enumerate();
    let gone = columns.filter_map(|(place, (column, new))| {
        let refers = matches!(column.rule, Rule::Reference(_) | Rule::ParentMessage);
        let old = layout.source(place, raw);
        let blank =
            value::text(old).is_ok_and(|text| text.is_none_or(|(t, _)| t.trim().is_empty()));
        (refers && new.is_null() && !blank).then(|| (column.name, old.to_json()))
    });
    unknown.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tables::TABLES;
    use super::*;

    #[test]
    fn what_is_not_kept_is_found() {
        let table = TABLES.iter().find(|table| table.name == "documents").unwrap();
        let layout = Layout::new(table, &["metadata", "legacy"].map(str::to_owned));
        let fault = |old: &str, written: &str| {
            let raw = [Cell::Text(old.into()), Cell::Text("PRECIOUS".into())];
            let mut new = vec![Cell::Integer(1); table.columns.len()];
            *new.get_mut(layout.metadata.unwrap()).unwrap() = Cell::Text(written.into());
            fault(&layout, &raw, &new)
        };
        let kept = r#"{"a":1.10,"a":2,"legacy":{"legacy":"PRECIOUS","legacy_legacy":{"old":1}}}"#;
        let old = r#"{"a": 1.10, "legacy": {"old":1}, "a": 2}"#;
        assert_eq!(fault(old, kept), None);
        for lost in [
            r#"{"a":1.10,"a":2,"legacy":{"legacy":{"old":1}}}"#,
            r#"{"a":1.10,"a":2,"legacy":{"legacy":"PRECIOUS"}}"#,
            r#"{"a":1.1,"a":2,"legacy":{"legacy":"PRECIOUS","legacy_legacy":{"old":1}}}"#,
            r#"{"a":2,"legacy":{"legacy":"PRECIOUS","legacy_legacy":{"old":1}}}"#,
            r#"{"a":2,"a":1.10,"legacy":{"legacy":"PRECIOUS","legacy_legacy":{"old":1}}}"#,
            old,
            "",
        ] {
            assert!(fault(old, lost).is_some(), "{lost}");
        }
        let whole = r#"{"legacy":{"legacy":"PRECIOUS","metadata":"no {json"}}"#;
        assert_eq!(fault("no {json", whole), None);
        assert!(fault("no {json}", whole).is_some());
    }
}
