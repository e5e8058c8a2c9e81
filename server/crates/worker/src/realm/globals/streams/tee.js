// Teeing (Streams Standard, sections 4.9.1: ReadableStreamDefaultTee, ReadableByteStreamTee).
// Adds to internals: tee(stream), the tee of Fetch's "clone a body".
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;

  // What both kinds share: which branches were cancelled, and the promise that both of their cancellations return.
  const newTee = (stream) => {
    const state = {
      __proto__: null, stream, isReading: false, readsAgain: [false, false], isCanceled: [false, false],
      reasons: [undefined, undefined], branches: [undefined, undefined], cancellation: S.pending(),
      cancel: (at) => (reason) => {
        state.isCanceled[at] = true;
        state.reasons[at] = reason;
        if (state.isCanceled[1 - at]) {
          state.cancellation.resolve(S.cancel(stream, [state.reasons[0], state.reasons[1]]));
        }
        return state.cancellation.promise;
      },
      // The stream ended or failed: a branch that was cancelled alone need not wait for the other.
      finish: () => {
        if (!state.isCanceled[0] || !state.isCanceled[1]) state.cancellation.resolve(undefined);
      },
      controller: (at) => state.branches[at].controller,
    };
    return state;
  };

  S.tee = (stream, copies) => (stream.controller.isBytes ? teeBytes(stream) : teeDefault(stream, copies));
  internals.tee = (stream) => {
    const branches = S.tee(S.readableOf(stream), true);
    return [branches[0].object, branches[1].object];
  };

  const teeDefault = (stream, copies) => {
    const reader = S.acquireReader(stream);
    const tee = newTee(stream);
    let readsAgain = false;
    const enqueue = (chunk) => {
      let second = chunk;
      if (copies && !tee.isCanceled[1]) {
        try {
          second = internals.clone(chunk);
        } catch (error) {
          S.errorDefault(tee.controller(0), error);
          S.errorDefault(tee.controller(1), error);
          tee.cancellation.resolve(S.cancel(stream, error));
          return;
        }
      }
      if (!tee.isCanceled[0]) S.enqueueDefault(tee.controller(0), chunk);
      if (!tee.isCanceled[1]) S.enqueueDefault(tee.controller(1), second);
      tee.isReading = false;
      if (readsAgain) pull();
    };
    const pull = () => {
      if (tee.isReading) {
        readsAgain = true;
        return S.nothing();
      }
      tee.isReading = true;
      S.read(reader, {
        __proto__: null,
        chunk: (chunk) => {
          S.microtask(() => {
            readsAgain = false;
            enqueue(chunk);
          });
        },
        close: () => {
          tee.isReading = false;
          if (!tee.isCanceled[0]) S.closeDefault(tee.controller(0));
          if (!tee.isCanceled[1]) S.closeDefault(tee.controller(1));
          tee.finish();
        },
        error: () => { tee.isReading = false; },
      });
      return S.nothing();
    };
    const nothing = () => undefined;
    tee.branches[0] = S.createReadable(nothing, pull, tee.cancel(0), 1, () => 1);
    tee.branches[1] = S.createReadable(nothing, pull, tee.cancel(1), 1, () => 1);
    S.react(reader.closed.promise, nothing, (error) => {
      S.errorDefault(tee.controller(0), error);
      S.errorDefault(tee.controller(1), error);
      tee.finish();
    });
    return tee.branches;
  };

  const teeBytes = (stream) => {
    const tee = newTee(stream);
    let reader = S.acquireReader(stream);
    const forwardError = (of) => {
      S.react(of.closed.promise, () => undefined, (error) => {
        if (of !== reader) return;
        S.errorBytes(tee.controller(0), error);
        S.errorBytes(tee.controller(1), error);
        tee.finish();
      });
    };
    // The branches share one reader of the kind that the next read needs.
    const useReader = (isByob) => {
      if (reader.isByob === isByob) return;
      S.releaseReader(reader);
      reader = isByob ? S.acquireByobReader(stream) : S.acquireReader(stream);
      forwardError(reader);
    };
    const beginChunk = () => {
      tee.readsAgain[0] = false;
      tee.readsAgain[1] = false;
    };
    const endChunk = () => {
      tee.isReading = false;
      if (tee.readsAgain[0]) pull(0);
      else if (tee.readsAgain[1]) pull(1);
    };
    // A copy of a chunk, or undefined: then both branches have failed.
    const copy = (chunk) => {
      try {
        return S.copyView(chunk);
      } catch (error) {
        S.errorBytes(tee.controller(0), error);
        S.errorBytes(tee.controller(1), error);
        tee.cancellation.resolve(S.cancel(stream, error));
        return undefined;
      }
    };
    const enqueue = (at, chunk) => { S.enqueueBytes(tee.controller(at), S.viewOf(chunk)); };
    const isWaiting = (at) => S.count(tee.controller(at).pendingPullIntos) > 0;
    const stopReading = () => { tee.isReading = false; };

    const pullWithDefaultReader = () => {
      useReader(false);
      S.read(reader, {
        __proto__: null,
        chunk: (chunk) => {
          S.microtask(() => {
            beginChunk();
            let second = chunk;
            if (!tee.isCanceled[0] && !tee.isCanceled[1]) {
              second = copy(chunk);
              if (second === undefined) return;
            }
            if (!tee.isCanceled[0]) enqueue(0, chunk);
            if (!tee.isCanceled[1]) enqueue(1, second);
            endChunk();
          });
        },
        close: () => {
          tee.isReading = false;
          for (let at = 0; at < 2; at++) if (!tee.isCanceled[at]) S.closeBytes(tee.controller(at));
          for (let at = 0; at < 2; at++) if (isWaiting(at)) S.respond(tee.controller(at), 0);
          tee.finish();
        },
        error: stopReading,
      });
    };
    const pullWithByobReader = (view, at) => {
      useReader(true);
      const other = 1 - at;
      S.readInto(reader, view, 1, {
        __proto__: null,
        chunk: (chunk) => {
          S.microtask(() => {
            beginChunk();
            const isWanted = !tee.isCanceled[at];
            if (!tee.isCanceled[other]) {
              const second = copy(chunk);
              if (second === undefined) return;
              if (isWanted) S.respondWithNewView(tee.controller(at), S.viewOf(chunk));
              enqueue(other, second);
            } else if (isWanted) {
              S.respondWithNewView(tee.controller(at), S.viewOf(chunk));
            }
            endChunk();
          });
        },
        close: (chunk) => {
          tee.isReading = false;
          const isWanted = !tee.isCanceled[at];
          const isOtherWanted = !tee.isCanceled[other];
          if (isWanted) S.closeBytes(tee.controller(at));
          if (isOtherWanted) S.closeBytes(tee.controller(other));
          if (chunk !== undefined) {
            if (isWanted) S.respondWithNewView(tee.controller(at), S.viewOf(chunk));
            if (isOtherWanted && isWaiting(other)) S.respond(tee.controller(other), 0);
          }
          tee.finish();
        },
        error: stopReading,
      });
    };
    const pull = (at) => {
      if (tee.isReading) {
        tee.readsAgain[at] = true;
        return S.nothing();
      }
      tee.isReading = true;
      const request = S.byobRequestOf(tee.controller(at));
      if (request === null) pullWithDefaultReader();
      else pullWithByobReader(request.view, at);
      return S.nothing();
    };
    tee.branches[0] = S.createReadableBytes(() => undefined, () => pull(0), tee.cancel(0), 0);
    tee.branches[1] = S.createReadableBytes(() => undefined, () => pull(1), tee.cancel(1), 0);
    forwardError(reader);
    return tee.branches;
  };
})
