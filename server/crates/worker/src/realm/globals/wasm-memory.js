// WebAssembly.Memory (WebAssembly JavaScript Interface, section 5.3) without instances: a buffer that grows. Workers
// and libraries ask it for the constructor of SharedArrayBuffer, which is no global where a page is not isolated from
// other origins (HTML, section 2.7.1).
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;
  const { SharedArrayBuffer } = S;
  const PAGE_BYTES = 65536;
  const MAX_PAGES = 65536;
  delete globalThis.SharedArrayBuffer;

  // [EnforceRange] unsigned long
  const pagesOf = (value, what) => {
    const pages = internals.toUnsigned(value, what);
    if (pages > 4294967295) throw new P.TypeError(`${what} is out of range.`);
    return pages;
  };
  const open = (pages, isShared) => {
    const bytes = pages * PAGE_BYTES;
    const buffer = isShared ? new SharedArrayBuffer(bytes) : new P.ArrayBuffer(bytes);
    if (!isShared) P.WeakSetAdd(internals.nonTransferable, buffer);
    else P.Object_freeze(buffer);
    return buffer;
  };

  class Memory {
    #buffer;
    #pages;
    #maximum;
    #isShared;
    constructor(descriptor) {
      if (!internals.isObject(descriptor)) throw new P.TypeError('WebAssembly.Memory: the descriptor is not an object.');
      if (descriptor.initial === undefined) throw new P.TypeError('WebAssembly.Memory: initial is required.');
      this.#pages = pagesOf(descriptor.initial, 'initial');
      this.#maximum = descriptor.maximum === undefined ? undefined : pagesOf(descriptor.maximum, 'maximum');
      this.#isShared = !!descriptor.shared;
      if (this.#isShared && this.#maximum === undefined) throw new P.TypeError('A shared memory needs a maximum.');
      if (this.#pages > MAX_PAGES || this.#pages > (this.#maximum ?? MAX_PAGES)) {
        throw new P.RangeError('initial is out of range.');
      }
      this.#buffer = open(this.#pages, this.#isShared);
    }
    get buffer() { return this.#buffer; }
    grow(delta) {
      const before = this.#pages;
      const pages = before + pagesOf(delta, 'delta');
      if (pages > (this.#maximum ?? MAX_PAGES) || pages > MAX_PAGES) throw new P.RangeError('The memory can not grow that far.');
      const old = this.#buffer;
      const grown = open(pages, this.#isShared);
      P.TypedArraySet(new P.Uint8Array(grown), new P.Uint8Array(old), 0);
      if (!this.#isShared) P.ArrayBufferTransfer(old, 0);
      this.#buffer = grown;
      this.#pages = pages;
      return before;
    }
  }
  internals.exposeMembers(Memory);
  P.defineProperty(Memory.prototype, P.toStringTag, {
    __proto__: null, value: 'WebAssembly.Memory', writable: false, enumerable: false, configurable: true,
  });
  // The rest of the namespace is as it was.
  const Proxy = globalThis.Proxy;
  internals.define('WebAssembly', new Proxy(globalThis.WebAssembly, {
    __proto__: null, get: (space, key) => (key === 'Memory' ? Memory : space[key]),
  }));
})
