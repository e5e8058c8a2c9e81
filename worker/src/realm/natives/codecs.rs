//! Codecs that work piece by piece: the decoders of the Encoding Standard through `encoding_rs`, and gzip, zlib and
//! raw deflate (RFC 1952, 1950, 1951) through `flate2`. Each is a function that keeps its state in its closure, so
//! that it goes with the stream that holds it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray, Value};

use super::add;
use crate::realm::convert::{Text, array, copied};
use crate::realm::state::State;

/// The longest output of one call, in bytes.
const PIECE_BYTES: usize = 64 << 10;
/// The room that even an empty chunk is given: what a codec holds back may come out at any time.
const MIN_PIECE_BYTES: usize = 4 << 10;
/// How many (de)compressors may hold state at once; one takes up to 300 KiB outside the engine's own memory.
const MAX_CODECS: usize = 100;
/// log2 of the window of deflate.
const WINDOW_BITS: u8 = 15;

/// Adds `newDecoder` and `newCodec`.
pub(super) fn add_codecs<'js>(host: &Object<'js>, ctx: &Ctx<'js>, state: &Rc<State>) -> Result<()> {
    add(
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
    add(
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
            let shared = Rc::clone(&shared);
            Function::new(
                ctx,
                move |ctx: Ctx<'js>, input: Value<'js>, is_last: bool| -> Result<Value<'js>> {
                    let mut codec = codec.borrow_mut();
                    if let Some(bytes) = input.as_object().and_then(Object::as_typed_array::<u8>) {
                        codec.feed(copied(bytes));
                    }
                    if codec.needs_engine() && codec.live.get() >= MAX_CODECS {
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

/// The state of a `TextDecoder`.
struct TextDecoding {
    encoding: &'static Encoding,
    fatal: bool,
    keep_bom: bool,
    decoder: Decoder,
    // What was not read when a fatal error ended a call in the middle of a stream.
    rest: Vec<u8>,
    goes_on: bool,
}

impl TextDecoding {
    fn new(encoding: &'static Encoding, fatal: bool, keep_bom: bool) -> TextDecoding {
        TextDecoding {
            encoding,
            fatal,
            keep_bom,
            decoder: new_decoder(encoding, keep_bom),
            rest: Vec::new(),
            goes_on: false,
        }
    }

    /// `TextDecoder.decode` (Encoding Standard, section 7.2). None: the bytes are malformed and that is fatal.
    fn decode(&mut self, bytes: Vec<u8>, goes_on: bool) -> Option<String> {
        if !self.goes_on {
            self.decoder = new_decoder(self.encoding, self.keep_bom);
            self.rest.clear();
        }
        self.goes_on = goes_on;
        let mut input = std::mem::take(&mut self.rest);
        if input.is_empty() {
            input = bytes;
        } else {
            input.extend_from_slice(&bytes);
        }
        let mut text = String::new();
        let mut read = 0;
        loop {
            let needed = if self.fatal {
                let decoder = &self.decoder;
                decoder.max_utf8_buffer_length_without_replacement(input.len() - read)
            } else {
                self.decoder.max_utf8_buffer_length(input.len() - read)
            };
            text.reserve(needed?);
            if self.fatal {
                let (result, more) = self.decoder.decode_to_string_without_replacement(
                    &input[read..],
                    &mut text,
                    !goes_on,
                );
                read += more;
                match result {
                    DecoderResult::InputEmpty => return Some(text),
                    DecoderResult::OutputFull => {}
                    DecoderResult::Malformed(_, _) => {
                        self.rest = input.split_off(read);
                        return None;
                    }
                }
            } else {
                let (result, more, _) =
                    self.decoder
                        .decode_to_string(&input[read..], &mut text, !goes_on);
                read += more;
                match result {
                    CoderResult::InputEmpty => return Some(text),
                    CoderResult::OutputFull => {}
                }
            }
        }
    }
}

fn new_decoder(encoding: &'static Encoding, keep_bom: bool) -> Decoder {
    if keep_bom {
        encoding.new_decoder_without_bom_handling()
    } else {
        encoding.new_decoder_with_bom_removal()
    }
}

/// The formats of the Compression Streams Standard.
#[derive(Clone, Copy)]
enum Format {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, which the standard calls "deflate".
    Zlib,
    /// RFC 1951.
    Raw,
}

/// The state of a `CompressionStream` or a `DecompressionStream`.
struct Codec {
    format: Format,
    compresses: bool,
    phase: Phase,
    input: Vec<u8>,
    read: usize,
    live: Rc<Cell<usize>>,
}

/// Where a codec is. Its engine exists from the first byte to the last only.
enum Phase {
    Fresh,
    Compressing(Box<Compress>),
    Decompressing(Box<Decompress>),
    Ended,
}

impl Codec {
    fn new(format: Format, compresses: bool, live: Rc<Cell<usize>>) -> Codec {
        Codec {
            format,
            compresses,
            phase: Phase::Fresh,
            input: Vec::new(),
            read: 0,
            live,
        }
    }

    fn feed(&mut self, bytes: Vec<u8>) {
        self.input = bytes;
        self.read = 0;
    }

    fn needs_engine(&self) -> bool {
        matches!(self.phase, Phase::Fresh)
    }

    fn begin(&mut self) {
        self.live.set(self.live.get() + 1);
        self.phase = match (self.compresses, self.format) {
            (true, Format::Gzip) => Phase::Compressing(Box::new(Compress::new_gzip(
                Compression::default(),
                WINDOW_BITS,
            ))),
            (true, Format::Zlib) => {
                Phase::Compressing(Box::new(Compress::new(Compression::default(), true)))
            }
            (true, Format::Raw) => {
                Phase::Compressing(Box::new(Compress::new(Compression::default(), false)))
            }
            (false, Format::Gzip) => {
                Phase::Decompressing(Box::new(Decompress::new_gzip(WINDOW_BITS)))
            }
            (false, Format::Zlib) => Phase::Decompressing(Box::new(Decompress::new(true))),
            (false, Format::Raw) => Phase::Decompressing(Box::new(Decompress::new(false))),
        };
    }

    /// Lets go of the engine.
    fn end(&mut self) {
        if matches!(self.phase, Phase::Compressing(_) | Phase::Decompressing(_)) {
            self.live.set(self.live.get() - 1);
        }
        self.phase = Phase::Ended;
        self.input = Vec::new();
        self.read = 0;
    }

    /// The next piece of output, empty where the input so far gives no more.
    ///
    /// # Errors
    /// The input is malformed, goes on after its end, or, if `is_last`, stops before it.
    fn step(&mut self, is_last: bool) -> std::result::Result<Vec<u8>, &'static str> {
        if self.needs_engine() {
            self.begin();
        }
        // Small chunks are given small pieces.
        let waiting = self.input.len() - self.read;
        let mut piece = vec![0; PIECE_BYTES.min(MIN_PIECE_BYTES + 4 * waiting)];
        let mut filled = 0;
        let mut has_ended = false;
        while filled < piece.len() && !has_ended {
            let input = &self.input[self.read..];
            let (consumed, produced, status) = match &mut self.phase {
                Phase::Fresh | Phase::Ended => break,
                Phase::Compressing(engine) => {
                    let before = (engine.total_in(), engine.total_out());
                    let flush = if is_last {
                        FlushCompress::Finish
                    } else {
                        FlushCompress::None
                    };
                    let status = engine
                        .compress(input, &mut piece[filled..], flush)
                        .map_err(|_| "The data could not be compressed.")?;
                    let after = (engine.total_in(), engine.total_out());
                    (after.0 - before.0, after.1 - before.1, status)
                }
                Phase::Decompressing(engine) => {
                    let before = (engine.total_in(), engine.total_out());
                    let status = engine
                        .decompress(input, &mut piece[filled..], FlushDecompress::None)
                        .map_err(|_| "The compressed data was not valid.")?;
                    let after = (engine.total_in(), engine.total_out());
                    (after.0 - before.0, after.1 - before.1, status)
                }
            };
            // Both are bounded by the lengths of slices.
            self.read += usize::try_from(consumed).unwrap_or_default();
            filled += usize::try_from(produced).unwrap_or_default();
            has_ended = matches!(status, Status::StreamEnd);
            if consumed == 0 && produced == 0 {
                break;
            }
        }
        piece.truncate(filled);
        let has_rest = self.read < self.input.len();
        if has_ended {
            self.live.set(self.live.get() - 1);
            self.phase = Phase::Ended;
        }
        if filled == 0 && matches!(self.phase, Phase::Ended) && has_rest {
            return Err("There is more data after the end of the compressed data.");
        }
        if filled == 0 && is_last && matches!(self.phase, Phase::Decompressing(_)) {
            return Err("The compressed data ends too early.");
        }
        Ok(piece)
    }
}

impl Drop for Codec {
    fn drop(&mut self) {
        self.end();
    }
}
