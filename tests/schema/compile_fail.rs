//! What must not compile does not, each for its own reason: see `tests/consumer/src/refused`.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

const REFUSED: [(&str, &str); 2] = [
    ("tests/consumer/src/refused/calls.rs", include_str!("../consumer/src/refused/calls.rs")),
    ("tests/consumer/src/refused/columns.rs", include_str!("../consumer/src/refused/columns.rs")),
];

/// A file, a line, and the error on it.
type Fault = (String, u64, String);

fn expected() -> BTreeSet<Fault> {
    let in_file = |(file, text): (&str, &str)| {
        let mark = |(line, text): (u64, &str)| {
            let code = text.split_once("//~ ")?.1;
            Some((file.to_owned(), line, code.trim().to_owned()))
        };
        (1..).zip(text.lines()).filter_map(mark).collect::<Vec<_>>()
    };
    REFUSED.into_iter().flat_map(in_file).collect()
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

/// The errors in the files of `refused`, their messages, and whatever else went wrong as it is.
fn found() -> (BTreeSet<Fault>, Vec<String>, Vec<String>) {
    let arguments = ["--bin", "refused", "--features", "refused", "--message-format", "json"];
    let (built, messages) = cargo(&arguments);
    assert!(!built, "everything in `refused` compiles");
    let (mut faults, mut texts, mut others) = (BTreeSet::new(), Vec::new(), Vec::new());
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).expect("JSON");
        let message = &message["message"];
        if message["level"] != "error" {
            continue;
        }
        let spans = message["spans"].as_array().cloned().unwrap_or_default();
        let place = spans.iter().find(|span| span["is_primary"] == true);
        match (place, message["code"]["code"].as_str()) {
            (Some(span), Some(code)) => {
                let file = span["file_name"].as_str().expect("a file").to_owned();
                let line = span["line_start"].as_u64().expect("a line");
                faults.insert((file, line, code.to_owned()));
                texts.push(message["message"].as_str().expect("a text").to_owned());
            }
            // The summary that ends every failed build has no place.
            (None, None) => {}
            _ => others.push(message["rendered"].to_string()),
        }
    }
    (faults, texts, others)
}

/// Fails unless the compiler says what `docs/queries.md` quotes, which leaves out the paths of types.
fn assert_documented(messages: &[String]) {
    const PATHS: [&str; 2] = ["zenith_db::types::", "zenith_db::schema::"];
    let short =
        |text: &String| PATHS.iter().fold(text.clone(), |text, path| text.replace(path, ""));
    let messages: Vec<String> = messages.iter().map(short).collect();
    let table =
        include_str!("../../docs/queries.md").split_once("| mistake | error |").expect("a table").1;
    let rows = table.lines().skip(2).map_while(|line| line.strip_prefix("| `")).map(|row| {
        row.strip_suffix(" |").and_then(|row| row.split_once("` | ")).expect("two columns")
    });
    let rows: Vec<(&str, &str)> = rows.collect();
    assert_eq!(rows.len(), 10);
    for (mistake, error) in rows {
        let mistake = mistake.replace("\\|", "|");
        let line = format!("{mistake}; //~");
        assert!(REFUSED.iter().any(|(_, text)| text.contains(&line)), "not refused: {mistake}");
        let error = error.strip_prefix('`').and_then(|e| e.strip_suffix('`')).unwrap_or(error);
        assert!(
            messages.iter().any(|message| message.contains(error)),
            "nobody says {error}: {messages:?}"
        );
    }
}

#[test]
fn the_application_compiles_and_what_it_must_not_do_does_not() {
    assert!(cargo(&["--bin", "zenith-consumer"]).0, "the application must compile");
    let expected = expected();
    assert_eq!(expected.len(), 113, "docs/queries.md has the number");
    let (faults, messages, others) = found();
    assert_eq!(others, Vec::<String>::new());
    assert_eq!(faults, expected);
    assert_documented(&messages);
}
