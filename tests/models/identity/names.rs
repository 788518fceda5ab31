//! Usernames and email addresses: what is one, in which form, and that the database agrees.

use proptest::prelude::*;
use zenith_db::prelude::*;
use zenith_db::schema::users;
use zenith_db::types::{NotEmailAddress, NotUsername};

use crate::support::Fixture;
use crate::support::models::Models;

fn username(text: &str) -> Result<String, NotUsername> {
    Username::try_from(text).map(String::from)
}

fn address(text: &str) -> Result<String, NotEmailAddress> {
    EmailAddress::try_from(text).map(String::from)
}

#[test]
fn a_username_is_composed_trimmed_and_in_lower_case() {
    for (typed, name) in [
        ("Bob", "bob"),
        (" bob\t", "bob"),
        ("\u{a0}Änne\u{3000}", "änne"),
        ("jose\u{301}", "jos\u{e9}"),
        ("ann smith", "ann smith"),
    ] {
        assert_eq!(username(typed), Ok(name.to_owned()), "{typed:?}");
    }
    let (long, longest) = ("ö".repeat(51), "ö".repeat(50));
    assert_eq!(username(&longest).as_ref(), Ok(&longest));
    for text in ["", " ", "\n", &long] {
        assert_eq!(username(text), Err(NotUsername::Length), "{text:?}");
    }
    for found in ['\0', '\u{1b}', '\u{ad}', '\u{200b}', '\u{202e}', '\u{feff}'] {
        let text = format!("b{found}ob");
        assert_eq!(username(&text), Err(NotUsername::Invisible(found)), "{text:?}");
    }
}

#[test]
fn an_address_is_composed_trimmed_and_in_lower_case() {
    for (typed, name) in [
        ("Ann@Example.ORG", "ann@example.org"),
        ("\tann@example.org\n", "ann@example.org"),
        ("jose\u{301}@example.org", "jos\u{e9}@example.org"),
        ("\"a@b\"@example.org", "\"a@b\"@example.org"),
        ("a@b", "a@b"),
    ] {
        assert_eq!(address(typed), Ok(name.to_owned()), "{typed:?}");
    }
    let (long, longest) = (format!("{}@x", "ö".repeat(99)), format!("{}@x", "ö".repeat(98)));
    assert_eq!(address(&longest).as_ref(), Ok(&longest));
    for (text, fault) in [
        ("", NotEmailAddress::Length),
        (long.as_str(), NotEmailAddress::Length),
        ("b\0b@example.org", NotEmailAddress::Invisible('\0')),
        ("b\u{feff}ob@example.org", NotEmailAddress::Invisible('\u{feff}')),
        ("Ann <ann@example.org>", NotEmailAddress::WhiteSpace),
        ("ann@exam\u{2003}ple.org", NotEmailAddress::WhiteSpace),
        ("bob", NotEmailAddress::At),
        ("@", NotEmailAddress::At),
        ("@example.org", NotEmailAddress::At),
        ("bob@", NotEmailAddress::At),
    ] {
        assert_eq!(address(text), Err(fault), "{text:?}");
    }
}

#[test]
fn an_error_says_what_is_wrong() {
    assert_eq!(NotUsername::Length.to_string(), "a username has 1 to 50 characters");
    let expected = "an email address has no control or invisible characters, such as U+200B";
    assert_eq!(NotEmailAddress::Invisible('\u{200b}').to_string(), expected);
}

#[test]
fn what_is_no_name_is_a_violation_with_the_reason_as_its_source() {
    let models = Models::new();
    let parse = |text: &'static str| move |_: &mut Writer<'_>| Ok(text.parse::<Username>()?);
    models.violates(Rule::Length, users::username, parse(""));
    models.violates(Rule::Invisible, users::username, parse("b\u{200b}ob"));
    let parse = |text: &'static str| move |_: &mut Writer<'_>| Ok(text.parse::<EmailAddress>()?);
    models.violates(Rule::Length, users::email, parse(""));
    models.violates(Rule::Invisible, users::email, parse("b\u{200b}ob@example.org"));
    models.violates(Rule::Canonical, users::email, parse("b ob@example.org"));
    models.violates(Rule::Canonical, users::email, parse("bob"));
    let error = anyhow::Error::from(models.fails(parse("bob")));
    let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
    assert!(chain.contains(&NotEmailAddress::At.to_string()), "{chain:?}");
}

#[test]
fn a_name_is_checked_when_it_is_deserialised() {
    let name: Username = serde_json::from_str(r#"" Bob""#).expect("a name");
    assert_eq!(serde_json::to_string(&name).expect("JSON"), r#""bob""#);
    let fault = serde_json::from_str::<EmailAddress>(r#""bob""#).expect_err("no address");
    assert!(fault.to_string().starts_with(&NotEmailAddress::At.to_string()), "{fault}");
    assert!(serde_json::from_str::<Username>(r#""b\u0000b""#).is_err());
}

#[test]
fn a_name_compares_with_the_column_that_holds_it() {
    use diesel::prelude::*;
    let models = Models::new();
    let (name, address): (Username, EmailAddress) =
        ("Ann".parse().expect("a name"), "Ann@example.org".parse().expect("an address"));
    let found: Vec<UserId> = models.run(|conn| {
        let named = users::username.eq(&name).and(users::email.eq(&address));
        let ids = users::table.filter(named).filter(users::username.eq("ann")).select(users::id);
        Ok(zenith_db::dispatch!(conn, |conn| ids.load(conn))?)
    });
    assert_eq!(found, [models.ann()]);
}

/// Whether the database takes these for a user, past the types of this crate.
fn stores((fixture, database): (&Fixture, &Database), username: &str, email: &str) -> bool {
    use diesel::prelude::*;
    use diesel::sql_types::Text;
    let insert = fixture.either(
        "UPDATE users SET username = ?, email = ? WHERE username = 'admin'",
        "UPDATE users SET username = $1, email = $2 WHERE username = 'admin'",
    );
    let stored = database.write(|conn| {
        let update = diesel::sql_query(insert);
        let update = update.bind::<Text, _>(username.to_owned());
        let update = update.bind::<Text, _>(email.to_owned());
        zenith_db::dispatch!(&mut *conn, |conn| update.execute(conn))?;
        // So that the next attempt finds the row.
        let restored = diesel::sql_query("UPDATE users SET username = 'admin'");
        Ok(zenith_db::dispatch!(conn, |conn| restored.execute(conn))?)
    });
    stored.is_ok()
}

#[test]
fn the_database_takes_what_is_parsed_and_refuses_what_is_too_long_or_no_address() {
    let fixture = Fixture::created();
    let database = fixture.database();
    let both = (&fixture, &database);
    let (long, longest) = ("ö".repeat(51), "ö".repeat(50));
    for text in ["", "bob", "ann smith", "a\0b", "jos\u{e9}", "Bob", " bob", &long, &longest] {
        // What is changed by parsing is not canonical.
        let parsed = username(text).is_ok_and(|name| name == text);
        assert_eq!(stores(both, text, "x@example.org"), parsed, "{text:?}");
    }
    let (long, longest) = (format!("{}@x", "ö".repeat(99)), format!("{}@x", "ö".repeat(98)));
    for text in [
        "", "@", "a@", "@a", "a@b", "@@", "@@a", "a@@", "@a@", "a@b@", "@a@b", "bob", "A@b",
        "a@b ", "a\0@b", &long, &longest,
    ] {
        let parsed = address(text).is_ok_and(|address| address == text);
        assert_eq!(stores(both, "x", text), parsed, "{text:?}");
    }
}

proptest! {
    #[test]
    fn parsing_again_changes_nothing(text in "\\PC{0,60}|[ \\tA-Zß-üİΣς\u{301}\u{345}@]{0,60}") {
        if let Ok(name) = username(&text) {
            prop_assert_eq!(username(&name), Ok(name));
        }
        if let Ok(name) = address(&text) {
            prop_assert_eq!(address(&name), Ok(name));
        }
    }
}
