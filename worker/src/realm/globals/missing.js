// Globals that browsers have in a worker and that are not here. Two kinds:
// - what scripts must ask for before they use it, because browsers differ in it (CompressionStream, URLPattern,
//   scheduler, trustedTypes, …), is simply absent: a worker that does without is one that users have;
// - what no browser lacks is there for `typeof` and `in`, as in a browser, its members too: asking for
//   `WebAssembly.instantiate` is no use of it. Calling or constructing throws, and the fact is noted.
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
  const stub = (name, target, members) => {
    const miss = () => internals.miss(name);
    const known = new P.Map();
    return new Proxy(target, {
      __proto__: null,
      apply: miss,
      construct: miss,
      set: miss,
      get: (of, key) => {
        if (!P.ArrayIncludes(members, key)) return of[key];
        if (!P.MapHas(known, key)) P.MapSet(known, key, stub(`${name}.${key}`, function () {}, []));
        return P.MapGet(known, key);
      },
      has: (of, key) => P.ArrayIncludes(members, key) || key in of,
    });
  };
  const Proxy = globalThis.Proxy;
  const classes = ['WebSocket', 'OffscreenCanvas', 'createImageBitmap', 'ImageData', 'ImageBitmap', 'EventSource',
    'Path2D', 'FontFace', 'DOMMatrix', 'DOMPoint', 'DOMRect', 'MessagePort', 'MessageChannel', 'BroadcastChannel',
    'CryptoKey', 'FileReader', 'IDBFactory', 'Notification'];
  const spaces = {
    __proto__: null,
    WebAssembly: ['Module', 'Instance', 'Memory', 'Table', 'Global', 'Tag', 'Exception', 'CompileError', 'LinkError',
      'RuntimeError', 'validate', 'compile', 'compileStreaming', 'instantiate', 'instantiateStreaming'],
    Intl: ['Collator', 'DateTimeFormat', 'DisplayNames', 'ListFormat', 'Locale', 'NumberFormat', 'PluralRules',
      'RelativeTimeFormat', 'Segmenter', 'getCanonicalLocales', 'supportedValuesOf'],
  };
  const add = (name, target, members) => {
    // Whatever another file or the engine has stays.
    if (P.Object_getOwnPropertyDescriptor(globalThis, name) !== undefined) return;
    internals.define(name, stub(name, target, members));
  };
  for (let at = 0; at < classes.length; at++) add(classes[at], function () {}, []);
  for (let at = 0, names = P.ownKeys(spaces); at < names.length; at++) add(names[at], {}, spaces[names[at]]);
})
