//! Usernames and email addresses in the one form in which they are stored and looked up.

use std::fmt;
use std::str::FromStr;

use diesel::backend::Backend;
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

macro_rules! account_names {
    ($($(#[$doc:meta])* $name:ident checked by $check:ident or $fault:ident,)+) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, AsExpression,
        )]
        #[diesel(sql_type = Text)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the text in its canonical form.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = $fault;

            fn from_str(text: &str) -> Result<Self, $fault> {
                let canonical = canonical(text);
                $check(&canonical).map(|()| Self(canonical))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $fault;

            fn try_from(text: &str) -> Result<Self, $fault> {
                text.parse()
            }
        }

        impl TryFrom<String> for $name {
            type Error = $fault;

            fn try_from(text: String) -> Result<Self, $fault> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl<DB: Backend> ToSql<Text, DB> for $name
        where
            str: ToSql<Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.0.as_str().to_sql(out)
            }
        }
    )+};
}

account_names! {
    /// Name with which a user signs in: composed (Unicode NFC), trimmed, in lower case, 1 to 50 characters, without
    /// control and invisible characters.
    ///
    /// A text becomes one by [`FromStr`], `TryFrom` or deserialisation, which compose, trim and lower it.
    ///
    /// ```
    /// use zenith_db::types::{NotUsername, Username};
    ///
    /// let name: Username = " Jose\u{301}".parse()?;
    /// assert_eq!(name.as_str(), "jos\u{e9}");
    /// assert_eq!("".parse::<Username>(), Err(NotUsername::Length));
    /// # Ok::<_, NotUsername>(())
    /// ```
    Username checked by check_username or NotUsername,
    /// Email address of a user: composed (Unicode NFC), trimmed, in lower case, up to 100 characters, without white
    /// space, control and invisible characters, and with an `@` between two other characters. Whether mail reaches it,
    /// only a mail can tell.
    ///
    /// A text becomes one by [`FromStr`], `TryFrom` or deserialisation, which compose, trim and lower it.
    ///
    /// ```
    /// use zenith_db::types::{EmailAddress, NotEmailAddress};
    ///
    /// let address: EmailAddress = "Ann@Example.org".parse()?;
    /// assert_eq!(address.as_str(), "ann@example.org");
    /// assert_eq!("ann".parse::<EmailAddress>(), Err(NotEmailAddress::At));
    /// # Ok::<_, NotEmailAddress>(())
    /// ```
    EmailAddress checked by check_address or NotEmailAddress,
}

/// Why a text is not a [`Username`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotUsername {
    /// The text is empty or too long.
    #[error("a username has 1 to 50 characters")]
    Length,
    /// The text contains this control or invisible character, with which it could look like another name.
    #[error("a username has no control or invisible characters, such as U+{:04X}", u32::from(*.0))]
    Invisible(char),
}

/// Why a text is not an [`EmailAddress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotEmailAddress {
    /// The text is empty or too long.
    #[error("an email address has 1 to 100 characters")]
    Length,
    /// The text contains this control or invisible character, with which it could look like another address.
    #[error("an email address has no control or invisible characters, such as U+{:04X}", u32::from(*.0))]
    Invisible(char),
    /// The text contains white space.
    #[error("an email address has no white space")]
    WhiteSpace,
    /// The text has no `@`, or nothing before or after it.
    #[error("an email address is NAME@HOST")]
    At,
}

fn check_username(name: &str) -> Result<(), NotUsername> {
    if !(1..=50).contains(&name.chars().count()) {
        return Err(NotUsername::Length);
    }
    invisible_in(name).map_or(Ok(()), |found| Err(NotUsername::Invisible(found)))
}

fn check_address(address: &str) -> Result<(), NotEmailAddress> {
    if !(1..=100).contains(&address.chars().count()) {
        return Err(NotEmailAddress::Length);
    }
    if let Some(found) = invisible_in(address) {
        return Err(NotEmailAddress::Invisible(found));
    }
    if address.contains(char::is_whitespace) {
        return Err(NotEmailAddress::WhiteSpace);
    }
    // As the database has it: LIKE '_%@_%'. There may be another in a quoted name.
    let is_between = |(at, _): (usize, &str)| at > 0 && at + 1 < address.len();
    if address.match_indices('@').any(is_between) { Ok(()) } else { Err(NotEmailAddress::At) }
}

/// Returns the canonical form of a username or email address, in which it is stored and looked up:
/// composed (Unicode NFC), trimmed, in lower case.
#[must_use]
pub fn canonical(text: &str) -> String {
    let composed: String = text.nfc().collect();
    composed.trim().to_lowercase().nfc().collect()
}

/// Returns the first control or invisible character. With one, two names look the same and are not.
#[must_use]
pub fn invisible_in(text: &str) -> Option<char> {
    text.chars().find(|found| {
        found.is_control() || INVISIBLE.iter().any(|(first, last)| (first..=last).contains(&found))
    })
}

/// Characters without a shape of their own: Unicode's `Default_Ignorable_Code_Point`, the separators of
/// lines and paragraphs, and the marks of interlinear annotations.
const INVISIBLE: &[(char, char)] = &[
    ('\u{AD}', '\u{AD}'),
    ('\u{34F}', '\u{34F}'),
    ('\u{61C}', '\u{61C}'),
    ('\u{115F}', '\u{1160}'),
    ('\u{17B4}', '\u{17B5}'),
    ('\u{180B}', '\u{180F}'),
    ('\u{200B}', '\u{200F}'),
    ('\u{2028}', '\u{202E}'),
    ('\u{2060}', '\u{206F}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{FE00}', '\u{FE0F}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFA0}', '\u{FFA0}'),
    ('\u{FFF0}', '\u{FFFB}'),
    ('\u{1BCA0}', '\u{1BCA3}'),
    ('\u{1D173}', '\u{1D17A}'),
    ('\u{E0000}', '\u{E0FFF}'),
];
