// AbortController and AbortSignal (DOM Standard, section 3), their timeouts on the worker's clock. Adds isSignal,
// isAborted, abortReason, onAbort, abortSignal and newSignal to internals.
(function (host, internals) {
  'use strict';
  const { P, append, define, DOMException, EventTarget } = internals;
  const key = {};
  let abort;

  class AbortSignal extends EventTarget {
    #aborted = false;
    #reason = undefined;
    #steps = [];
    #dependents = [];
    constructor(given) {
      if (given !== key) throw new P.TypeError('Illegal constructor');
      super();
    }
    static {
      internals.isSignal = (signal) => internals.isObject(signal) && #aborted in signal;
      internals.isAborted = (signal) => signal.#aborted;
      internals.abortReason = (signal) => signal.#reason;
      // Returns what takes the step back.
      internals.onAbort = (signal, act) => {
        append(signal.#steps, act);
        return () => { signal.#steps = internals.filter(signal.#steps, (step) => step !== act); };
      };
      internals.newSignal = () => new AbortSignal(key);
      abort = (signal, reason) => {
        if (signal.#aborted) return;
        signal.#aborted = true;
        signal.#reason = reason === undefined
          ? new DOMException('signal is aborted without reason', 'AbortError') : reason;
        const steps = signal.#steps;
        signal.#steps = [];
        for (let at = 0; at < steps.length; at++) steps[at]();
        internals.dispatch(signal, new internals.Event('abort'));
        for (let at = 0; at < signal.#dependents.length; at++) abort(signal.#dependents[at], signal.#reason);
      };
      internals.abortSignal = abort;
      internals.follow = (signal, parent) => {
        if (parent.#aborted) abort(signal, parent.#reason);
        else append(parent.#dependents, signal);
      };
    }
    get aborted() { return this.#aborted; }
    get reason() { return this.#reason; }
    throwIfAborted() { if (this.#aborted) throw this.#reason; }
    static abort(reason) {
      const signal = new AbortSignal(key);
      abort(signal, reason);
      return signal;
    }
    static timeout(milliseconds) {
      const signal = new AbortSignal(key);
      internals.later(+milliseconds, () => abort(signal, new DOMException('signal timed out', 'TimeoutError')));
      return signal;
    }
    static any(signals) {
      const list = P.Array_from(signals);
      const signal = new AbortSignal(key);
      for (let at = 0; at < list.length; at++) internals.follow(signal, list[at]);
      return signal;
    }
  }
  internals.attribute(AbortSignal.prototype, 'abort');
  define('AbortSignal', AbortSignal);

  class AbortController {
    #signal = new AbortSignal(key);
    get signal() { return this.#signal; }
    abort(reason) { abort(this.#signal, reason); }
  }
  define('AbortController', AbortController);
})
