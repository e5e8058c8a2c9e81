// ReadableStreamPipeTo (Streams Standard, section 4.9.1). Nothing of it goes through what script may have patched.
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;

  S.pipe = (source, target, { preventAbort, preventCancel, preventClose, signal }) => {
    const reader = S.acquireReader(source);
    const writer = S.acquireWriter(target);
    source.isDisturbed = true;
    const outcome = S.pending();
    let isShuttingDown = false;
    let lastWrite = S.nothing();
    let forgetSignal = () => {};

    // "Shutdown" and "shutdown with an action": writes that were begun end first, then the action runs.
    const finalize = (isError, error) => {
      S.releaseWriter(writer);
      S.releaseReader(reader);
      forgetSignal();
      if (isError) outcome.reject(error);
      else outcome.resolve(undefined);
    };
    const whenWritten = (act) => {
      const known = lastWrite;
      const go = () => {
        if (known === lastWrite) act();
        else whenWritten(act);
      };
      S.react(known, go, go);
    };
    const shutDown = (action, isError, error) => {
      if (isShuttingDown) return;
      isShuttingDown = true;
      const finish = () => {
        if (action === null) {
          finalize(isError, error);
          return;
        }
        S.react(action(), () => { finalize(isError, error); }, (newError) => { finalize(true, newError); });
      };
      if (target.state === 'writable' && !S.isCloseRequested(target)) whenWritten(finish);
      else finish();
    };

    const abort = () => {
      const reason = internals.abortReason(signal);
      const actions = [];
      if (!preventAbort) {
        internals.append(actions, () => (target.state === 'writable' ? S.abortWritable(target, reason) : S.nothing()));
      }
      if (!preventCancel) {
        internals.append(actions, () => (source.state === 'readable' ? S.cancel(source, reason) : S.nothing()));
      }
      shutDown(() => all(actions), true, reason);
    };
    if (signal !== undefined) {
      if (internals.isAborted(signal)) {
        abort();
        return outcome.promise;
      }
      forgetSignal = internals.onAbort(signal, abort) ?? forgetSignal;
    }

    const sourceFailed = (error) => {
      shutDown(preventAbort ? null : () => S.abortWritable(target, error), true, error);
    };
    const targetFailed = (error) => {
      shutDown(preventCancel ? null : () => S.cancel(source, error), true, error);
    };
    const sourceClosed = () => {
      shutDown(preventClose ? null : () => S.closeOrFail(writer), false, undefined);
    };
    const nothing = () => undefined;
    if (source.state === 'errored') sourceFailed(source.error);
    else S.react(reader.closed.promise, nothing, sourceFailed);
    if (target.state === 'errored') targetFailed(target.error);
    else S.react(writer.closed.promise, nothing, targetFailed);
    if (source.state === 'closed') sourceClosed();
    else S.react(reader.closed.promise, sourceClosed, nothing);
    if (S.isClosingOrClosed(target)) {
      const error = new P.TypeError('The destination is closing or closed.');
      shutDown(preventCancel ? null : () => S.cancel(source, error), true, error);
    }

    // One chunk after the other, as the destination wants them.
    const step = () => {
      if (isShuttingDown) return;
      S.react(writer.ready.promise, () => {
        if (isShuttingDown) return;
        S.read(reader, {
          __proto__: null,
          chunk: (chunk) => {
            const written = S.pending();
            const settle = () => { written.resolve(undefined); };
            lastWrite = written.promise;
            // Not on the stack of whoever enqueued the chunk.
            S.microtask(() => {
              if (writer.stream === undefined) {
                settle();
                return;
              }
              S.react(S.write(writer, chunk), settle, settle);
              step();
            });
          },
          close: nothing,
          error: nothing,
        });
      }, nothing);
    };
    step();
    return outcome.promise;
  };

  // Web IDL, "get a promise to wait for all".
  const all = (actions) => {
    const done = S.pending();
    let rest = actions.length;
    if (rest === 0) done.resolve(undefined);
    for (let at = 0; at < actions.length; at++) {
      S.react(actions[at](), () => {
        rest -= 1;
        if (rest === 0) done.resolve(undefined);
      }, done.reject);
    }
    return done.promise;
  };
})
