//! What a `TextDecoder` keeps between its calls (Encoding Standard, section 7.1).

use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding};

/// The state of a `TextDecoder`.
pub(super) struct TextDecoding {
    encoding: &'static Encoding,
    fatal: bool,
    keep_bom: bool,
    decoder: Decoder,
    // What was not read when a fatal error ended a call in the middle of a stream.
    rest: Vec<u8>,
    goes_on: bool,
}

impl TextDecoding {
    /// Nothing was decoded yet. `fatal`: what is malformed is an error; `keep_bom`: a byte order mark is a character.
    pub(super) fn new(encoding: &'static Encoding, fatal: bool, keep_bom: bool) -> TextDecoding {
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
    pub(super) fn decode(&mut self, bytes: Vec<u8>, goes_on: bool) -> Option<String> {
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
