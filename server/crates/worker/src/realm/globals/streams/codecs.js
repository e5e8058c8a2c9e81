// Streams that decode, encode, compress and decompress: TextDecoderStream and TextEncoderStream (Encoding Standard,
// section 7.5), CompressionStream and DecompressionStream (Compression Streams Standard).
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;

  class TextDecoderStream {
    #decoder;
    #pair;
    constructor(label = 'utf-8', options = undefined) {
      const decoder = internals.newDecoder(label, options);
      const { decode } = decoder;
      this.#decoder = decoder;
      const putText = (put, text) => { if (text !== '') put(text); };
      this.#pair = S.createTransform(
        (put, chunk) => { putText(put, decode(internals.copyOfSource(chunk, true), true)); },
        (put) => { putText(put, decode(new P.Uint8Array(0), false)); });
    }
    get encoding() { return this.#decoder.encoding; }
    get fatal() { return this.#decoder.fatal; }
    get ignoreBOM() { return this.#decoder.ignoreBOM; }
    get readable() { return this.#pair.readable; }
    get writable() { return this.#pair.writable; }
  }
  internals.define('TextDecoderStream', TextDecoderStream);

  class TextEncoderStream {
    #pair;
    constructor() {
      // The first half of a pair of surrogates whose other half is in the next chunk.
      let half = '';
      this.#pair = S.createTransform((put, chunk) => {
        let text = half + `${chunk}`;
        half = '';
        if (text === '') return;
        const last = P.StringCharCodeAt(text, text.length - 1);
        if (last >= 0xd800 && last <= 0xdbff) {
          half = P.StringSlice(text, -1);
          text = P.StringSlice(text, 0, -1);
        }
        if (text !== '') put(host.encode(text));
      }, (put) => { if (half !== '') put(host.encode(half)); });
    }
    get encoding() {
      void this.#pair;
      return 'utf-8';
    }
    get readable() { return this.#pair.readable; }
    get writable() { return this.#pair.writable; }
  }
  internals.define('TextEncoderStream', TextEncoderStream);

  const formats = ['deflate', 'deflate-raw', 'gzip'];
  // The native codec gives a piece of output at each call, so that what a chunk unfolds to is counted, and timed, as
  // it grows.
  const createCodec = (name, compresses, count, format) => {
    if (count === 0) throw new P.TypeError(`${name}: 1 argument required`);
    const wanted = `${format}`;
    if (!P.ArrayIncludes(formats, wanted)) throw new P.TypeError(`${name}: '${wanted}' is not a format.`);
    const codec = host.newCodec(wanted, compresses);
    const run = (put, bytes, isLast) => {
      for (let piece = codec(bytes, isLast); piece !== null; piece = codec(undefined, isLast)) put(piece);
    };
    return S.createTransform(
      (put, chunk) => { run(put, internals.copyOfSource(chunk, false), false); },
      (put) => { run(put, undefined, true); });
  };
  class CompressionStream {
    #pair;
    constructor(format) { this.#pair = createCodec('CompressionStream', true, arguments.length, format); }
    get readable() { return this.#pair.readable; }
    get writable() { return this.#pair.writable; }
  }
  internals.define('CompressionStream', CompressionStream);

  class DecompressionStream {
    #pair;
    constructor(format) { this.#pair = createCodec('DecompressionStream', false, arguments.length, format); }
    get readable() { return this.#pair.readable; }
    get writable() { return this.#pair.writable; }
  }
  internals.define('DecompressionStream', DecompressionStream);
})
