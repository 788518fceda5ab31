//! Encryption with age.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::str::FromStr;

use age::x25519::{Identity, Recipient};
use age::{DecryptError, Decryptor, scrypt};
use secrecy::SecretString;
use zenith_db::internal::config::{has_secret_key, shown};
use zenith_db::manager::Undecodable;

use super::args::{EncodingArgs, KeyArgs};
use crate::exit::UsageError;
use crate::secret;

/// Logarithm of the work that a passphrase costs, which is that of the program `age`: about a second and 256 MB.
const WORK: u8 = 18;
/// Largest work for which a file may ask, as in the program `age`.
const MOST_WORK: u8 = 22;

/// For whom new backups are encrypted.
pub(super) enum Encryption {
    Recipients(Vec<Recipient>),
    Passphrase(SecretString),
}

impl Encryption {
    /// Returns the encryption that the flags describe, if any.
    pub(super) fn of(args: &EncodingArgs) -> Result<Option<Self>, UsageError> {
        if let Some(file) = &args.passphrase_file {
            return passphrase(file).map(|passphrase| Some(Self::Passphrase(passphrase)));
        }
        let parse = |text: &String| {
            let reason = "--encrypt: a value is not an age recipient, which begins with age1";
            text.parse().map_err(|_| UsageError(reason.to_owned()))
        };
        let mut recipients = args.encrypt.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        if let Some(file) = &args.encrypt_file {
            recipients.extend(each_line(file, "--encrypt-file", "an age recipient (age1…)")?);
        }
        Ok((!recipients.is_empty()).then_some(Self::Recipients(recipients)))
    }

    /// Encrypts what `write` writes.
    pub(super) fn encrypt(
        &self,
        target: &mut dyn Write,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let encryptor = match self {
            Self::Recipients(recipients) => {
                let recipients =
                    recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
                age::Encryptor::with_recipients(recipients)
            }
            Self::Passphrase(passphrase) => {
                let mut recipient = scrypt::Recipient::new(passphrase.clone());
                recipient.set_work_factor(WORK);
                age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
            }
        };
        let mut target = encryptor.map_err(io::Error::other)?.wrap_output(target)?;
        write(&mut target)?;
        target.finish().map(drop)
    }
}

/// What decrypts backups.
#[derive(Default)]
pub(super) struct Keys {
    identities: Vec<Identity>,
    passphrase: Option<SecretString>,
}

impl Keys {
    pub(super) fn of(args: &KeyArgs) -> Result<Self, UsageError> {
        let mut identities = Vec::new();
        for file in &args.identity {
            identities.extend(each_line(
                file,
                "--identity",
                "an age identity (AGE-SECRET-KEY-1…)",
            )?);
        }
        let passphrase = args.passphrase_file.as_deref().map(passphrase).transpose()?;
        Ok(Self { identities, passphrase })
    }

    pub(super) fn decrypt<'a>(
        &self,
        file: Box<dyn BufRead + 'a>,
    ) -> Result<Box<dyn Read + 'a>, Undecodable> {
        let damaged = |error: DecryptError| Undecodable::Damaged(format!("it is damaged: {error}"));
        let unsupported = |reason: &str| Undecodable::Unsupported(reason.to_owned());
        let decryptor = Decryptor::new_buffered(file).map_err(damaged)?;
        let (decrypted, wrong) = if decryptor.is_scrypt() {
            let passphrase = self.passphrase.clone().ok_or_else(|| {
                unsupported(
                    "it is encrypted with a passphrase; --passphrase-file names the file with it",
                )
            })?;
            let mut identity = scrypt::Identity::new(passphrase);
            identity.set_max_work_factor(MOST_WORK);
            let identity = std::iter::once(&identity as &dyn age::Identity);
            (
                decryptor.decrypt(identity),
                "it is not encrypted with the passphrase in the file that --passphrase-file names, or its header is \
                 damaged; name the file with the right one",
            )
        } else if self.identities.is_empty() {
            return Err(unsupported(
                "it is encrypted for recipients; --identity names a file with the identity of one of them",
            ));
        } else {
            let identities = self.identities.iter().map(|identity| identity as &dyn age::Identity);
            (
                decryptor.decrypt(identities),
                "it is not encrypted for the identities in the files that --identity names, or its header is \
                 damaged; name a file with the identity of one of its recipients",
            )
        };
        match decrypted {
            Ok(reader) => Ok(Box::new(reader)),
            Err(
                DecryptError::NoMatchingKeys
                | DecryptError::DecryptionFailed
                | DecryptError::KeyDecryptionFailed,
            ) => Err(Undecodable::WrongKey(wrong.to_owned())),
            Err(error) => Err(damaged(error)),
        }
    }
}

/// Largest file of keys that is read, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// Parses each line of a file, without empty ones and comments. The error repeats none of them.
fn each_line<T: FromStr>(path: &Path, flag: &str, what: &str) -> Result<Vec<T>, UsageError> {
    let text = read(path, flag, |file| {
        let mut text = String::new();
        file.take(LONGEST).read_to_string(&mut text).map(|_| text)
    })?;
    // Editors of Windows begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let lines = text.lines().map(str::trim).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let found = lines.map(|(number, line)| {
        line.parse().map_err(|_| {
            let (path, number) = (shown(path.display()), number + 1);
            UsageError(format!("{flag}: line {number} of {path} is not {what}"))
        })
    });
    let found = found.collect::<Result<Vec<T>, _>>()?;
    if found.is_empty() {
        return Err(UsageError(format!(
            "{flag}: {} has no line with {what}",
            shown(path.display())
        )));
    }
    Ok(found)
}

fn passphrase(path: &Path) -> Result<SecretString, UsageError> {
    let flag = "--passphrase-file";
    let bytes = read(path, flag, |file| {
        let mut bytes = Vec::new();
        secret::limited(file).read_to_end(&mut bytes).map(|_| bytes)
    })?;
    secret::line_in(&bytes)
        .map_err(|reason| UsageError(format!("{flag}: {} {reason}", shown(path.display()))))
}

fn read<T>(
    path: &Path,
    flag: &str,
    read: impl FnOnce(File) -> io::Result<T>,
) -> Result<T, UsageError> {
    if has_secret_key(&path.to_string_lossy()) {
        return Err(UsageError(format!(
            "{flag} takes the name of a file, and was given a secret key, which every user of this machine can read \
             in the list of processes: write it to a file that only you can read"
        )));
    }
    File::open(path).and_then(read).map_err(|cause| {
        UsageError(format!("{flag}: cannot read {}: {cause}", shown(path.display())))
    })
}
