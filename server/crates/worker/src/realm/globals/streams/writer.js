// WritableStreamDefaultWriter (Streams Standard, sections 5.3 and 5.5.3).
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;

  // SetUpWritableStreamDefaultWriter
  const setUp = (stream, object) => {
    if (S.isWritableLocked(stream)) throw new P.TypeError('The stream is locked.');
    const writer = { __proto__: null, object, stream, ready: undefined, closed: undefined };
    stream.writer = writer;
    const isWaiting = stream.state === 'writable' && !S.isCloseRequested(stream) && stream.hasBackpressure;
    if (stream.state === 'erroring' || stream.state === 'errored') writer.ready = S.rejected(stream.error);
    else writer.ready = isWaiting ? S.pending() : S.resolved();
    if (stream.state === 'errored') writer.closed = S.rejected(stream.error);
    else writer.closed = stream.state === 'closed' ? S.resolved() : S.pending();
    return writer;
  };
  S.acquireWriter = (stream) => find(new WritableStreamDefaultWriter(stream.object));

  // WritableStreamDefaultWriterEnsureReadyPromiseRejected and …EnsureClosedPromiseRejected
  const ensureRejected = (writer, name, error) => {
    if (!writer[name].isPending) {
      writer[name] = S.rejected(error);
      return;
    }
    writer[name].reject(error);
    S.markHandled(writer[name].promise);
  };
  S.rejectReady = (writer, error) => ensureRejected(writer, 'ready', error);
  // WritableStreamDefaultWriterRelease
  S.releaseWriter = (writer) => {
    const error = new P.TypeError('The writer was released.');
    ensureRejected(writer, 'ready', error);
    ensureRejected(writer, 'closed', error);
    writer.stream.writer = undefined;
    writer.stream = undefined;
  };
  // WritableStreamDefaultWriterCloseWithErrorPropagation
  S.closeOrFail = ({ stream }) => {
    if (S.isClosingOrClosed(stream)) return S.nothing();
    if (stream.state === 'errored') return P.Promise_reject(stream.error);
    return S.closeWritable(stream);
  };
  S.desiredWriteSize = (stream) => {
    if (stream.state === 'errored' || stream.state === 'erroring') return null;
    return stream.state === 'closed' ? 0 : stream.controller.mark - stream.controller.total;
  };
  // WritableStreamDefaultWriterWrite
  S.write = (writer, chunk) => {
    const { stream } = writer;
    const size = S.sizeOfWrite(stream.controller, chunk);
    // The size function may have done anything meanwhile.
    if (stream !== writer.stream) return S.refuse('The writer was released.');
    if (stream.state === 'errored') return P.Promise_reject(stream.error);
    if (S.isClosingOrClosed(stream)) return S.refuse('The stream is closing or closed.');
    if (stream.state === 'erroring') return P.Promise_reject(stream.error);
    const done = S.addWriteRequest(stream);
    S.writeSink(stream.controller, chunk, size);
    return done;
  };

  // Runs an operation that returns a promise on a writer that still has its stream.
  const operate = (object, act) => {
    let writer;
    try {
      writer = find(object);
    } catch (error) {
      return P.Promise_reject(error);
    }
    return writer.stream === undefined ? S.refuse('The writer was released.') : act(writer);
  };
  const attribute = (object, name) => {
    try {
      return find(object)[name].promise;
    } catch (error) {
      return P.Promise_reject(error);
    }
  };

  let find;
  class WritableStreamDefaultWriter {
    #writer;
    constructor(stream) {
      const record = S.writableOf(stream);
      if (record === undefined) throw new P.TypeError('The stream is not a WritableStream.');
      this.#writer = setUp(record, this);
    }
    static { find = (writer) => writer.#writer; }
    get closed() { return attribute(this, 'closed'); }
    get desiredSize() {
      const { stream } = this.#writer;
      if (stream === undefined) throw new P.TypeError('The writer was released.');
      return S.desiredWriteSize(stream);
    }
    get ready() { return attribute(this, 'ready'); }
    abort(reason = undefined) { return operate(this, ({ stream }) => S.abortWritable(stream, reason)); }
    close() {
      return operate(this, ({ stream }) => (
        S.isCloseRequested(stream) ? S.refuse('The stream is closing already.') : S.closeWritable(stream)));
    }
    releaseLock() {
      const writer = this.#writer;
      if (writer.stream !== undefined) S.releaseWriter(writer);
    }
    write(chunk = undefined) { return operate(this, (writer) => S.write(writer, chunk)); }
  }
  internals.define('WritableStreamDefaultWriter', WritableStreamDefaultWriter);
})
