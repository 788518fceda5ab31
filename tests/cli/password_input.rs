//! What standard input may be where it is a password.

use std::io::Write;
use std::process::{Output, Stdio};

use argon2::{Argon2, PasswordVerifier};

use crate::support::{Fixture, stderr};

const PASSWORD: &str = "correct horse battery";

fn create(fixture: &Fixture, input: &[u8]) -> Output {
    let mut command = fixture.zenith();
    command.args(["create", "--admin-password-stdin"]).stdin(Stdio::piped());
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    // A command that has read enough closes its end.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("it ends")
}

#[test]
fn a_byte_order_mark_and_one_line_end_are_not_part_of_the_password() {
    for (before, after) in [("\u{feff}", "\r\n"), ("\u{feff}", ""), ("", "\n"), ("", "\r\n")] {
        let fixture = Fixture::empty();
        let output = create(&fixture, format!("{before}{PASSWORD}{after}").as_bytes());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let hash = fixture.text("SELECT password_hash FROM users");
        let verified = Argon2::default().verify_password(PASSWORD.as_bytes(), hash.as_str());
        assert!(verified.is_ok(), "{before:?} {after:?}");
    }
}

#[test]
fn an_input_that_is_not_one_line_of_text_is_refused_with_exit_code_2() {
    let utf_16: Vec<u8> =
        "\u{feff}correct horse battery\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let long = vec![b'x'; 5000];
    for (input, said) in [
        (utf_16.as_slice(), "not a text in UTF-8"),
        (b"correct horse\0battery\n", "not a text in UTF-8"),
        (b"correct horse b\xe4ttery\n", "not a text in UTF-8"),
        (b"correct horse battery\n\n", "several lines"),
        (b"correct horse battery\nand more\n", "several lines"),
        (b"correct horse\rbattery\n", "several lines"),
        (&long, "more than 4096 bytes"),
        (b"\xef\xbb\xbf\r\n", "is empty"),
        (b"", "is empty"),
    ] {
        let fixture = Fixture::empty();
        let output = create(&fixture, input);
        assert_eq!(output.status.code(), Some(2), "{said}: {output:?}");
        assert!(stderr(&output).contains(said), "{said}: {output:?}");
        assert!(!stderr(&output).contains("correct horse"), "{output:?}");
        fixture.assert_nothing_was_created();
    }
}
