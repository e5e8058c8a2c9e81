// TextEncoder and TextDecoder (Encoding Standard, section 7).
// Adds to internals: newDecoder(label, options) -> { encoding, fatal, ignoreBOM, decode(bytes, goesOn) }.
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;
  const none = new P.Uint8Array(0);

  class TextEncoder {
    #encoding = 'utf-8';
    get encoding() { return this.#encoding; }
    encode(input = '') {
      void this.#encoding;
      return host.encode(`${input}`);
    }
    encodeInto(source, destination) {
      void this.#encoding;
      if (arguments.length < 2) throw new P.TypeError('encodeInto: 2 arguments required');
      const text = `${source}`;
      if (P.TypedArrayGet_tag(destination) !== 'Uint8Array') {
        throw new P.TypeError('encodeInto: the destination is not a Uint8Array.');
      }
      const capacity = P.TypedArrayGetLength(destination);
      // What can not fit is not encoded: no code unit takes less than a byte.
      const encoded = host.encodeInto(P.StringSlice(text, 0, capacity + 1), capacity);
      const written = P.TypedArrayGetLength(encoded.bytes);
      if (written > 0) P.TypedArraySet(destination, encoded.bytes, 0);
      return { read: encoded.read, written };
    }
  }
  internals.define('TextEncoder', TextEncoder);

  internals.newDecoder = (label, options) => {
    const name = `${label}`;
    const given = internals.dictionary(options, 'The options');
    const fatal = !!given.fatal;
    const ignoreBOM = !!given.ignoreBOM;
    const encoding = host.encodingName(name);
    if (!encoding) throw new P.RangeError(`The encoding label provided ('${name}') is invalid.`);
    return { __proto__: null, encoding, fatal, ignoreBOM, decode: host.newDecoder(encoding, fatal, ignoreBOM) };
  };
  class TextDecoder {
    #decoder;
    constructor(label = 'utf-8', options = undefined) { this.#decoder = internals.newDecoder(label, options); }
    get encoding() { return this.#decoder.encoding; }
    get fatal() { return this.#decoder.fatal; }
    get ignoreBOM() { return this.#decoder.ignoreBOM; }
    decode(input = undefined, options = undefined) {
      const { decode } = this.#decoder;
      const bytes = input === undefined ? none : internals.copyOfSource(input, true);
      const goesOn = !!internals.dictionary(options, 'The options').stream;
      return decode(bytes, goesOn);
    }
  }
  internals.define('TextDecoder', TextDecoder);
})
