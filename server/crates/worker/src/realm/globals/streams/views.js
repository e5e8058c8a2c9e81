// Buffers and views as byte streams handle them: what a view covers, transfers and copies, without asking properties
// that script may have changed.
//
// Adds to internals: copyOfSource(value, allowsShared), the bytes of a BufferSource; isSharedBuffer(value);
// nonTransferable, a WeakSet of the buffers that must stay where they are.
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;
  const { DataView, SharedArrayBuffer } = globalThis;
  S.SharedArrayBuffer = SharedArrayBuffer;
  const types = { __proto__: null };
  const sizes = {
    __proto__: null, Int8Array: 1, Uint8Array: 1, Uint8ClampedArray: 1, Int16Array: 2, Uint16Array: 2, Float16Array: 2,
    Int32Array: 4, Uint32Array: 4, Float32Array: 4, Float64Array: 8, BigInt64Array: 8, BigUint64Array: 8,
  };
  for (let at = 0, names = P.ownKeys(sizes); at < names.length; at++) types[names[at]] = globalThis[names[at]];

  const isShared = SharedArrayBuffer === undefined ? () => false : (() => {
    const get = P.Object_getOwnPropertyDescriptor(SharedArrayBuffer.prototype, 'byteLength').get;
    return (buffer) => {
      try {
        P.apply(get, buffer, []);
        return true;
      } catch {
        return false;
      }
    };
  })();
  internals.isSharedBuffer = isShared;

  // The Web IDL type ArrayBufferView: neither shared nor resizable.
  S.viewOf = (view) => {
    if (!P.isView(view)) throw new P.TypeError('The value is not a view on an ArrayBuffer.');
    const name = P.TypedArrayGet_tag(view);
    const shape = name === undefined ? {
      __proto__: null, type: DataView, elementSize: 1, buffer: P.DataViewGetBuffer(view), byteOffset: 0, byteLength: 0,
    } : {
      __proto__: null, type: types[name], elementSize: sizes[name], buffer: P.TypedArrayGetBuffer(view),
      byteOffset: P.TypedArrayGetByteOffset(view), byteLength: P.TypedArrayGetByteLength(view),
    };
    if (isShared(shape.buffer)) throw new P.TypeError("The view's buffer is shared.");
    if (P.ArrayBufferGetResizable(shape.buffer)) throw new P.TypeError("The view's buffer is resizable.");
    // The accessors of a DataView throw once its buffer is detached.
    if (name === undefined && !S.isDetached(shape.buffer)) {
      shape.byteOffset = P.DataViewGetByteOffset(view);
      shape.byteLength = P.DataViewGetByteLength(view);
    }
    return shape;
  };

  S.isDetached = (buffer) => P.ArrayBufferGetDetached(buffer);
  internals.nonTransferable = new P.WeakSet();
  S.transfer = (buffer) => {
    if (P.WeakSetHas(internals.nonTransferable, buffer)) {
      throw new P.TypeError('The buffer can not be transferred.');
    }
    return P.ArrayBufferTransfer(buffer);
  };
  S.bytes = (buffer, offset, length) => new P.Uint8Array(buffer, offset, length);
  // Without `slice`, which asks the buffer's constructor.
  S.copyBuffer = (buffer, offset, length) => {
    const copy = new P.Uint8Array(length);
    P.TypedArraySet(copy, S.bytes(buffer, offset, length), 0);
    return P.TypedArrayGetBuffer(copy);
  };
  // CloneAsUint8Array
  S.copyView = (view) => {
    const { buffer, byteOffset, byteLength } = S.viewOf(view);
    return new P.Uint8Array(S.copyBuffer(buffer, byteOffset, byteLength));
  };

  // Web IDL, "get a copy of the bytes held by the buffer source". A detached one holds none.
  internals.copyOfSource = (value, allowsShared) => {
    let shared = false;
    let bytes;
    if (P.isView(value)) {
      const isTyped = P.TypedArrayGet_tag(value) !== undefined;
      const buffer = isTyped ? P.TypedArrayGetBuffer(value) : P.DataViewGetBuffer(value);
      shared = isShared(buffer);
      if (!shared && S.isDetached(buffer)) bytes = new P.Uint8Array(0);
      else if (isTyped) bytes = S.bytes(buffer, P.TypedArrayGetByteOffset(value), P.TypedArrayGetByteLength(value));
      else bytes = S.bytes(buffer, P.DataViewGetByteOffset(value), P.DataViewGetByteLength(value));
    } else if (isShared(value)) {
      shared = true;
      bytes = new P.Uint8Array(value);
    } else if (isBuffer(value)) {
      bytes = S.isDetached(value) ? new P.Uint8Array(0) : new P.Uint8Array(value);
    } else {
      throw new P.TypeError('The value is neither an ArrayBuffer nor a view on one.');
    }
    if (shared && !allowsShared) throw new P.TypeError('The buffer is shared.');
    const copy = new P.Uint8Array(P.TypedArrayGetLength(bytes));
    P.TypedArraySet(copy, bytes, 0);
    return copy;
  };
  const isBuffer = (value) => {
    if (!internals.isObject(value)) return false;
    try {
      P.ArrayBufferGetByteLength(value);
      return true;
    } catch {
      return false;
    }
  };
})
