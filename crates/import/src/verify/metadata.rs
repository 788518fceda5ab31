//! Comparison of a row's old metadata with the new one, which also holds the values of unknown columns.

use serde_json::Value;

use crate::cell::Cell;
use crate::column_map::ColumnMap;
use crate::conversion::{Entries, LEGACY, is_json, text};
use crate::rules::ColumnRule;

/// Returns the first value that is missing or different, if any.
pub(super) fn fault(map: &ColumnMap, raw: &[Cell], new: &[Cell]) -> Option<String> {
    let index = map.metadata?;
    let written = new.get(index).and_then(Cell::as_text).unwrap_or_default();
    let old = map.source(index, raw);
    let own = text(old).ok().flatten();
    let own = own.as_ref().map_or("", |(text, _)| text.as_ref());
    let moved = moved_values(map, raw, new);
    let object = Entries::of(own).filter(|_| is_json(own));
    if moved.is_empty() && object.is_some() {
        return (own != written).then(|| "its metadata differs".into());
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
    for (name, value) in &moved {
        let taken = legacy.take(|found| found == *name);
        let [(_, taken)] = taken.as_slice() else {
            return Some(format!("{name} is not in its metadata exactly once"));
        };
        if serde_json::from_str::<Value>(taken.get()).ok().as_ref() != Some(value) {
            return Some(format!("{name} has another value in its metadata"));
        }
    }
    // All that remains under `legacy` came from the metadata itself.
    let remaining: Vec<&str> = legacy.0.iter().map(|(_, value)| value.get()).collect();
    let (before, under) = match object {
        Some(mut before) => {
            let under = before.take(is_legacy);
            (before, under.into_iter().map(|(_, value)| value.get().to_owned()).collect())
        }
        None if old.is_null() || (own.is_empty() && text(old).is_ok()) => {
            (Entries::default(), Vec::new())
        }
        None if text(old).is_err() => (Entries::default(), vec![old.to_json().to_string()]),
        None => (Entries::default(), vec![own.to_owned()]),
    };
    let same = |(found, before): (&&str, &String)| {
        before.trim() == *found
            || serde_json::from_str(found).is_ok_and(|text: String| text == *before)
    };
    let kept = remaining.len() == under.len() && remaining.iter().zip(&under).all(same);
    let equal = before.texts().eq(found.texts());
    (!kept || !equal).then(|| "its metadata has not kept all entries".into())
}

/// Returns the values that must have moved to the metadata: those of unknown columns, and references
/// that were set to NULL.
fn moved_values<'a>(map: &'a ColumnMap, raw: &[Cell], new: &[Cell]) -> Vec<(&'a str, Value)> {
    let unknown = map.unknown.iter().filter_map(|(name, position)| {
        let cell = raw.get(*position).filter(|cell| !cell.is_null())?;
        (!map.table.withholds(name)).then(|| (name.as_str(), cell.to_json()))
    });
    let columns = map.table.columns.iter().zip(new).enumerate();
    let dangling = columns.filter_map(|(index, (column, new))| {
        let refers = matches!(column.rule, ColumnRule::Reference(_) | ColumnRule::ParentMessage);
        let old = map.source(index, raw);
        let blank = text(old).is_ok_and(|text| text.is_none_or(|(t, _)| t.trim().is_empty()));
        (refers && new.is_null() && !blank).then(|| (column.name, old.to_json()))
    });
    unknown.chain(dangling).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::TABLES;

    #[test]
    fn a_value_that_is_not_kept_is_found() {
        let table = TABLES.iter().find(|table| table.name == "documents").unwrap();
        let map = ColumnMap::new(table, &["metadata", "legacy"].map(str::to_owned));
        let fault = |old: &str, written: &str| {
            let raw = [Cell::Text(old.into()), Cell::Text("PRECIOUS".into())];
            let mut new = vec![Cell::Integer(1); table.columns.len()];
            *new.get_mut(map.metadata.unwrap()).unwrap() = Cell::Text(written.into());
            fault(&map, &raw, &new)
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
