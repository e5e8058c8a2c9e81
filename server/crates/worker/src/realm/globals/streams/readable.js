// ReadableStream (Streams Standard, section 4.2) and the operations on its record (section 4.9).
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;
  let recordOf;

  S.newReadable = () => ({
    __proto__: null, object: undefined, controller: undefined, reader: undefined, state: 'readable', error: undefined,
    isDisturbed: false,
  });
  S.isLocked = (stream) => stream.reader !== undefined;

  // ReadableStreamCancel
  S.cancel = (stream, reason) => {
    stream.isDisturbed = true;
    if (stream.state === 'closed') return S.nothing();
    if (stream.state === 'errored') return P.Promise_reject(stream.error);
    S.closeReadable(stream);
    const { reader } = stream;
    if (reader !== undefined && reader.isByob) {
      const requests = S.takeAll(reader.requests);
      for (let at = 0; at < requests.length; at++) requests[at].close(undefined);
    }
    return S.react(stream.controller.cancelSteps(reason), () => undefined);
  };

  // ReadableStreamClose
  S.closeReadable = (stream) => {
    stream.state = 'closed';
    const { reader } = stream;
    if (reader === undefined) return;
    reader.closed.resolve(undefined);
    if (reader.isByob) return;
    const requests = S.takeAll(reader.requests);
    for (let at = 0; at < requests.length; at++) requests[at].close();
  };

  // ReadableStreamError
  S.errorReadable = (stream, error) => {
    stream.state = 'errored';
    stream.error = error;
    const { reader } = stream;
    if (reader === undefined) return;
    reader.closed.reject(error);
    S.markHandled(reader.closed.promise);
    S.errorRequests(reader, error);
  };

  // How many reads wait, if the stream has a reader of that kind.
  S.countRequests = (stream, isByob) => {
    const { reader } = stream;
    return reader !== undefined && reader.isByob === isByob ? S.count(reader.requests) : 0;
  };
  S.hasReader = (stream, isByob) => stream.reader !== undefined && stream.reader.isByob === isByob;
  // ReadableStreamFulfillReadRequest and ReadableStreamFulfillReadIntoRequest
  S.fulfillRequest = (stream, chunk, isDone) => {
    const request = S.shift(stream.reader.requests);
    if (isDone) request.close(chunk);
    else request.chunk(chunk);
  };

  // CreateReadableStream and CreateReadableByteStream: a stream of our own, with an object for script.
  S.createReadable = (start, pull, cancel, mark, size) => {
    const stream = S.newReadable();
    S.setUpDefaultController(stream, start, pull, cancel, mark, size);
    return new ReadableStream(undefined, undefined, S.KEY, stream) && stream;
  };
  S.createReadableBytes = (start, pull, cancel, mark) => {
    const stream = S.newReadable();
    S.setUpByteController(stream, start, pull, cancel, mark, undefined);
    return new ReadableStream(undefined, undefined, S.KEY, stream) && stream;
  };

  // The dictionary UnderlyingSource, its members in the order in which Web IDL reads them.
  const sourceOf = (source) => {
    const given = internals.dictionary(source, 'The source');
    const chunkSize = given.autoAllocateChunkSize;
    const members = {
      __proto__: null,
      chunkSize: chunkSize === undefined ? undefined : internals.toUnsigned(chunkSize, 'autoAllocateChunkSize'),
      cancel: internals.callback(given, 'cancel', 'The source'),
      pull: internals.callback(given, 'pull', 'The source'),
      start: internals.callback(given, 'start', 'The source'),
      isBytes: false,
    };
    const { type } = given;
    if (type !== undefined) {
      if (`${type}` !== 'bytes') throw new P.TypeError(`'${type}' is not a type of a ReadableStream.`);
      members.isBytes = true;
    }
    return members;
  };

  // The dictionary StreamPipeOptions.
  const pipeOptionsOf = (options) => {
    const given = internals.dictionary(options, 'The options');
    const preventAbort = !!given.preventAbort;
    const preventCancel = !!given.preventCancel;
    const preventClose = !!given.preventClose;
    const { signal } = given;
    if (signal !== undefined && !internals.isSignal(signal)) throw new P.TypeError('signal is not an AbortSignal.');
    return { __proto__: null, preventAbort, preventCancel, preventClose, signal };
  };

  class ReadableStream {
    #stream;
    constructor(underlyingSource = undefined, strategy = undefined) {
      if (arguments.length === 4 && arguments[2] === S.KEY) {
        this.#stream = arguments[3];
        this.#stream.object = this;
        return;
      }
      const source = internals.optionalObject(underlyingSource, 'The source');
      const queuing = S.strategy(strategy);
      const members = sourceOf(source);
      const stream = S.newReadable();
      if (members.isBytes) {
        if (queuing.size !== undefined) throw new P.RangeError('A byte stream has no size function.');
        const mark = S.highWaterMark(queuing, 0);
        this.#stream = stream;
        stream.object = this;
        S.setUpByteControllerFromSource(stream, source, members, mark);
      } else {
        const size = S.sizeAlgorithm(queuing);
        const mark = S.highWaterMark(queuing, 1);
        this.#stream = stream;
        stream.object = this;
        S.setUpDefaultControllerFromSource(stream, source, members, mark, size);
      }
    }
    static {
      recordOf = (stream) => stream.#stream;
      internals.isReadableStream = (value) => internals.isObject(value) && #stream in value;
      S.readableOf = (value) => (internals.isReadableStream(value) ? value.#stream : undefined);
    }
    static from(asyncIterable) {
      if (arguments.length === 0) throw new P.TypeError('from: 1 argument required');
      return S.fromIterable(asyncIterable).object;
    }
    get locked() { return S.isLocked(this.#stream); }
    cancel(reason = undefined) {
      try {
        recordOf(this);
      } catch (error) {
        return P.Promise_reject(error);
      }
      if (S.isLocked(this.#stream)) return S.refuse('The stream is locked.');
      return S.cancel(this.#stream, reason);
    }
    getReader(options = undefined) {
      const stream = this.#stream;
      const { mode } = internals.dictionary(options, 'The options');
      if (mode === undefined) return S.acquireReader(stream).object;
      if (`${mode}` !== 'byob') throw new P.TypeError(`'${mode}' is not a mode of a reader.`);
      return S.acquireByobReader(stream).object;
    }
    pipeThrough(transform, options = undefined) {
      const stream = this.#stream;
      const pair = internals.dictionary(transform, 'The transform');
      const { readable } = pair;
      if (!internals.isReadableStream(readable)) throw new P.TypeError('pipeThrough: readable is not a ReadableStream.');
      const target = S.writableOf(pair.writable);
      if (target === undefined) throw new P.TypeError('pipeThrough: writable is not a WritableStream.');
      const given = pipeOptionsOf(options);
      if (S.isLocked(stream) || S.isWritableLocked(target)) throw new P.TypeError('The stream is locked.');
      S.markHandled(S.pipe(stream, target, given));
      return readable;
    }
    pipeTo(destination, options = undefined) {
      let stream;
      let target;
      let given;
      try {
        stream = this.#stream;
        target = S.writableOf(destination);
        if (target === undefined) throw new P.TypeError('pipeTo: the destination is not a WritableStream.');
        given = pipeOptionsOf(options);
      } catch (error) {
        return P.Promise_reject(error);
      }
      if (S.isLocked(stream) || S.isWritableLocked(target)) return S.refuse('The stream is locked.');
      return S.pipe(stream, target, given);
    }
    tee() {
      const branches = S.tee(this.#stream, false);
      return [branches[0].object, branches[1].object];
    }
    values(options = undefined) {
      const stream = this.#stream;
      const keeps = !!internals.dictionary(options, 'The options').preventCancel;
      return S.iterate(stream, keeps);
    }
  }
  P.defineProperty(ReadableStream.prototype, P.asyncIterator, {
    __proto__: null, value: ReadableStream.prototype.values, writable: true, enumerable: false, configurable: true,
  });
  internals.define('ReadableStream', ReadableStream);
})
