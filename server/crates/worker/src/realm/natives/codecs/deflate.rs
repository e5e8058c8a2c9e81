//! gzip, zlib and raw deflate (RFC 1952, 1950, 1951) piece by piece, as the Compression Streams Standard has them.

use std::cell::Cell;
use std::rc::Rc;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The longest output of one call, in bytes.
const PIECE_BYTES: usize = 64 << 10;
/// The room that even an empty chunk is given: what a codec holds back may come out at any time.
const MIN_PIECE_BYTES: usize = 4 << 10;
/// log2 of the window of deflate.
const WINDOW_BITS: u8 = 15;

/// The formats of the Compression Streams Standard.
#[derive(Clone, Copy)]
pub(super) enum Format {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, which the standard calls "deflate".
    Zlib,
    /// RFC 1951.
    Raw,
}

/// The state of a `CompressionStream` or a `DecompressionStream`.
pub(super) struct Codec {
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
    /// Nothing was read yet. `live` counts the codecs that hold an engine.
    pub(super) fn new(format: Format, compresses: bool, live: Rc<Cell<usize>>) -> Codec {
        Codec {
            format,
            compresses,
            phase: Phase::Fresh,
            input: Vec::new(),
            read: 0,
            live,
        }
    }

    /// The next chunk of input; [`Codec::step`] has used up the one before.
    pub(super) fn feed(&mut self, bytes: Vec<u8>) {
        self.input = bytes;
        self.read = 0;
    }

    /// Whether the next step allocates an engine.
    pub(super) fn needs_engine(&self) -> bool {
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
    pub(super) fn end(&mut self) {
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
    pub(super) fn step(&mut self, is_last: bool) -> std::result::Result<Vec<u8>, &'static str> {
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
