//! Whether a name carries the checksum of the bytes: the one thing about a name that is no guess.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use url::Url;

use super::super::names;

/// The shortest part of a name that is compared: 24 bits or more.
const MIN_LENGTH: usize = 6;

/// Which part of a URL's name is the beginning of which checksum of these bytes, in a sentence.
pub(super) fn in_name(url: &Url, body: &[u8]) -> Option<String> {
    let in_query = url.query_pairs().find(|(name, _)| name == "id");
    let in_query = in_query.map(|(_, value)| value.into_owned());
    let candidates: Vec<&str> = names::parts(url.path())
        .into_iter()
        .map(|part| part.text)
        .chain(in_query.as_deref())
        .filter(|text| text.len() >= MIN_LENGTH)
        .collect();
    if candidates.is_empty() {
        return None;
    }
    for (name, sum) in sums(body) {
        let hexadecimal: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        let base64 = URL_SAFE_NO_PAD.encode(&sum);
        let base32 = base32(&sum);
        for text in &candidates {
            let is_it = hexadecimal.starts_with(&text.to_ascii_lowercase())
                || base64.starts_with(text)
                || base32.starts_with(&text.to_ascii_uppercase());
            if is_it {
                return Some(format!(
                    "“{text}” in its name is the beginning of the {name} of its bytes"
                ));
            }
        }
    }
    None
}

/// The beginning of the SHA-256 of some bytes, to show to a person.
pub(super) fn short(body: &[u8]) -> String {
    let sum = Sha256::digest(body);
    let digits: String = sum.iter().take(6).map(|b| format!("{b:02x}")).collect();
    format!("SHA-256 {digits}…")
}

fn sums(body: &[u8]) -> [(&'static str, Vec<u8>); 5] {
    // The older two come from an older release of the same traits.
    let sha1 = <Sha1 as sha1::Digest>::digest(body).to_vec();
    let md5 = <Md5 as md5::Digest>::digest(body).to_vec();
    [
        ("SHA-256", Sha256::digest(body).to_vec()),
        ("SHA-1", sha1),
        ("MD5", md5),
        ("SHA-384", Sha384::digest(body).to_vec()),
        ("SHA-512", Sha512::digest(body).to_vec()),
    ]
}

/// RFC 4648 section 6, without padding.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bit = |at: usize| {
        bytes
            .get(at / 8)
            .is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1)
    };
    (0..(bytes.len() * 8).div_ceil(5))
        .map(|group| {
            let value = (0..5).fold(0, |value, i| value * 2 + usize::from(bit(group * 5 + i)));
            char::from(LETTERS[value])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, body: &str) -> Option<String> {
        let url = Url::parse("https://home.example")
            .unwrap()
            .join(path)
            .unwrap();
        in_name(&url, body.as_bytes())
    }

    #[test]
    fn the_checksum_in_a_name_is_recognised_in_each_alphabet() {
        // printf hello | sha256sum, sha1sum, md5sum; base32 and base64url of the first.
        for path in [
            "/app.2cf24dba5fb0.js",
            "/app-aaf4c61d.js",
            "/name.5d41402abc4b.css",
            "/chunk-FTZE3OS7.js",
            "/x-LPJNul-w.js",
        ] {
            assert!(found(path, "hello").is_some(), "{path}");
            assert!(found(path, "other").is_none(), "{path}");
        }
    }
}
