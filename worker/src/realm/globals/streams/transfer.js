// Streams that move by structured clone or a message (Streams Standard, sections 4.2.6, 5.2.5, 6.2.4 and 8.3). Both
// ends are in this realm; between them chunks are cloned, and arrive in tasks of their own.
//
// Adds to internals: isTransferableStream(value), makeSureStreamMoves(value), which throws what a transfer would, and
// transferStream(value), which returns the new stream and leaves the old one locked.
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;
  const send = (act) => { internals.later(0, act); };

  // SetUpCrossRealmTransformReadable and …Writable: what goes into one comes out of the other.
  const newPair = () => {
    let wanted = S.pending();
    const fail = (error) => { S.failSinkIfNeeded(writable.controller, error); };
    const pull = () => {
      send(() => { wanted.resolve(undefined); });
      return S.nothing();
    };
    const cancel = (reason) => {
      let copy;
      try {
        copy = internals.clone(reason);
      } catch (error) {
        send(() => { fail(error); });
        return P.Promise_reject(error);
      }
      send(() => {
        fail(copy);
        wanted.resolve(undefined);
      });
      return S.nothing();
    };
    const write = (chunk) => S.react(wanted.promise, () => {
      wanted = S.pending();
      let copy;
      try {
        copy = internals.clone(chunk);
      } catch (error) {
        send(() => { S.errorDefault(readable.controller, error); });
        throw error;
      }
      send(() => { S.enqueueDefault(readable.controller, copy); });
    });
    const close = () => {
      send(() => { S.closeDefault(readable.controller); });
      return S.nothing();
    };
    const abort = (reason) => {
      let copy;
      try {
        copy = internals.clone(reason);
      } catch (error) {
        send(() => { S.errorDefault(readable.controller, error); });
        return P.Promise_reject(error);
      }
      send(() => { S.errorDefault(readable.controller, copy); });
      return S.nothing();
    };
    const readable = S.createReadable(() => undefined, pull, cancel, 0, () => 1);
    const writable = S.createWritable(() => undefined, write, close, abort, 1, () => 1);
    return { __proto__: null, readable, writable };
  };
  const options = { __proto__: null, preventAbort: false, preventCancel: false, preventClose: false, signal: undefined };
  const move = (source, target) => { S.markHandled(S.pipe(source, target, options)); };
  const moveReadable = (stream) => {
    const pair = newPair();
    move(stream, pair.writable);
    return pair.readable;
  };
  const moveWritable = (stream) => {
    const pair = newPair();
    move(pair.readable, stream);
    return pair.writable;
  };

  internals.isTransferableStream = (value) => internals.isReadableStream(value) || internals.isWritableStream(value)
    || internals.isTransformStream(value);
  const isLocked = (value) => {
    const transform = S.transformOf(value);
    if (transform !== undefined) return S.isLocked(transform.readable) || S.isWritableLocked(transform.writable);
    const readable = S.readableOf(value);
    return readable === undefined ? S.isWritableLocked(S.writableOf(value)) : S.isLocked(readable);
  };
  internals.makeSureStreamMoves = (value) => {
    if (isLocked(value)) throw new internals.DOMException('A locked stream can not be transferred.', 'DataCloneError');
  };
  internals.transferStream = (value) => {
    internals.makeSureStreamMoves(value);
    const transform = S.transformOf(value);
    if (transform !== undefined) {
      return S.adoptTransform(moveReadable(transform.readable), moveWritable(transform.writable));
    }
    const readable = S.readableOf(value);
    return readable === undefined ? moveWritable(S.writableOf(value)).object : moveReadable(readable).object;
  };
})
