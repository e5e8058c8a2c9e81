// ReadableStreamDefaultReader and ReadableStreamBYOBReader (Streams Standard, sections 4.3 to 4.5). A read is a request
// with `chunk(value)`, `close(value)` and `error(reason)`, one of which is called.
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;

  // ReadableStreamReaderGenericInitialize
  const initialize = (stream, isByob, object) => {
    if (S.isLocked(stream)) throw new P.TypeError('The stream is locked.');
    if (isByob && !stream.controller.isBytes) throw new P.TypeError('Only a byte stream has BYOB readers.');
    const reader = { __proto__: null, object, isByob, stream, closed: undefined, requests: S.list() };
    stream.reader = reader;
    if (stream.state === 'readable') reader.closed = S.pending();
    else if (stream.state === 'closed') reader.closed = S.resolved();
    else reader.closed = S.rejected(stream.error);
    return reader;
  };

  S.errorRequests = (reader, error) => {
    const requests = S.takeAll(reader.requests);
    for (let at = 0; at < requests.length; at++) requests[at].error(error);
  };
  // ReadableStreamDefaultReaderRelease and ReadableStreamBYOBReaderRelease
  S.releaseReader = (reader) => {
    const { stream } = reader;
    const error = new P.TypeError('The reader was released.');
    if (stream.state === 'readable') {
      reader.closed.reject(error);
      S.markHandled(reader.closed.promise);
    } else {
      reader.closed = S.rejected(error);
    }
    stream.controller.releaseSteps();
    stream.reader = undefined;
    reader.stream = undefined;
    S.errorRequests(reader, error);
  };
  S.cancelReader = (reader, reason) => S.cancel(reader.stream, reason);

  // ReadableStreamDefaultReaderRead
  S.read = (reader, request) => {
    const { stream } = reader;
    stream.isDisturbed = true;
    if (stream.state === 'closed') request.close();
    else if (stream.state === 'errored') request.error(stream.error);
    else stream.controller.pullSteps(request);
  };
  // ReadableStreamBYOBReaderRead
  S.readInto = (reader, view, min, request) => {
    const { stream } = reader;
    stream.isDisturbed = true;
    if (stream.state === 'errored') request.error(stream.error);
    else S.pullInto(stream.controller, view, min, request);
  };

  // What a read that script asked for becomes.
  const requestOf = (later) => ({
    __proto__: null,
    chunk: (value) => { later.resolve({ value, done: false }); },
    close: (value) => { later.resolve({ value, done: true }); },
    error: (error) => { later.reject(error); },
  });

  // The members of both: `find` returns the record of a reader, or throws.
  const mix = (constructor, find) => {
    const members = {
      get closed() {
        try {
          return find(this).closed.promise;
        } catch (error) {
          return P.Promise_reject(error);
        }
      },
      cancel(reason = undefined) {
        let reader;
        try {
          reader = find(this);
        } catch (error) {
          return P.Promise_reject(error);
        }
        return reader.stream === undefined ? S.refuse('The reader was released.') : S.cancelReader(reader, reason);
      },
      releaseLock() {
        const reader = find(this);
        if (reader.stream !== undefined) S.releaseReader(reader);
      },
    };
    const names = P.ownKeys(members);
    for (let at = 0; at < names.length; at++) {
      P.defineProperty(constructor.prototype, names[at], P.Object_getOwnPropertyDescriptor(members, names[at]));
    }
  };

  let find;
  class ReadableStreamDefaultReader {
    #reader;
    constructor(stream) {
      const record = S.readableOf(stream);
      if (record === undefined) throw new P.TypeError('The stream is not a ReadableStream.');
      this.#reader = initialize(record, false, this);
    }
    static { find = (reader) => reader.#reader; }
    read() {
      let reader;
      try {
        reader = this.#reader;
      } catch (error) {
        return P.Promise_reject(error);
      }
      if (reader.stream === undefined) return S.refuse('The reader was released.');
      const later = S.pending();
      S.read(reader, requestOf(later));
      return later.promise;
    }
  }
  const findDefault = find;
  S.acquireReader = (stream) => findDefault(new ReadableStreamDefaultReader(stream.object));
  mix(ReadableStreamDefaultReader, findDefault);
  internals.define('ReadableStreamDefaultReader', ReadableStreamDefaultReader);

  class ReadableStreamBYOBReader {
    #reader;
    constructor(stream) {
      const record = S.readableOf(stream);
      if (record === undefined) throw new P.TypeError('The stream is not a ReadableStream.');
      this.#reader = initialize(record, true, this);
    }
    static { find = (reader) => reader.#reader; }
    read(view, options = undefined) {
      let reader;
      let min;
      try {
        reader = this.#reader;
        min = check(S.viewOf(view), options);
        if (reader.stream === undefined) throw new P.TypeError('The reader was released.');
      } catch (error) {
        return P.Promise_reject(error);
      }
      const later = S.pending();
      S.readInto(reader, view, min, requestOf(later));
      return later.promise;
    }
  }
  const findByob = find;
  S.acquireByobReader = (stream) => findByob(new ReadableStreamBYOBReader(stream.object));
  // The arguments of `read`; the least number of elements that is to be read.
  const check = (shape, options) => {
    const given = internals.dictionary(options, 'The options').min;
    const min = given === undefined ? 1 : internals.toUnsigned(given, 'min');
    if (shape.byteLength === 0) throw new P.TypeError('The view is empty.');
    if (P.ArrayBufferGetByteLength(shape.buffer) === 0) throw new P.TypeError("The view's buffer is empty.");
    if (S.isDetached(shape.buffer)) throw new P.TypeError("The view's buffer is detached.");
    if (min === 0) throw new P.TypeError('min must be greater than 0.');
    if (min > shape.byteLength / shape.elementSize) throw new P.RangeError('min is greater than the view.');
    return min;
  };
  mix(ReadableStreamBYOBReader, findByob);
  internals.define('ReadableStreamBYOBReader', ReadableStreamBYOBReader);
})
