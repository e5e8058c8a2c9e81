//! Secrets that only this machine and the receivers know, each in its own file. A file is read when its secret is needed, so that
//! it can be renewed, and the secret is never shown.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// What a signing secret begins with (Standard Webhooks, "Signature scheme").
const PREFIX: &str = "whsec_";
/// The lengths of a signing secret in bytes (the same).
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The longest file that is read.
const MAX_BYTES: u64 = 4096;

/// Some tools leave the `=` at the end out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key that messages to the webhook are signed with.
///
/// # Errors
/// Why there is none, in words that continue "the file …"; they hold nothing of its content.
pub fn signing_key(file: &Path) -> Result<Vec<u8>, String> {
    key_of(&line_of(file)?)
}

/// The key that a secret's text stands for.
///
/// # Errors
/// It is none.
pub fn key_of(secret: &str) -> Result<Vec<u8>, String> {
    let key = secret
        .strip_prefix(PREFIX)
        .and_then(|encoded| BASE64.decode(encoded).ok())
        .ok_or("holds no secret; make one: `echo whsec_$(openssl rand -base64 32)`")?;
    if !KEY_BYTES.contains(&key.len()) {
        return Err(format!(
            "holds a secret of {} bytes; it must be {} to {}: `echo whsec_$(openssl rand -base64 32)` makes one",
            key.len(),
            KEY_BYTES.start(),
            KEY_BYTES.end()
        ));
    }
    Ok(key)
}

/// The token that an ntfy server asks for.
///
/// # Errors
/// As [`signing_key`].
pub fn token(file: &Path) -> Result<String, String> {
    let token = line_of(file)?;
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(
            "holds no token; put the token into it that the ntfy server made, and nothing else"
                .to_owned(),
        );
    }
    Ok(token)
}

fn line_of(file: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| {
        format!("can't be read ({error}); make it so that the user that runs tealkeep can")
    };
    let mut text = String::new();
    File::open(file)
        .map_err(unreadable)?
        .take(MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    Ok(text.trim().to_owned())
}
