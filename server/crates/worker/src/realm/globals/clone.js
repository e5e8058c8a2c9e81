// structuredClone (HTML, section 2.7): plain values, containers, dates, errors, buffers, blobs, and what is transferred.
// Adds to internals: clone(value), cloneWithTransfer(value, list) -> { value, ports }, where the ports are those that
// took the place of the transferred ones, in their order; transferOf(options), the list of a method that takes either
// the list or options with one.
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
    if (is(P.ArrayBufferGetByteLength, value)) return keep(copyBuffer(value));
    // Another agent would share it, which needs a scope that is isolated from other origins.
    if (internals.isSharedBuffer(value)) refuse(value);
    if (P.isView(value)) return keep(copyView(value, known));
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
  // An object that implements an interface has its prototype; those that can be serialised have been dealt with before.
  const interfaces = new P.WeakSet();
  let listed = 0;
  const isPlatform = (value) => {
    for (; listed < internals.defined.length; listed++) {
      const { value: face } = internals.defined[listed];
      if (typeof face === 'function' && internals.isObject(face.prototype)) P.WeakSetAdd(interfaces, face.prototype);
    }
    for (let at = P.getPrototypeOf(value); at !== null; at = P.getPrototypeOf(at)) {
      if (P.WeakSetHas(interfaces, at)) return true;
    }
    return is((promise) => internals.hear(promise), value)
      || is((map) => P.WeakMapHas(map, value), value) || is((set) => P.WeakSetHas(set, value), value);
  };
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
  const views = { __proto__: null };
  for (let at = 0, names = ['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array',
    'Uint32Array', 'Float16Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array'];
    at < names.length; at++) views[names[at]] = globalThis[names[at]];

  // A buffer of the same length and, where it can be resized, the same limit.
  const copyBuffer = (buffer) => {
    if (P.ArrayBufferGetDetached(buffer)) throw new DOMException('A detached buffer can not be cloned.', 'DataCloneError');
    if (!P.ArrayBufferGetResizable(buffer)) return P.ArrayBufferSlice(buffer, 0);
    const made = new P.ArrayBuffer(P.ArrayBufferGetByteLength(buffer), {
      __proto__: null, maxByteLength: P.ArrayBufferGetMaxByteLength(buffer),
    });
    P.TypedArraySet(new P.Uint8Array(made), new P.Uint8Array(buffer), 0);
    return made;
  };
  // What a view covers, or DataCloneError where it reaches beyond its buffer.
  const copyView = (view, known) => {
    const name = P.TypedArrayGet_tag(view);
    const isInside = name === undefined ? is(P.DataViewGetByteLength, view) : is(P.TypedArrayKeys, view);
    if (!isInside) throw new DOMException('A view beyond the end of its buffer can not be cloned.', 'DataCloneError');
    const buffer = name === undefined ? P.DataViewGetBuffer(view) : P.TypedArrayGetBuffer(view);
    const offset = name === undefined ? P.DataViewGetByteOffset(view) : P.TypedArrayGetByteOffset(view);
    const length = name === undefined ? P.DataViewGetByteLength(view) : P.TypedArrayGetLength(view);
    const isTracking = tracks(view, name, buffer);
    const made = copy(buffer, known);
    const constructor = name === undefined ? DataView : views[name];
    return isTracking ? new constructor(made, offset) : new constructor(made, offset, length);
  };
  // Whether a view's length follows its buffer's, which shows only when that changes: it does so for a moment.
  const tracks = (view, name, buffer) => {
    if (internals.isSharedBuffer(buffer) || !P.ArrayBufferGetResizable(buffer)) return false;
    const lengthOf = name === undefined ? P.DataViewGetByteLength : P.TypedArrayGetByteLength;
    const offset = name === undefined ? P.DataViewGetByteOffset(view) : P.TypedArrayGetByteOffset(view);
    const whole = P.ArrayBufferGetByteLength(buffer);
    const before = lengthOf(view);
    const most = P.ArrayBufferGetMaxByteLength(buffer);
    // The longest element has eight bytes: as many more, or as many less.
    if (most - whole >= 8) {
      P.ArrayBufferResize(buffer, whole + 8);
      const isLonger = lengthOf(view) !== before;
      P.ArrayBufferResize(buffer, whole);
      return isLonger;
    }
    if (before === 0 || whole - offset - before >= 8) return false;
    const content = P.TypedArraySlice(new P.Uint8Array(buffer));
    P.ArrayBufferResize(buffer, offset);
    // Of a fixed length, it reaches beyond the end of the buffer now.
    const isThere = name === undefined ? is(P.DataViewGetByteLength, view) : is(P.TypedArrayKeys, view);
    P.ArrayBufferResize(buffer, whole);
    P.TypedArraySet(new P.Uint8Array(buffer), content, 0);
    return isThere;
  };

  internals.clone = (value) => copy(value, new P.Map());
  // HTML, "StructuredSerializeWithTransfer" and its counterpart: what is transferred is replaced in the copy, and
  // leaves its old place once the rest could be cloned.
  internals.cloneWithTransfer = (value, list) => {
    const known = new P.Map();
    const moves = [];
    const ports = [];
    const cannot = (why) => { throw new DOMException(why, 'DataCloneError'); };
    for (let at = 0; at < list.length; at++) {
      const item = list[at];
      if (P.MapHas(known, item)) cannot('A value is transferred twice.');
      if (is(P.ArrayBufferGetByteLength, item)) {
        const isGone = P.ArrayBufferGetDetached(item);
        P.MapSet(known, item, isGone ? new P.ArrayBuffer(0) : copyBuffer(item));
        internals.append(moves, () => {
          if (P.ArrayBufferGetDetached(item)) cannot('A detached buffer is transferred.');
          if (P.WeakSetHas(internals.nonTransferable, item)) throw new P.TypeError('The buffer can not be transferred.');
          P.ArrayBufferTransfer(item, 0);
        });
      } else if (internals.isPort(item)) {
        const { object, connect } = internals.preparePortTransfer(item);
        P.MapSet(known, item, object);
        internals.append(ports, object);
        internals.append(moves, connect);
      } else if (internals.isTransferableStream(item)) {
        const { object, connect } = internals.prepareStreamTransfer(item);
        P.MapSet(known, item, object);
        internals.append(moves, connect);
      } else {
        cannot('A value is transferred that can not be.');
      }
    }
    const made = copy(value, known);
    for (let at = 0; at < moves.length; at++) moves[at]();
    return { __proto__: null, value: made, ports };
  };
  const toObject = (value) => {
    if (!internals.isObject(value)) throw new P.TypeError('What is transferred is not an object.');
    return value;
  };
  // Web IDL's overloads (sequence<object>) and (StructuredSerializeOptions), whose member `transfer` is such a sequence.
  internals.transferOf = (options) => {
    const what = 'The list of what is transferred';
    const given = internals.dictionary(options, 'The options');
    const iterate = given[P.iterator];
    if (iterate !== undefined && iterate !== null) return internals.sequence(given, what, toObject, iterate);
    const { transfer } = given;
    return transfer === undefined ? [] : internals.sequence(transfer, what, toObject);
  };
  define('structuredClone', function structuredClone(value, options = undefined) {
    internals.need(arguments.length, 1, "Failed to execute 'structuredClone'");
    const given = internals.dictionary(options, 'The options');
    const { transfer } = given;
    if (transfer === undefined) return internals.clone(value);
    return internals.cloneWithTransfer(
      value, internals.sequence(transfer, 'The list of what is transferred', toObject)).value;
  });
})
