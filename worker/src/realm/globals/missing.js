// Globals that browsers have in a worker and that are not here. Two kinds:
// - what scripts must ask for before they use it, because browsers differ in it (CompressionStream, URLPattern,
//   scheduler, trustedTypes, …), is simply absent: a worker that does without is one that users have;
// - what no browser lacks is there for `typeof` and `in`, as in a browser; using it throws, and the fact is noted.
//   The verdict hangs on that error only if nobody caught it.
// Adds miss(name), which notes and throws, to internals.
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const missed = new P.Set();
  internals.miss = (name) => {
    if (!P.SetHas(missed, name)) internals.note({ __proto__: null, fact: 'missed', name });
    P.SetAdd(missed, name);
    const error = new P.ReferenceError(`${name} is not here`);
    P.WeakMapSet(internals.missing, error, name);
    throw error;
  };
  const stub = (name, target) => {
    const miss = () => internals.miss(name);
    return new Proxy(target, {
      __proto__: null,
      apply: miss,
      construct: miss,
      set: miss,
      // `instanceof` finds that nothing is one.
      get: (of, key) => (key === 'prototype' || key === P.Symbol.hasInstance ? of[key] : miss()),
    });
  };
  const Proxy = globalThis.Proxy;
  const classes = ['WebSocket', 'OffscreenCanvas', 'createImageBitmap', 'ImageData', 'ImageBitmap', 'EventSource',
    'Path2D', 'FontFace', 'DOMMatrix', 'DOMPoint', 'DOMRect', 'MessagePort', 'MessageChannel', 'BroadcastChannel',
    'CryptoKey', 'FileReader', 'IDBFactory', 'Notification'];
  const spaces = ['WebAssembly', 'Intl', 'indexedDB', 'caches'];
  const add = (name, target) => {
    // Whatever another file or the engine has stays.
    if (P.Object_getOwnPropertyDescriptor(globalThis, name) !== undefined) return;
    internals.define(name, stub(name, target));
  };
  for (let at = 0; at < classes.length; at++) add(classes[at], function () {});
  for (let at = 0; at < spaces.length; at++) add(spaces[at], {});
})
