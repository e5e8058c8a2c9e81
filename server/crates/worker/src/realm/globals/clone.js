// structuredClone (HTML, section 2.7): plain values, containers, dates, errors, buffers, blobs. Adds clone(value) to
// internals.
(function (host, internals) {
  'use strict';
  const { P, define, DOMException } = internals;
  const refuse = (value) => {
    throw new DOMException(`${typeof value} could not be cloned.`, 'DataCloneError');
  };
  // Whether one of the engine's own accessors takes the value as its own.
  const is = (probe, value) => {
    try {
      probe(value);
      return true;
    } catch {
      return false;
    }
  };
  const errors = { __proto__: null };
  for (let at = 0, names = ['Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'];
    at < names.length; at++) errors[names[at]] = globalThis[names[at]];

  const copy = (value, known) => {
    if (typeof value === 'symbol' || typeof value === 'function') refuse(value);
    if (!internals.isObject(value)) return value;
    const before = P.MapGet(known, value);
    if (before !== undefined) return before;
    const keep = (made) => {
      P.MapSet(known, value, made);
      return made;
    };
    // The common case first: every probe that fails makes an error.
    const prototype = P.getPrototypeOf(value);
    const isPlain = prototype === plain || prototype === lists;
    if (!isPlain) {
      const special = copySpecial(value, known, keep);
      if (special !== undefined) return special;
    }
    const made = keep(P.Array_isArray(value) ? new P.Array(value.length) : {});
    const keys = P.Object_keys(value);
    for (let at = 0; at < keys.length; at++) {
      P.defineProperty(made, keys[at], {
        __proto__: null, value: copy(value[keys[at]], known), writable: true, enumerable: true, configurable: true,
      });
    }
    return made;
  };
  const plain = P.Object.prototype;
  const lists = P.Array.prototype;
  // What is more than its properties, or undefined.
  const copySpecial = (value, known, keep) => {
    if (is(P.DateGetTime, value)) return keep(new P.Date(P.DateGetTime(value)));
    if (is(P.BooleanValueOf, value)) return keep(P.Object(P.BooleanValueOf(value)));
    if (is(P.NumberValueOf, value)) return keep(P.Object(P.NumberValueOf(value)));
    if (is(P.StringValueOf, value)) return keep(P.Object(P.StringValueOf(value)));
    if (is(P.BigIntValueOf, value)) return keep(P.Object(P.BigIntValueOf(value)));
    if (is(P.SymbolValueOf, value)) refuse(value);
    // Its prototype has a source too, and is no regular expression.
    if (value !== P.RegExp.prototype && is(P.RegExpGetSource, value)) {
      return keep(new P.RegExp(P.RegExpGetSource(value), P.RegExpGetFlags(value)));
    }
    if (is(P.ArrayBufferGetByteLength, value)) return keep(P.ArrayBufferSlice(value, 0));
    if (P.isView(value)) {
      const buffer = copy(value.buffer, known);
      const constructor = views[P.ObjectToString(value)];
      if (constructor === undefined) refuse(value);
      return keep(new constructor(buffer, value.byteOffset, constructor === DataView ? value.byteLength : value.length));
    }
    if (is(P.MapGetSize, value)) {
      const made = keep(new P.Map());
      P.MapForEach(value, (item, name) => { P.MapSet(made, copy(name, known), copy(item, known)); });
      return made;
    }
    if (is(P.SetGetSize, value)) {
      const made = keep(new P.Set());
      P.SetForEach(value, (item) => { P.SetAdd(made, copy(item, known)); });
      return made;
    }
    if (internals.isBlob(value)) return keep(copyBlob(value));
    if (isError(value)) {
      const name = value.name === undefined ? 'Error' : `${value.name}`;
      const made = keep(new (errors[name] || P.Error)());
      // HTML, "StructuredSerializeInternal", step 17: data properties alone, which are read and not asked.
      for (let at = 0, keys = ['message', 'cause']; at < keys.length; at++) {
        const property = P.Object_getOwnPropertyDescriptor(value, keys[at]);
        if (property === undefined || !('value' in property)) continue;
        P.defineProperty(made, keys[at], {
          __proto__: null, value: keys[at] === 'message' ? `${property.value}` : copy(property.value, known),
          writable: true, enumerable: false, configurable: true,
        });
      }
      return made;
    }
    if (value instanceof DOMException) return keep(new DOMException(value.message, value.name));
    if (isPlatform(value)) refuse(value);
    return undefined;
  };
  const isPlatform = (value) => internals.isRequest(value) || internals.isResponse(value) || internals.isHeaders(value)
    || internals.isTransferableStream(value) || internals.isEvent(value) || internals.isSignal(value)
    || is((promise) => internals.hear(promise), value) || value === globalThis
    || is((map) => P.WeakMapHas(map, value), value) || is((set) => P.WeakSetHas(set, value), value);
  const isError = (value) => P.ErrorGetStack(value) !== undefined;
  const copyBlob = (blob) => {
    if (internals.copyBlob !== undefined) return internals.copyBlob(blob);
    return internals.isFile(blob)
      ? new globalFile([internals.newBlob(internals.blobBytes(blob), '')], blob.name, {
        __proto__: null, type: internals.blobType(blob), lastModified: blob.lastModified,
      })
      : internals.newBlob(internals.blobBytes(blob), internals.blobType(blob));
  };
  const globalFile = globalThis.File;
  const DataView = globalThis.DataView;
  const views = { __proto__: null, '[object DataView]': DataView };
  for (let at = 0, names = ['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array',
    'Uint32Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array']; at < names.length; at++) {
    views[`[object ${names[at]}]`] = globalThis[names[at]];
  }
  internals.clone = (value) => copy(value, new P.Map());
  // HTML, "StructuredSerializeWithTransfer" and its counterpart: what is transferred is replaced in the copy, and
  // leaves its old place once the rest could be cloned.
  internals.cloneWithTransfer = (value, list) => {
    const known = new P.Map();
    const moves = [];
    for (let at = 0; at < list.length; at++) {
      const item = list[at];
      if (P.MapHas(known, item)) throw new DOMException('A value is transferred twice.', 'DataCloneError');
      if (is(P.ArrayBufferGetByteLength, item)) {
        if (P.ArrayBufferGetDetached(item)) throw new DOMException('A detached buffer is transferred.', 'DataCloneError');
        if (P.WeakSetHas(internals.nonTransferable, item)) throw new P.TypeError('The buffer can not be transferred.');
        P.MapSet(known, item, P.ArrayBufferSlice(item, 0));
        internals.append(moves, () => { P.ArrayBufferTransfer(item, 0); });
      } else if (internals.isTransferableStream(item)) {
        const { object, connect } = internals.prepareStreamTransfer(item);
        P.MapSet(known, item, object);
        internals.append(moves, connect);
      }
    }
    const made = copy(value, known);
    for (let at = 0; at < moves.length; at++) moves[at]();
    return made;
  };
  define('structuredClone', function structuredClone(value) {
    if (arguments.length === 0) throw new P.TypeError('structuredClone: 1 argument required');
    const options = arguments[1];
    if (options === undefined || options === null) return internals.clone(value);
    if (!internals.isObject(options)) throw new P.TypeError('structuredClone: the options are not an object');
    const { transfer } = options;
    return transfer === undefined ? internals.clone(value) : internals.cloneWithTransfer(value, P.Array_from(transfer));
  });
})
