// crypto (Web Cryptography API): random values out of a fixed row, and digests. Keys are for rare workers.
(function (host, internals) {
  'use strict';
  const { P, define, DOMException } = internals;
  const key = {};
  const algorithms = { __proto__: null, 'SHA-1': 1, 'SHA-256': 1, 'SHA-384': 1, 'SHA-512': 1 };

  class SubtleCrypto {
    constructor(given) { if (given !== key) throw new P.TypeError('Illegal constructor'); }
    async digest(algorithm, data) {
      const name = P.StringToUpperCase(`${internals.isObject(algorithm) ? algorithm.name : algorithm}`);
      if (algorithms[name] !== 1) throw new DOMException(`Unrecognized algorithm: ${name}`, 'NotSupportedError');
      if (!internals.isBuffer(data)) throw new P.TypeError('digest: the data is no buffer');
      return host.digest(name, internals.bytesOfView(data));
    }
  }
  const absent = ['encrypt', 'decrypt', 'sign', 'verify', 'generateKey', 'deriveKey', 'deriveBits', 'importKey',
    'exportKey', 'wrapKey', 'unwrapKey'];
  for (let at = 0; at < absent.length; at++) {
    const name = absent[at];
    P.defineProperty(SubtleCrypto.prototype, name, {
      __proto__: null, writable: true, configurable: true,
      value: { async [name]() { internals.miss(`crypto.subtle.${name}`); } }[name],
    });
  }
  define('SubtleCrypto', SubtleCrypto);

  const hex = (bytes) => {
    let text = '';
    for (let at = 0; at < bytes.length; at++) text += (bytes[at] < 16 ? '0' : '') + P.NumberToString(bytes[at], 16);
    return text;
  };
  class Crypto {
    #subtle = new SubtleCrypto(key);
    constructor(given) { if (given !== key) throw new P.TypeError('Illegal constructor'); }
    get subtle() { return this.#subtle; }
    getRandomValues(array) {
      if (!P.isView(array)) throw new DOMException('getRandomValues: no integer array', 'TypeMismatchError');
      if (array.byteLength > 65536) throw new DOMException('getRandomValues: too many bytes', 'QuotaExceededError');
      const target = new P.Uint8Array(array.buffer, array.byteOffset, array.byteLength);
      P.TypedArraySet(target, host.randomBytes(array.byteLength));
      return array;
    }
    randomUUID() {
      const bytes = host.randomBytes(16);
      bytes[6] = (bytes[6] & 0x0f) | 0x40;
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      const text = hex(bytes);
      const cut = (from, to) => P.StringSlice(text, from, to);
      return `${cut(0, 8)}-${cut(8, 12)}-${cut(12, 16)}-${cut(16, 20)}-${cut(20)}`;
    }
  }
  define('Crypto', Crypto);
  define('crypto', new Crypto(key));
})
