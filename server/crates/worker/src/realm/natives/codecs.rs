//! Codecs that work piece by piece: the decoders of the Encoding Standard through `encoding_rs`, and gzip, zlib and
//! raw deflate (RFC 1952, 1950, 1951) through `flate2`. Each is a function that keeps its state in its closure, so
//! that it goes with the stream that holds it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use encoding_rs::Encoding;
use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray, Value};

use self::deflate::{Codec, Format};
use self::text_decoding::TextDecoding;
use super::define::define;
use crate::realm::convert::{Text, array, copied};
use crate::realm::state::State;

mod deflate;
mod text_decoding;

/// How many (de)compressors may hold state at once; one takes up to 300 KiB outside the engine's own memory.
const MAX_CODECS: usize = 100;

/// Adds `newDecoder` and `newCodec`.
pub(super) fn add_codecs<'js>(host: &Object<'js>, ctx: &Ctx<'js>, state: &Rc<State>) -> Result<()> {
    define(
        host,
        ctx,
        "newDecoder",
        move |ctx: Ctx<'js>, label: Text, fatal: bool, keep_bom: bool| {
            let encoding = Encoding::for_label_no_replacement(label.0.as_bytes())
                .unwrap_or(encoding_rs::UTF_8);
            let decoding = RefCell::new(TextDecoding::new(encoding, fatal, keep_bom));
            Function::new(
                ctx,
                move |ctx: Ctx<'js>, bytes: TypedArray<'js, u8>, goes_on: bool| {
                    decoding
                        .borrow_mut()
                        .decode(copied(&bytes), goes_on)
                        .ok_or_else(|| {
                            Exception::throw_type(&ctx, "The encoded data was not valid.")
                        })
                },
            )
        },
    )?;
    let shared = Rc::clone(state);
    let live = Rc::new(Cell::new(0));
    define(
        host,
        ctx,
        "newCodec",
        move |ctx: Ctx<'js>, format: Text, compresses: bool| {
            let format = match format.0.as_str() {
                "gzip" => Format::Gzip,
                "deflate" => Format::Zlib,
                _ => Format::Raw,
            };
            let codec = RefCell::new(Codec::new(format, compresses, Rc::clone(&live)));
            let (shared, live_codecs) = (Rc::clone(&shared), Rc::clone(&live));
            Function::new(
                ctx,
                move |ctx: Ctx<'js>, input: Value<'js>, is_last: bool| -> Result<Value<'js>> {
                    let mut codec = codec.borrow_mut();
                    if let Some(bytes) = input.as_object().and_then(Object::as_typed_array::<u8>) {
                        codec.feed(copied(bytes));
                    }
                    if codec.needs_engine() && live_codecs.get() >= MAX_CODECS {
                        shared.pass_limit(format!("{MAX_CODECS} compression streams at once"));
                        return Err(Exception::throw_type(&ctx, "Too many compression streams."));
                    }
                    match codec.step(is_last) {
                        Ok(piece) if piece.is_empty() => Ok(Value::new_null(ctx.clone())),
                        Ok(piece) => Ok(array(&ctx, &piece)?.into_value()),
                        Err(why) => {
                            codec.end();
                            Err(Exception::throw_type(&ctx, why))
                        }
                    }
                },
            )
        },
    )
}
