// Globals that every browser has in a worker and that are not here. Two kinds:
// - what scripts ask for with `typeof` or `in` before they use it, because browsers differ (locks, CompressionStream,
//   URLPattern, BroadcastChannel's kin, scheduler, …) is simply absent: a worker without it is one that users have;
// - what no browser lacks throws when it is read, and the fact is noted. `in` and `typeof` of those are rare, and
//   `typeof` of one that throws is noted too; the verdict hangs on an error that nobody caught.
(function (host, internals) {
  'use strict';
  const { P } = internals;
  internals.miss = (name) => {
    internals.note({ __proto__: null, fact: 'missed', name });
    const error = new P.ReferenceError(`${name} is not here`);
    P.WeakMapSet(internals.missing, error, name);
    throw error;
  };
  const names = ['WebSocket', 'WebAssembly', 'Intl', 'OffscreenCanvas', 'createImageBitmap', 'ImageData', 'ImageBitmap',
    'EventSource', 'Path2D', 'FontFace', 'DOMMatrix', 'DOMPoint', 'DOMRect', 'MessagePort', 'BroadcastChannel',
    'MessageChannel', 'CryptoKey', 'FileReader'];
  for (let at = 0; at < names.length; at++) {
    const name = names[at];
    // Whatever was built stays; what the engine has is better than nothing.
    if (P.Object_getOwnPropertyDescriptor(globalThis, name) !== undefined) continue;
    P.defineProperty(globalThis, name, {
      __proto__: null,
      enumerable: false,
      configurable: true,
      get() { return internals.miss(name); },
      set(value) {
        P.defineProperty(globalThis, name, {
          __proto__: null, value, writable: true, enumerable: true, configurable: true,
        });
      },
    });
  }
})
