//! Hashes of passwords: made by hashing, or checked where they come from elsewhere.

use std::str::FromStr;

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};

use super::PasswordAlgorithm;
use super::secret::secrets;

secrets! {
    /// Hash of a password: of Argon2id as a PHC string, such as `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`, or of
    /// bcrypt, such as `$2b$12$` and 53 characters. It has up to 255 characters.
    ///
    /// [`PasswordHash::hash`] makes one, and a text becomes one by [`FromStr`] or `TryFrom<String>`, which check its form;
    /// it may still be one that [`PasswordHash::verify`] does not support, such as of fewer passes than Argon2 allows.
    /// One that is read from the database is not checked: a hash that another program wrote does not prevent that
    /// its row is read. [`PasswordHash::verify`] says that it cannot be verified.
    ///
    /// ```
    /// use zenith_db::secrecy::SecretString;
    /// use zenith_db::types::{NotPasswordHash, NotVerified, PasswordAlgorithm, PasswordHash};
    ///
    /// let password = SecretString::from("correct horse battery staple");
    /// let hash = PasswordHash::hash(&password)?;
    /// assert_eq!(hash.algorithm(), Some(PasswordAlgorithm::Argon2id));
    /// assert_eq!(hash.verify(&password), Ok(()));
    /// assert_eq!(hash.verify(&"correct house".into()), Err(NotVerified::WrongPassword));
    ///
    /// assert_eq!("$hunter2".parse::<PasswordHash>(), Err(NotPasswordHash::Algorithm));
    /// # Ok::<_, zenith_db::types::HashingFailed>(())
    /// ```
    ///
    /// ```compile_fail
    /// # fn leaves_the_process<T: serde::Serialize>() {}
    /// leaves_the_process::<zenith_db::types::PasswordHash>();
    /// ```
    PasswordHash,
}

/// Why a text is not a [`PasswordHash`]. It does not contain the text, which may be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotPasswordHash {
    /// The text does not name an algorithm of [`PasswordAlgorithm`].
    #[error("a password hash begins with $argon2id$, or with $2a$, $2b$, $2x$ or $2y$ of bcrypt")]
    Algorithm,
    /// The text is too long.
    #[error("a password hash has up to 255 characters")]
    Length,
    /// The version of Argon2id is not a number.
    #[error("the version of an Argon2id hash is v= and a number")]
    Version,
    /// A parameter of Argon2id does not have the form of one.
    #[error("the parameters of an Argon2id hash are name=value, separated by commas")]
    Parameters,
    /// The salt of Argon2id is missing or is not Base64.
    #[error("the salt of an Argon2id hash is Base64 without padding")]
    Salt,
    /// The hash of Argon2id is missing or is not Base64, or something follows it.
    #[error("an Argon2id hash ends with the hash in Base64 without padding")]
    Hash,
    /// The rest of a bcrypt hash is not as bcrypt writes it.
    #[error(
        "a bcrypt hash is $2b$, a cost of two digits from 04 to 31, $, and 53 characters of ./A-Za-z0-9"
    )]
    Bcrypt,
}

/// Why [`PasswordHash::verify`] does not accept a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotVerified {
    /// The hash is that of another password.
    #[error("the password is wrong")]
    WrongPassword,
    /// There is no memory for the check, which takes as much as the hash says.
    #[error("there is no memory to check the password")]
    OutOfMemory,
    /// The hash is not of Argon2, or is malformed: bcrypt is for the application to verify.
    #[error("only a hash of Argon2 can be verified, and this is another, or malformed")]
    Unsupported,
}

/// Hashing a password failed, because the operating system provided no random numbers or no memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("hashing the password failed: {0}")]
pub struct HashingFailed(argon2::password_hash::Error);

impl PasswordHash {
    /// Most characters that a hash may have.
    const LONGEST: usize = 255;

    /// Returns the Argon2id hash of a password, with a random salt and the defaults of the crate `argon2`,
    /// which OWASP recommends: 19 MiB of memory, 2 passes, 1 lane. This takes tens of milliseconds.
    ///
    /// [`check_password`](crate::manager::check_password) checks the length and the characters of a new password; this
    /// does not.
    ///
    /// # Errors
    /// [`HashingFailed`] if the operating system provides no random numbers or no memory.
    pub fn hash(password: &SecretString) -> Result<Self, HashingFailed> {
        #[cfg(feature = "testing")]
        if testing::passwords_are_fast() {
            return testing::fast_hash(password);
        }
        Self::hash_by(&Argon2::default(), password)
    }

    fn hash_by(argon2: &Argon2<'_>, password: &SecretString) -> Result<Self, HashingFailed> {
        let hash = argon2.hash_password(password.expose_secret().as_bytes());
        hash.map(|hash| Self(hash.to_string())).map_err(HashingFailed)
    }

    /// Succeeds if this is the hash of the password. It takes as long as hashing did, and as much memory.
    ///
    /// # Errors
    /// [`NotVerified::WrongPassword`] if the hash is that of another password; [`NotVerified::Unsupported`] if it is
    /// not of Argon2, or is malformed; [`NotVerified::OutOfMemory`].
    pub fn verify(&self, password: &SecretString) -> Result<(), NotVerified> {
        let hash = argon2::PasswordHash::new(&self.0).map_err(|_| NotVerified::Unsupported)?;
        let password = password.expose_secret().as_bytes();
        Argon2::default().verify_password(password, &hash).map_err(|error| match error {
            argon2::password_hash::Error::PasswordInvalid => NotVerified::WrongPassword,
            argon2::password_hash::Error::OutOfMemory => NotVerified::OutOfMemory,
            _ => NotVerified::Unsupported,
        })
    }

    /// Returns the algorithm that the hash names. `None` if it names no known one, which only a hash that another
    /// program has stored can do.
    #[must_use]
    pub fn algorithm(&self) -> Option<PasswordAlgorithm> {
        named_by(&self.0).map(|(algorithm, _)| algorithm)
    }
}

/// Hashing for tests.
#[cfg(feature = "testing")]
pub(super) mod testing {
    use std::sync::atomic::{AtomicBool, Ordering};

    use argon2::{Algorithm, Argon2, Params, Version};
    use secrecy::SecretString;

    use super::{HashingFailed, PasswordHash};

    static FAST: AtomicBool = AtomicBool::new(false);

    /// Makes [`PasswordHash::hash`] fast and weak in this process from now on, for tests: with 8 KiB of memory and one
    /// pass, instead of 19 MiB and two. The hashes are real ones, which [`PasswordHash::verify`] verifies as fast.
    ///
    /// `cargo test` compiles without optimisation, which Argon2 needs more than most: hashing is then most of the time of a
    /// test that signs somebody up. These lines of `Cargo.toml` optimise it alone:
    ///
    /// ```toml
    /// [profile.dev.package.argon2]
    /// opt-level = 3
    /// [profile.dev.package.blake2]
    /// opt-level = 3
    /// ```
    pub fn use_fast_passwords() {
        FAST.store(true, Ordering::Relaxed);
    }

    pub(super) fn passwords_are_fast() -> bool {
        FAST.load(Ordering::Relaxed)
    }

    /// Returns a hash that was made in microseconds.
    pub(crate) fn fast_hash(password: &SecretString) -> Result<PasswordHash, HashingFailed> {
        let params = Params::new(8, 1, 1, None).unwrap_or_default();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::default(), params);
        PasswordHash::hash_by(&argon2, password)
    }
}

impl TryFrom<String> for PasswordHash {
    type Error = NotPasswordHash;

    fn try_from(text: String) -> Result<Self, NotPasswordHash> {
        check(&text).map(|()| Self(text))
    }
}

impl FromStr for PasswordHash {
    type Err = NotPasswordHash;

    fn from_str(text: &str) -> Result<Self, NotPasswordHash> {
        text.to_owned().try_into()
    }
}

/// Returns the algorithm that a hash names, and what follows its name.
fn named_by(hash: &str) -> Option<(PasswordAlgorithm, &str)> {
    let (name, rest) = hash.strip_prefix('$')?.split_once('$')?;
    match name {
        "argon2id" => Some((PasswordAlgorithm::Argon2id, rest)),
        "2a" | "2b" | "2x" | "2y" => Some((PasswordAlgorithm::Bcrypt, rest)),
        _ => None,
    }
}

fn check(hash: &str) -> Result<(), NotPasswordHash> {
    let (algorithm, rest) = named_by(hash).ok_or(NotPasswordHash::Algorithm)?;
    if hash.len() > PasswordHash::LONGEST {
        return Err(NotPasswordHash::Length);
    }
    match algorithm {
        PasswordAlgorithm::Argon2id => check_phc(rest),
        PasswordAlgorithm::Bcrypt => check_bcrypt(rest),
    }
}

/// Checks what follows the name in a PHC string: `[v=N$][parameters$]salt$hash`.
/// <https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md> defines it.
fn check_phc(rest: &str) -> Result<(), NotPasswordHash> {
    let mut parts = rest.split('$').peekable();
    if let Some(version) = parts.next_if(|part| part.starts_with("v=") && !part.contains(',')) {
        let digits = version.strip_prefix("v=").unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(NotPasswordHash::Version);
        }
    }
    // Neither salt nor hash can contain `=`.
    if let Some(parameters) = parts.next_if(|part| part.contains('='))
        && !parameters.split(',').all(is_parameter)
    {
        return Err(NotPasswordHash::Parameters);
    }
    if !parts.next().is_some_and(is_base64) {
        return Err(NotPasswordHash::Salt);
    }
    match (parts.next().is_some_and(is_base64), parts.next()) {
        (true, None) => Ok(()),
        _ => Err(NotPasswordHash::Hash),
    }
}

fn is_parameter(text: &str) -> bool {
    let Some((name, value)) = text.split_once('=') else { return false };
    let of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let of_value = |byte: u8| byte.is_ascii_alphanumeric() || b"/+.-".contains(&byte);
    (1..=32).contains(&name.len())
        && name.bytes().all(of_name)
        && !value.is_empty()
        && value.bytes().all(of_value)
}

/// Whether the text encodes at least one byte. A single character would encode six bits.
fn is_base64(text: &str) -> bool {
    let of_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    !text.is_empty() && text.len() % 4 != 1 && text.bytes().all(of_base64)
}

/// Checks what follows the name in a bcrypt hash: `cost$salt-and-hash`.
fn check_bcrypt(rest: &str) -> Result<(), NotPasswordHash> {
    let (cost, encoded) = rest.split_once('$').ok_or(NotPasswordHash::Bcrypt)?;
    let is_cost = cost.len() == 2 && cost.bytes().all(|digit| digit.is_ascii_digit());
    let is_in_range = cost.parse::<u8>().is_ok_and(|cost| (4..=31).contains(&cost));
    let of_encoded = |byte: u8| byte.is_ascii_alphanumeric() || b"./".contains(&byte);
    if is_cost && is_in_range && encoded.len() == 53 && encoded.bytes().all(of_encoded) {
        Ok(())
    } else {
        Err(NotPasswordHash::Bcrypt)
    }
}
