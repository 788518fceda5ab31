//! What must not compile does not, each for its own reason: see `tests/consumer/src/refused.rs`.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

const REFUSED: &str = include_str!("../consumer/src/refused.rs");

/// A line and the error on it.
type Fault = (u64, String);

fn expected() -> BTreeSet<Fault> {
    let mark = |(line, text): (u64, &str)| {
        text.split_once("//~ ").map(|(_, code)| (line, code.trim().to_owned()))
    };
    // The first lines explain the mark.
    (1..)
        .zip(REFUSED.lines())
        .filter(|(_, text)| !text.starts_with("//!"))
        .filter_map(mark)
        .collect()
}

fn cargo(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--package", "zenith-consumer"])
        .args(arguments)
        .current_dir(crate::support::repository())
        .output()
        .expect("cargo starts");
    (output.status.success(), String::from_utf8(output.stdout).expect("UTF-8"))
}

/// The errors in `refused.rs`, and whatever else went wrong as it is.
fn found() -> (BTreeSet<Fault>, Vec<String>) {
    let arguments = ["--bin", "refused", "--features", "refused", "--message-format", "json"];
    let (built, messages) = cargo(&arguments);
    assert!(!built, "everything in refused.rs compiles");
    let (mut faults, mut others) = (BTreeSet::new(), Vec::new());
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).expect("JSON");
        let message = &message["message"];
        if message["level"] != "error" {
            continue;
        }
        let spans = message["spans"].as_array().cloned().unwrap_or_default();
        let place = spans.iter().find(|span| span["is_primary"] == true);
        match (place, message["code"]["code"].as_str()) {
            (Some(span), Some(code)) if span["file_name"] == "tests/consumer/src/refused.rs" => {
                faults.insert((span["line_start"].as_u64().expect("a line"), code.to_owned()));
            }
            // The summary that ends every failed build has no place.
            (None, None) => {}
            _ => others.push(message["rendered"].to_string()),
        }
    }
    (faults, others)
}

#[test]
fn the_application_compiles_and_what_it_must_not_do_does_not() {
    assert!(cargo(&["--bin", "zenith-consumer"]).0, "the application must compile");
    let expected = expected();
    assert!(expected.len() >= 25, "{} cases", expected.len());
    let (faults, others) = found();
    assert_eq!(others, Vec::<String>::new());
    assert_eq!(faults, expected);
}
