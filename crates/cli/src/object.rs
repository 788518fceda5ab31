//! The one JSON object on standard output. It can be begun before the result is known, so that a
//! password is delivered before its commit.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::escape::escaped_json;
use super::program::named;

/// Keys of the objects that contain a member, outermost first.
pub(super) type Path = &'static [&'static str];

#[derive(Debug)]
enum State {
    Unwritten,
    /// The object at this path is open, and has these members.
    Begun(Path, Vec<&'static str>),
    Written,
}

static STATE: Mutex<State> = Mutex::new(State::Unwritten);

/// Writes the object, or what is missing of one that was begun.
pub(super) fn write(value: &Value) -> io::Result<()> {
    finish(&mut STATE.lock().unwrap_or_else(PoisonError::into_inner), value)
}

/// Writes the object, or completes it, unless it has been written. Gives up if the thread that writes it
/// cannot get on.
pub(super) fn write_last(value: &Value) {
    let Some(mut state) = state_soon() else { return };
    // If this cannot be written, there is nowhere to report it.
    drop(finish(&mut state, value));
}

fn state_soon() -> Option<MutexGuard<'static, State>> {
    for _ in 0..50 {
        match STATE.try_lock() {
            Ok(state) => return Some(state),
            Err(TryLockError::Poisoned(state)) => return Some(state.into_inner()),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
        }
    }
    None
}

/// Begins the object with the first members of the object at `path`.
pub(super) fn begin(path: Path, members: &[(&'static str, &str)]) -> io::Result<()> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let opened: Vec<_> = path.iter().map(|key| format!("{}:{{", json!(key))).collect();
    let written: Vec<_> =
        members.iter().map(|(key, value)| format!("{}:{}", json!(key), json!(value))).collect();
    let text = format!("{{{}{}\n", opened.concat(), written.join(","));
    // Nothing can be done about a part of it that may have been written.
    *state = State::Begun(path, members.iter().map(|(key, _)| *key).collect());
    io::stdout().write_all(escaped_json(&named(&text)).as_bytes())
}

fn finish(state: &mut State, value: &Value) -> io::Result<()> {
    let text = match std::mem::replace(state, State::Written) {
        State::Unwritten => serde_json::to_string_pretty(value)?,
        State::Begun(path, written) => rest(Some(value), path, &written),
        State::Written => return Ok(()),
    };
    writeln!(io::stdout(), "{}", escaped_json(&named(&text)))
}

/// Returns the members that an object lacks, from the innermost open object outwards, and closes it.
fn rest(value: Option<&Value>, path: &[&'static str], written: &[&'static str]) -> String {
    let (inner, written) = match path.split_first() {
        None => (String::new(), written),
        Some((first, inner)) => {
            let value = value.and_then(|value| value.get(first));
            (rest(value, inner, written), std::slice::from_ref(first))
        }
    };
    let members = value.and_then(Value::as_object).into_iter().flatten();
    let lacking = members.filter(|(key, _)| !written.contains(&key.as_str()));
    let lacking: Vec<_> =
        lacking.map(|(key, member)| format!(",{}:{member}", json!(key))).collect();
    format!("{inner}{}}}", lacking.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_was_begun_is_completed_by_the_result_or_by_an_error() {
        let path = ["details", "administrator"].as_slice();
        let begun = r#"{"details":{"administrator":{"username":"a""#;
        let result = json!({
            "details": { "administrator": { "username": "a", "outcome": "created" }, "health": [1] },
            "status": "created",
        });
        let error = json!({ "error": "no", "exit_code": 1 });
        let complete = |value: &Value| -> Value {
            let text = format!("{begun}{}", rest(Some(value), path, &["username"]));
            serde_json::from_str(&text).expect("JSON")
        };
        assert_eq!(complete(&result), result);
        let failed = json!({
            "details": { "administrator": { "username": "a" } }, "error": "no", "exit_code": 1,
        });
        assert_eq!(complete(&error), failed);
    }
}
