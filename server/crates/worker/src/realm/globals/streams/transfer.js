// Streams that move by structured clone or a message (Streams Standard, sections 4.2.6, 5.2.5, 6.2.4 and 8.3). Both
// ends are in this realm; between them chunks are cloned, and arrive in tasks of their own.
//
// Adds to internals: isTransferableStream(value), and prepareStreamTransfer(value) -> { object, connect }: the new
// stream, and what moves the old one there, leaving it locked, or throws a DataCloneError.
(function (host, internals) {
  'use strict';
  const { P, append } = internals;
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
  // What stands for a stream at its new place, and what connects the two once the message is sure to go.
  const prepareReadable = (stream) => {
    const pair = newPair();
    return { __proto__: null, record: pair.readable, connect: () => { move(stream, pair.writable); } };
  };
  const prepareWritable = (stream) => {
    const pair = newPair();
    return { __proto__: null, record: pair.writable, connect: () => { move(pair.readable, stream); } };
  };

  internals.isTransferableStream = (value) => internals.isReadableStream(value) || internals.isWritableStream(value)
    || internals.isTransformStream(value);
  const isLocked = (value) => {
    const transform = S.transformOf(value);
    if (transform !== undefined) return S.isLocked(transform.readable) || S.isWritableLocked(transform.writable);
    const readable = S.readableOf(value);
    return readable === undefined ? S.isWritableLocked(S.writableOf(value)) : S.isLocked(readable);
  };
  internals.prepareStreamTransfer = (value) => {
    let object;
    const parts = [];
    const transform = S.transformOf(value);
    const readable = S.readableOf(value);
    if (transform !== undefined) {
      append(parts, prepareReadable(transform.readable));
      append(parts, prepareWritable(transform.writable));
      object = S.adoptTransform(parts[0].record, parts[1].record);
    } else {
      append(parts, readable === undefined ? prepareWritable(S.writableOf(value)) : prepareReadable(readable));
      object = parts[0].record.object;
    }
    const connect = () => {
      if (isLocked(value)) {
        throw new internals.DOMException('A locked stream can not be transferred.', 'DataCloneError');
      }
      for (let at = 0; at < parts.length; at++) parts[at].connect();
    };
    return { __proto__: null, object, connect };
  };
})
