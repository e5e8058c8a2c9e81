//! Text and bytes: UTF-8 as the Encoding Standard has it, the other encodings through `encoding_rs`, base64 as the
//! HTML Standard's "forgiving" one.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rquickjs::{Ctx, Exception, Object, Result, TypedArray};

use super::define::define;
use crate::realm::convert::{Text, array, copied, text_of};

/// Adds them.
pub(super) fn add_text<'js>(host: &Object<'js>, ctx: &Ctx<'js>) -> Result<()> {
    define(
        host,
        ctx,
        "encode",
        move |ctx: Ctx<'js>, text: rquickjs::String<'js>| array(&ctx, text_of(&text).as_bytes()),
    )?;
    define(
        host,
        ctx,
        "encodingName",
        move |label: Text| -> Option<String> {
            let encoding = encoding_rs::Encoding::for_label_no_replacement(label.0.as_bytes())?;
            Some(encoding.name().to_ascii_lowercase())
        },
    )?;
    // What of a text fits into so many bytes: those bytes, and how many code units were read.
    define(
        host,
        ctx,
        "encodeInto",
        move |ctx: Ctx<'js>, text: Text, capacity: usize| {
            let mut text = text.0;
            let mut fits = capacity.min(text.len());
            while !text.is_char_boundary(fits) {
                fits -= 1;
            }
            text.truncate(fits);
            let read = text.chars().map(char::len_utf16).sum::<usize>();
            let encoded = Object::new(ctx.clone())?;
            encoded.set_prototype(None)?;
            encoded.set("bytes", array(&ctx, text.as_bytes())?)?;
            encoded.set("read", read)?;
            Result::Ok(encoded)
        },
    )?;
    define(
        host,
        ctx,
        "decode",
        move |ctx: Ctx<'js>,
              label: String,
              bytes: TypedArray<'js, u8>,
              fatal: bool,
              keep_mark: bool| {
            let encoding =
                encoding_rs::Encoding::for_label(label.as_bytes()).unwrap_or(encoding_rs::UTF_8);
            let bytes = copied(&bytes);
            let (text, had_errors) = if keep_mark {
                encoding.decode_without_bom_handling(&bytes)
            } else {
                encoding.decode_with_bom_removal(&bytes)
            };
            if fatal && had_errors {
                return Err(Exception::throw_type(
                    &ctx,
                    "The encoded data was not valid.",
                ));
            }
            Ok(text.into_owned())
        },
    )?;
    define(
        host,
        ctx,
        "percentDecode",
        move |ctx: Ctx<'js>, text: Text| {
            let mut bytes = Vec::with_capacity(text.0.len());
            let mut rest = text.0.as_bytes();
            while let [first, after @ ..] = rest {
                let escaped = after
                    .get(..2)
                    .filter(|pair| pair.iter().all(u8::is_ascii_hexdigit))
                    .and_then(|pair| std::str::from_utf8(pair).ok())
                    .and_then(|pair| u8::from_str_radix(pair, 16).ok());
                match escaped {
                    Some(byte) if *first == b'%' => {
                        bytes.push(byte);
                        rest = &after[2..];
                    }
                    _ => {
                        bytes.push(*first);
                        rest = after;
                    }
                }
            }
            array(&ctx, &bytes)
        },
    )?;
    let base64 = || {
        GeneralPurpose::new(
            &STANDARD,
            GeneralPurposeConfig::new()
                .with_decode_padding_mode(DecodePaddingMode::Indifferent)
                .with_decode_allow_trailing_bits(true),
        )
    };
    define(host, ctx, "toBase64", move |bytes: TypedArray<'js, u8>| {
        base64().encode(copied(&bytes))
    })?;
    define(
        host,
        ctx,
        "fromBase64",
        move |ctx: Ctx<'js>, text: Text| -> Result<Option<TypedArray<'js, u8>>> {
            let mut text: String = text
                .0
                .chars()
                .filter(|letter| !matches!(letter, ' ' | '\t' | '\n' | '\r' | '\u{c}'))
                .collect();
            if text.len().is_multiple_of(4) {
                for _ in 0..2 {
                    if text.ends_with('=') {
                        text.pop();
                    }
                }
            }
            if text.contains('=') || text.len() % 4 == 1 {
                return Ok(None);
            }
            match base64().decode(text) {
                Ok(bytes) => Ok(Some(array(&ctx, &bytes)?)),
                Err(_) => Ok(None),
            }
        },
    )
}
