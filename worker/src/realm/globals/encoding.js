// TextEncoder, TextDecoder and their streams (Encoding Standard, section 7).
(function (host, internals) {
  'use strict';
  const { P, define } = internals;
  const none = new P.Uint8Array(0);
  const view = (input) => (input === undefined ? none : internals.bytesOfView(input));

  class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(text = '') { return host.encode(`${text}`); }
    encodeInto(text, target) {
      text = `${text}`;
      let read = 0;
      let written = 0;
      while (read < text.length) {
        const letter = P.StringFromCodePoint(P.StringCodePointAt(text, read));
        const bytes = host.encode(letter);
        if (written + bytes.length > target.length) break;
        P.TypedArraySet(target, bytes, written);
        written += bytes.length;
        read += letter.length;
      }
      return { read, written };
    }
  }
  P.StringFromCodePoint = P.String_fromCodePoint;
  define('TextEncoder', TextEncoder);

  class TextDecoder {
    #encoding;
    #fatal;
    #keepMark;
    #rest = none;
    #isFirst = true;
    constructor(label = 'utf-8', options = undefined) {
      const encoding = host.encodingName(`${label}`);
      if (!encoding) throw new P.RangeError(`The encoding label provided ('${label}') is invalid.`);
      this.#encoding = encoding;
      this.#fatal = !!options?.fatal;
      this.#keepMark = !!options?.ignoreBOM;
    }
    get encoding() { return this.#encoding; }
    get fatal() { return this.#fatal; }
    get ignoreBOM() { return this.#keepMark; }
    decode(input, options) {
      let bytes = internals.concat([this.#rest, view(input)]);
      this.#rest = none;
      const goesOn = !!options?.stream;
      if (goesOn && this.#encoding === 'utf-8') {
        const whole = whatIsWhole(bytes);
        this.#rest = P.TypedArraySlice(bytes, whole);
        bytes = P.TypedArraySlice(bytes, 0, whole);
      }
      const text = host.decode(this.#encoding, bytes, this.#fatal, this.#keepMark || !this.#isFirst);
      this.#isFirst = !goesOn;
      return text;
    }
  }
  // How many bytes of UTF-8 are no beginning of a letter that is still to come.
  const whatIsWhole = (bytes) => {
    const length = bytes.length;
    for (let back = 1; back <= 3 && back <= length; back++) {
      const byte = bytes[length - back];
      if ((byte & 0xc0) === 0x80) continue;
      const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
      return needs > back ? length - back : length;
    }
    return length;
  };
  define('TextDecoder', TextDecoder);

  internals.defineTextStreams = () => {
    const TransformStream = globalThis.TransformStream;
    class TextDecoderStream {
      #decoder;
      #pair;
      constructor(label, options) {
        this.#decoder = new TextDecoder(label, options);
        const put = (controller, text) => { if (text !== '') controller.enqueue(text); };
        this.#pair = new TransformStream({
          transform: (chunk, controller) => put(controller, this.#decoder.decode(chunk, { stream: true })),
          flush: (controller) => put(controller, this.#decoder.decode()),
        });
      }
      get encoding() { return this.#decoder.encoding; }
      get fatal() { return this.#decoder.fatal; }
      get ignoreBOM() { return this.#decoder.ignoreBOM; }
      get readable() { return this.#pair.readable; }
      get writable() { return this.#pair.writable; }
    }
    define('TextDecoderStream', TextDecoderStream);
    class TextEncoderStream {
      #pair = new TransformStream({
        transform: (chunk, controller) => {
          const bytes = host.encode(`${chunk}`);
          if (P.TypedArrayGetLength(bytes) > 0) controller.enqueue(bytes);
        },
      });
      get encoding() { return 'utf-8'; }
      get readable() { return this.#pair.readable; }
      get writable() { return this.#pair.writable; }
    }
    define('TextEncoderStream', TextEncoderStream);
  };
})
