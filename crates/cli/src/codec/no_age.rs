//! What the command does without the feature `age`.

use std::io::{self, BufRead, Read, Write};

use zenith_db::manager::Undecodable;

use super::args::{EncodingArgs, KeyArgs};
use super::missing::missing;
use crate::exit::UsageError;

/// Nothing is encrypted.
pub(super) enum Encryption {}

impl Encryption {
    pub(super) fn of(args: &EncodingArgs) -> Result<Option<Self>, UsageError> {
        let EncodingArgs { encrypt, encrypt_file, passphrase_file, .. } = args;
        if !encrypt.is_empty() || encrypt_file.is_some() || passphrase_file.is_some() {
            return Err(refused("the backup cannot be encrypted"));
        }
        Ok(None)
    }

    pub(super) fn encrypt(
        &self,
        _: &mut dyn Write,
        _: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        match *self {}
    }
}

/// Nothing is decrypted.
#[derive(Default)]
pub(super) struct Keys;

impl Keys {
    pub(super) fn of(args: &KeyArgs) -> Result<Self, UsageError> {
        if !args.identity.is_empty() || args.passphrase_file.is_some() {
            return Err(refused("backups cannot be decrypted"));
        }
        Ok(Self)
    }

    #[expect(clippy::unused_self, reason = "takes the place of the keys of age")]
    pub(super) fn decrypt<'a>(
        &self,
        _: Box<dyn BufRead + 'a>,
    ) -> Result<Box<dyn Read + 'a>, Undecodable> {
        let reason = format!("it is encrypted with age, and {}", missing("age"));
        Err(Undecodable::Unsupported(reason))
    }
}

fn refused(what: &str) -> UsageError {
    UsageError(format!("{what}: {}", missing("age")))
}
