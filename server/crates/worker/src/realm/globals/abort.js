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
    // DOM, section 3.2: signals that follow this one, and those that this one follows, if it was made to follow.
    #dependents = [];
    #sources = null;
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
        // All of them are aborted before any of them says so.
        const followers = [];
        for (let at = 0; at < signal.#dependents.length; at++) {
          const dependent = signal.#dependents[at];
          if (dependent.#aborted) continue;
          dependent.#aborted = true;
          dependent.#reason = signal.#reason;
          append(followers, dependent);
        }
        tell(signal);
        for (let at = 0; at < followers.length; at++) tell(followers[at]);
      };
      const tell = (signal) => {
        const steps = signal.#steps;
        signal.#steps = [];
        for (let at = 0; at < steps.length; at++) steps[at]();
        internals.dispatch(signal, new internals.Event('abort'));
      };
      internals.abortSignal = abort;
      // "Create a dependent abort signal": it follows the signals that its parents follow, never a follower.
      const link = (signal, source) => {
        if (P.ArrayIncludes(signal.#sources, source)) return;
        append(signal.#sources, source);
        append(source.#dependents, signal);
      };
      internals.followAll = (signal, parents) => {
        signal.#sources = [];
        for (let at = 0; at < parents.length; at++) {
          if (!parents[at].#aborted) continue;
          signal.#aborted = true;
          signal.#reason = parents[at].#reason;
          return;
        }
        for (let at = 0; at < parents.length; at++) {
          const parent = parents[at];
          if (parent.#sources === null) link(signal, parent);
          else for (let of = 0; of < parent.#sources.length; of++) link(signal, parent.#sources[of]);
        }
      };
      internals.follow = (signal, parent) => internals.followAll(signal, [parent]);
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
      const time = +milliseconds;
      // [EnforceRange] unsigned long long
      if (arguments.length === 0 || !(time > -1 && time <= 9007199254740991)) {
        throw new P.TypeError('AbortSignal.timeout: the time is out of range');
      }
      const signal = new AbortSignal(key);
      internals.later(time, () => abort(signal, new DOMException('signal timed out', 'TimeoutError')));
      return signal;
    }
    static any(signals) {
      if (!internals.isObject(signals) || typeof signals[P.iterator] !== 'function') {
        throw new P.TypeError('AbortSignal.any: the argument is not a sequence');
      }
      const list = P.Array_from(signals);
      for (let at = 0; at < list.length; at++) {
        if (!internals.isSignal(list[at])) throw new P.TypeError('AbortSignal.any: an item is not an AbortSignal');
      }
      const signal = new AbortSignal(key);
      internals.followAll(signal, list);
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
