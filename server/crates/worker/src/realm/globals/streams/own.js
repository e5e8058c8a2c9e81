// Streams as bodies and blobs use them (Fetch, section 2.2.4; File API, section 3.2): byte streams of our own, reading
// to the end, and what is to be known of a stream without touching it.
//
// Adds to internals: isStream, isDisturbed, isLocked, streamFrom(bytes, origin), originOf(stream) -> { bytes, source }
// of one of our own, exhaust(stream), drain(stream, done, failed), which calls one of the two with the
// Uint8Array or the error, deferred().
(function (host, internals) {
  'use strict';
  const { P, append } = internals;
  const S = internals.streams;
  const origins = new P.WeakMap();
  const { isReadableStream } = internals;

  internals.isStream = isReadableStream;
  internals.originOf = (stream) => P.WeakMapGet(origins, stream);
  internals.isDisturbed = (stream) => S.readableOf(stream).isDisturbed;
  internals.isLocked = (stream) => S.isLocked(S.readableOf(stream));
  // A promise that nobody has to handle.
  internals.deferred = () => {
    const later = S.pending();
    S.markHandled(later.promise);
    return later;
  };

  // A stream that was read to its end.
  internals.exhaust = (stream) => {
    const record = S.readableOf(stream);
    record.isDisturbed = true;
    if (record.state === 'readable') S.closeReadable(record);
  };
  internals.streamFrom = (bytes, origin) => {
    const pull = () => {
      const { controller } = stream;
      if (P.TypedArrayGetLength(bytes) > 0) S.enqueueBytes(controller, S.viewOf(P.TypedArraySlice(bytes)));
      S.closeBytes(controller);
      const request = S.byobRequestOf(controller);
      if (request !== null && stream.state === 'closed') S.respond(controller, 0);
      return S.nothing();
    };
    const stream = S.createReadableBytes(() => undefined, pull, S.nothing, 0);
    P.WeakMapSet(origins, stream.object, { __proto__: null, bytes, source: origin.source });
    return stream.object;
  };
  // Fetch, "fully read": a chunk that is no Uint8Array is an error.
  internals.drain = (stream, done, failed) => {
    const reader = S.acquireReader(S.readableOf(stream));
    const chunks = [];
    const fail = (error) => {
      S.releaseReader(reader);
      failed(error);
    };
    const next = () => S.read(reader, {
      __proto__: null,
      chunk: (value) => {
        if (!P.isView(value) || P.TypedArrayGet_tag(value) !== 'Uint8Array') {
          failed(new P.TypeError('A chunk of the body is no Uint8Array'));
          return;
        }
        append(chunks, internals.copyOfSource(value, true));
        S.microtask(next);
      },
      close: () => {
        S.releaseReader(reader);
        done(internals.concat(chunks));
      },
      error: fail,
    });
    next();
  };
})
