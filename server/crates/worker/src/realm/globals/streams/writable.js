// WritableStream (Streams Standard, section 5.2) and the operations on its record (section 5.5).
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;

  const newWritable = () => ({
    __proto__: null, object: undefined, state: 'writable', error: undefined, writer: undefined, controller: undefined,
    writeInFlight: undefined, closeRequest: undefined, closeInFlight: undefined, abortRequest: undefined,
    writeRequests: S.list(), hasBackpressure: false,
  });
  S.isWritableLocked = (stream) => stream.writer !== undefined;
  S.isClosingOrClosed = (stream) => S.isCloseRequested(stream) || stream.state === 'closed';
  // WritableStreamCloseQueuedOrInFlight
  S.isCloseRequested = (stream) => stream.closeRequest !== undefined || stream.closeInFlight !== undefined;
  const isBusy = (stream) => stream.writeInFlight !== undefined || stream.closeInFlight !== undefined;

  // WritableStreamAbort
  S.abortWritable = (stream, reason) => {
    if (stream.state === 'closed' || stream.state === 'errored') return S.nothing();
    internals.abortSignal(stream.controller.signal, reason);
    // A listener of the signal may have changed it.
    if (stream.state === 'closed' || stream.state === 'errored') return S.nothing();
    if (stream.abortRequest !== undefined) return stream.abortRequest.later.promise;
    const wasErroring = stream.state === 'erroring';
    const later = S.pending();
    stream.abortRequest = { __proto__: null, later, reason: wasErroring ? undefined : reason, wasErroring };
    if (!wasErroring) startErroring(stream, reason);
    return later.promise;
  };
  // WritableStreamClose
  S.closeWritable = (stream) => {
    if (stream.state === 'closed' || stream.state === 'errored') return S.refuse('The stream is closed or errored.');
    const later = S.pending();
    stream.closeRequest = later;
    if (stream.writer !== undefined && stream.hasBackpressure && stream.state === 'writable') {
      stream.writer.ready.resolve(undefined);
    }
    S.closeSink(stream.controller);
    return later.promise;
  };
  S.addWriteRequest = (stream) => {
    const later = S.pending();
    S.push(stream.writeRequests, later);
    return later.promise;
  };

  // WritableStreamDealWithRejection
  S.dealWithRejection = (stream, error) => {
    if (stream.state === 'writable') startErroring(stream, error);
    else S.finishErroring(stream);
  };
  // WritableStreamStartErroring
  const startErroring = (stream, reason) => {
    stream.state = 'erroring';
    stream.error = reason;
    if (stream.writer !== undefined) S.rejectReady(stream.writer, reason);
    if (!isBusy(stream) && stream.controller.isStarted) S.finishErroring(stream);
  };
  S.startErroring = startErroring;
  // WritableStreamFinishErroring
  S.finishErroring = (stream) => {
    stream.state = 'errored';
    S.resetQueue(stream.controller);
    const requests = S.takeAll(stream.writeRequests);
    for (let at = 0; at < requests.length; at++) requests[at].reject(stream.error);
    const request = stream.abortRequest;
    if (request === undefined) {
      rejectClosed(stream);
      return;
    }
    stream.abortRequest = undefined;
    if (request.wasErroring) {
      request.later.reject(stream.error);
      rejectClosed(stream);
      return;
    }
    S.react(S.abortSink(stream.controller, request.reason), () => {
      request.later.resolve(undefined);
      rejectClosed(stream);
    }, (error) => {
      request.later.reject(error);
      rejectClosed(stream);
    });
  };
  // WritableStreamRejectCloseAndClosedPromiseIfNeeded
  const rejectClosed = (stream) => {
    if (stream.closeRequest !== undefined) {
      stream.closeRequest.reject(stream.error);
      stream.closeRequest = undefined;
    }
    if (stream.writer !== undefined) {
      stream.writer.closed.reject(stream.error);
      S.markHandled(stream.writer.closed.promise);
    }
  };

  S.finishWrite = (stream) => {
    stream.writeInFlight.resolve(undefined);
    stream.writeInFlight = undefined;
  };
  S.failWrite = (stream, error) => {
    stream.writeInFlight.reject(error);
    stream.writeInFlight = undefined;
    S.dealWithRejection(stream, error);
  };
  // WritableStreamFinishInFlightClose
  S.finishClose = (stream) => {
    stream.closeInFlight.resolve(undefined);
    stream.closeInFlight = undefined;
    if (stream.state === 'erroring') {
      stream.error = undefined;
      if (stream.abortRequest !== undefined) {
        stream.abortRequest.later.resolve(undefined);
        stream.abortRequest = undefined;
      }
    }
    stream.state = 'closed';
    if (stream.writer !== undefined) stream.writer.closed.resolve(undefined);
  };
  S.failClose = (stream, error) => {
    stream.closeInFlight.reject(error);
    stream.closeInFlight = undefined;
    if (stream.abortRequest !== undefined) {
      stream.abortRequest.later.reject(error);
      stream.abortRequest = undefined;
    }
    S.dealWithRejection(stream, error);
  };
  // WritableStreamUpdateBackpressure
  S.updateBackpressure = (stream, hasBackpressure) => {
    const { writer } = stream;
    if (writer !== undefined && hasBackpressure !== stream.hasBackpressure) {
      if (hasBackpressure) writer.ready = S.pending();
      else writer.ready.resolve(undefined);
    }
    stream.hasBackpressure = hasBackpressure;
  };

  // CreateWritableStream
  S.createWritable = (start, write, close, abort, mark, size) => {
    const stream = newWritable();
    S.setUpSink(stream, start, write, close, abort, mark, size);
    return new WritableStream(undefined, undefined, S.KEY, stream) && stream;
  };

  // The dictionary UnderlyingSink, its members in the order in which Web IDL reads them.
  const sinkOf = (sink) => {
    const given = internals.dictionary(sink, 'The sink');
    const members = {
      __proto__: null,
      abort: internals.callback(given, 'abort', 'The sink'),
      close: internals.callback(given, 'close', 'The sink'),
      start: internals.callback(given, 'start', 'The sink'),
      isTyped: given.type !== undefined,
      write: internals.callback(given, 'write', 'The sink'),
    };
    if (members.isTyped) throw new P.RangeError('A WritableStream has no types.');
    return members;
  };

  class WritableStream {
    #stream;
    constructor(underlyingSink = undefined, strategy = undefined) {
      if (arguments.length === 4 && arguments[2] === S.KEY) {
        this.#stream = arguments[3];
        this.#stream.object = this;
        return;
      }
      const sink = internals.optionalObject(underlyingSink, 'The sink');
      const queuing = S.strategy(strategy);
      const members = sinkOf(sink);
      const size = S.sizeAlgorithm(queuing);
      const mark = S.highWaterMark(queuing, 1);
      const stream = newWritable();
      stream.object = this;
      this.#stream = stream;
      S.setUpSinkFromScript(stream, sink, members, mark, size);
    }
    static {
      internals.isWritableStream = (value) => internals.isObject(value) && #stream in value;
      S.writableOf = (value) => (internals.isWritableStream(value) ? value.#stream : undefined);
    }
    get locked() { return S.isWritableLocked(this.#stream); }
    abort(reason = undefined) {
      const stream = S.writableOf(this);
      if (stream === undefined) return S.refuse('Illegal invocation');
      return S.isWritableLocked(stream) ? S.refuse('The stream is locked.') : S.abortWritable(stream, reason);
    }
    close() {
      const stream = S.writableOf(this);
      if (stream === undefined) return S.refuse('Illegal invocation');
      if (S.isWritableLocked(stream)) return S.refuse('The stream is locked.');
      return S.isCloseRequested(stream) ? S.refuse('The stream is closing already.') : S.closeWritable(stream);
    }
    getWriter() { return S.acquireWriter(this.#stream).object; }
  }
  internals.define('WritableStream', WritableStream);
})
