//! Signatures as Standard Webhooks has them, so that a receiver can check one with a library that exists
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::hmac;

/// The header of the message's id: the same however often it is sent.
pub const ID: &str = "webhook-id";
/// The header of the instant at which it was sent, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header of the signature.
pub const SIGNATURE: &str = "webhook-signature";

/// The signature of a message, scheme `v1`: HMAC-SHA256 of its id, its instant and its body, with dots between.
#[must_use]
pub fn signature(key: &[u8], id: &str, at: Timestamp, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("{id}.{}.", at.as_second()).as_bytes());
    context.update(body);
    format!("v1,{}", STANDARD.encode(context.sign()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::secret::key_of;

    #[test]
    fn a_signature_is_the_one_of_the_published_example() {
        // The vector that the specification's own libraries are tested with.
        let key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let signed = signature(
            &key,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            at,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_signature_holds_for_one_key_one_id_one_instant_and_one_body() {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let (key, other) = ([7_u8; 32], [8_u8; 32]);
        let right = signature(&key, "a", at, b"body");
        let later = Timestamp::from_second(1_700_000_001).unwrap();
        for wrong in [
            signature(&other, "a", at, b"body"),
            signature(&key, "b", at, b"body"),
            signature(&key, "a", later, b"body"),
            signature(&key, "a", at, b"bodY"),
        ] {
            assert_ne!(right, wrong);
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_without_showing_it() {
        for (text, says) in [
            ("", "holds no secret"),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "holds no secret"),
            ("whsec_not base64!", "holds no secret"),
            ("whsec_AAAA", "3 bytes"),
        ] {
            let wrong = key_of(text).unwrap_err();
            assert!(wrong.contains(says), "{wrong}");
        }
        assert!(key_of("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").is_ok());
    }
}
