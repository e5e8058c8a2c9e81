// Event and EventTarget as the DOM Standard has them (sections 2.2, 2.7 and 2.9, without a tree), the events of a
// worker's errors, and ExtendableEvent's base. Adds to internals: Event, EventTarget, dispatch (returns how many
// listeners were reached), dispatchFirst (likewise, out of an empty stack), invoke, attribute (an `on…` attribute),
// report, reportRejection.
(function (host, internals) {
  'use strict';
  const { P, append, define, DOMException } = internals;

  let trust;
  let flags;
  // [LegacyUnforgeable]: each event has its own, and all have the same getter.
  let isTrustedGetter;
  const defineIsTrusted = (event) => P.defineProperty(event, 'isTrusted', {
    __proto__: null, get: isTrustedGetter, set: undefined, enumerable: true, configurable: false,
  });
  class Event {
    #type;
    #bubbles;
    #cancelable;
    #composed;
    #flags = {
      __proto__: null, trusted: false, stop: false, immediate: false, canceled: false, passive: false,
      dispatching: false, threw: false, target: null, current: null, phase: 0,
    };
    #time = host.elapsed();
    constructor(type, init) {
      if (arguments.length === 0) throw new P.TypeError('Event: 1 argument required');
      this.#type = `${type}`;
      this.#bubbles = !!init?.bubbles;
      this.#cancelable = !!init?.cancelable;
      this.#composed = !!init?.composed;
      defineIsTrusted(this);
    }
    static {
      isTrustedGetter = P.Object_getOwnPropertyDescriptor({
        get isTrusted() { return this.#flags.trusted; },
      }, 'isTrusted').get;
      internals.isTrustedGetter = isTrustedGetter;
      trust = (event) => { event.#flags.trusted = true; };
      flags = (event) => event.#flags;
      internals.isEvent = (event) => internals.isObject(event) && #flags in event;
      internals.eventType = (event) => event.#type;
      internals.isTrusted = (event) => event.#flags.trusted;
      internals.isDispatching = (event) => event.#flags.dispatching;
      internals.stopImmediate = (event) => {
        event.#flags.stop = true;
        event.#flags.immediate = true;
      };
    }
    get type() { return this.#type; }
    get target() { return this.#flags.target; }
    get srcElement() { return this.#flags.target; }
    get currentTarget() { return this.#flags.current; }
    get eventPhase() { return this.#flags.phase; }
    get bubbles() { return this.#bubbles; }
    get cancelable() { return this.#cancelable; }
    get composed() { return this.#composed; }
    get defaultPrevented() { return this.#flags.canceled; }
    get returnValue() { return !this.#flags.canceled; }
    set returnValue(value) { if (!value) this.#cancel(); }
    get cancelBubble() { return this.#flags.stop; }
    set cancelBubble(value) { if (value) this.#flags.stop = true; }
    get timeStamp() { return this.#time; }
    #cancel() { if (this.#cancelable && !this.#flags.passive) this.#flags.canceled = true; }
    composedPath() { return this.#flags.current === null ? [] : [this.#flags.current]; }
    stopPropagation() { this.#flags.stop = true; }
    stopImmediatePropagation() { this.#flags.stop = true; this.#flags.immediate = true; }
    preventDefault() { this.#cancel(); }
    initEvent(type, bubbles = false, cancelable = false) {
      if (arguments.length === 0) throw new P.TypeError('initEvent: 1 argument required');
      if (this.#flags.dispatching) return;
      this.#type = `${type}`;
      this.#bubbles = !!bubbles;
      this.#cancelable = !!cancelable;
    }
  }
  const phases = { __proto__: null, NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 };
  const names = P.ownKeys(phases);
  for (let at = 0; at < names.length; at++) {
    const property = { __proto__: null, value: phases[names[at]], enumerable: true };
    P.defineProperty(Event, names[at], property);
    P.defineProperty(Event.prototype, names[at], property);
  }
  define('Event', Event);
  internals.Event = Event;

  class CustomEvent extends Event {
    #detail;
    constructor(type, init) {
      super(type, init);
      this.#detail = init?.detail === undefined ? null : init.detail;
    }
    get detail() { return this.#detail; }
    initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
      if (arguments.length === 0) throw new P.TypeError('initCustomEvent: 1 argument required');
      if (internals.isDispatching(this)) return;
      this.initEvent(type, bubbles, cancelable);
      this.#detail = detail;
    }
  }
  define('CustomEvent', CustomEvent);

  // Calls something of the worker's; what it throws is reported and goes no further.
  internals.invoke = (callback, self, args) => {
    try {
      return P.apply(callback, self, args);
    } catch (error) {
      internals.report(error);
      return undefined;
    }
  };

  // The global scope was not constructed here: its listeners are kept beside it.
  let ofGlobal = [];
  let listOf;
  let setList;
  let isTarget;
  const targetOf = (self) => {
    const target = self === undefined || self === null ? globalThis : self;
    if (target !== globalThis && !isTarget(target)) throw new P.TypeError('Illegal invocation');
    return target;
  };

  class EventTarget {
    #listeners = [];
    static {
      isTarget = (value) => internals.isObject(value) && #listeners in value;
      listOf = (target) => (target === globalThis ? ofGlobal : target.#listeners);
      setList = (target, list) => {
        if (target === globalThis) ofGlobal = list;
        else target.#listeners = list;
      };
    }
    addEventListener(type, callback, options) {
      const target = targetOf(this);
      if (arguments.length < 2) throw new P.TypeError('addEventListener: 2 arguments required');
      type = `${type}`;
      const isDictionary = internals.isObject(options);
      const capture = isDictionary ? !!options.capture : !!options;
      const once = isDictionary && !!options.once;
      const passive = isDictionary && !!options.passive;
      const signal = isDictionary ? options.signal : undefined;
      if (signal !== undefined && !internals.isSignal(signal)) {
        throw new P.TypeError('addEventListener: the signal is not an AbortSignal');
      }
      if (callback === null || callback === undefined) return;
      if (!internals.isObject(callback)) throw new P.TypeError('addEventListener: the listener is not an object');
      if (signal !== undefined && internals.isAborted(signal)) return;
      const list = listOf(target);
      for (let at = 0; at < list.length; at++) {
        const known = list[at];
        if (known.type === type && known.callback === callback && known.capture === capture) return;
      }
      const listener = { __proto__: null, type, callback, capture, once, passive, removed: false, handler: false };
      append(list, listener);
      if (signal !== undefined) internals.onAbort(signal, () => remove(target, listener));
    }
    removeEventListener(type, callback, options) {
      const target = targetOf(this);
      if (arguments.length < 2) throw new P.TypeError('removeEventListener: 2 arguments required');
      type = `${type}`;
      const capture = internals.isObject(options) ? !!options.capture : !!options;
      const list = listOf(target);
      for (let at = 0; at < list.length; at++) {
        const known = list[at];
        if (!known.handler && known.type === type && known.callback === callback && known.capture === capture) {
          remove(target, known);
          return;
        }
      }
    }
    dispatchEvent(event) {
      const target = targetOf(this);
      if (!internals.isEvent(event)) throw new P.TypeError('dispatchEvent: the argument is not an Event');
      const state = flags(event);
      if (state.dispatching) throw new DOMException('The event is already being dispatched.', 'InvalidStateError');
      state.trusted = false;
      run(target, event, []);
      return !state.canceled;
    }
  }
  define('EventTarget', EventTarget);
  internals.EventTarget = EventTarget;

  const remove = (target, listener) => {
    listener.removed = true;
    setList(target, internals.filter(listOf(target), (known) => known !== listener));
  };

  // DOM, "dispatch": capturing listeners of the parents and the target, then the others, outwards if it bubbles.
  // Only requests of IndexedDB have parents.
  const run = (target, event, parents) => {
    const state = flags(event);
    state.dispatching = true;
    state.target = target;
    let reached = 0;
    for (let at = parents.length - 1; at >= 0; at--) reached += visit(parents[at], event, true, 1);
    reached += visit(target, event, true, 2);
    reached += visit(target, event, false, 2);
    for (let at = 0; at < parents.length && event.bubbles; at++) reached += visit(parents[at], event, false, 3);
    state.dispatching = false;
    state.current = null;
    state.phase = 0;
    state.stop = false;
    state.immediate = false;
    return reached;
  };

  let outermost = null;
  // DOM, "inner invoke": the listeners of one target in one phase.
  const visit = (target, event, capture, phase) => {
    const state = flags(event);
    if (state.stop) return 0;
    const type = internals.eventType(event);
    state.current = target;
    state.phase = phase;
    const list = P.ArraySlice(listOf(target));
    let reached = 0;
    for (let at = 0; at < list.length && !state.immediate; at++) {
      const listener = list[at];
      if (listener.removed || listener.type !== type || listener.capture !== capture) continue;
      if (listener.callback === null) continue;
      if (listener.once) remove(target, listener);
      reached += 1;
      state.passive = listener.passive;
      call(listener, target, event);
      state.passive = false;
      if (event === outermost) {
        host.checkpoint();
        internals.endTask();
      }
    }
    return reached;
  };

  const call = (listener, target, event) => {
    try {
      if (listener.handler) {
        const result = callHandler(listener.callback, target, event);
        if (result === false) flags(event).canceled = event.cancelable;
      } else if (typeof listener.callback === 'function') {
        P.apply(listener.callback, target, [event]);
      } else {
        const handle = listener.callback.handleEvent;
        if (typeof handle !== 'function') throw new P.TypeError('handleEvent is not a function');
        P.apply(handle, listener.callback, [event]);
      }
    } catch (error) {
      flags(event).threw = true;
      internals.report(error);
    }
  };
  // HTML, section 8.1.8.1: `onerror` of a global scope gets five arguments, and true means handled.
  const callHandler = (callback, target, event) => {
    if (target === globalThis && internals.eventType(event) === 'error' && internals.isErrorEvent(event)) {
      const handled = P.apply(callback, target,
        [event.message, event.filename, event.lineno, event.colno, event.error]);
      if (handled === true) flags(event).canceled = true;
      return undefined;
    }
    return P.apply(callback, target, [event]);
  };

  // Dispatches an event out of an empty stack: microtasks run after each listener (HTML, "clean up after running
  // script"), while the event is still being dispatched. An async listener may thus answer after an `await`.
  internals.dispatchFirst = (target, event) => {
    trust(event);
    outermost = event;
    try {
      return run(target, event, []);
    } finally {
      outermost = null;
    }
  };
  // Dispatches an event of our own.
  internals.dispatch = (target, event) => {
    trust(event);
    return run(target, event, []);
  };
  // Likewise out of an empty stack, with the targets to which it bubbles; whether a listener threw.
  internals.dispatchAlong = (target, event, parents) => {
    trust(event);
    outermost = event;
    try {
      run(target, event, parents);
    } finally {
      outermost = null;
    }
    return flags(event).threw;
  };
  internals.isCanceled = (event) => flags(event).canceled;

  // An event handler attribute: its place among the listeners is that of its first setting (HTML, 8.1.8.1).
  internals.attribute = (prototype, type) => {
    const find = (target) => P.ArrayFind(listOf(target), (known) => known.handler && known.type === type);
    P.defineProperty(prototype, 'on' + type, {
      __proto__: null,
      enumerable: true,
      configurable: true,
      get() {
        const listener = find(targetOf(this));
        return listener === undefined ? null : listener.callback;
      },
      set(callback) {
        const target = targetOf(this);
        const value = internals.isObject(callback) ? callback : null;
        const known = find(target);
        if (known !== undefined) {
          if (value === null) remove(target, known);
          else known.callback = value;
        } else if (value !== null) {
          append(listOf(target), {
            __proto__: null, type, callback: value, capture: false, once: false, passive: false, removed: false,
            handler: true,
          });
        }
      },
    });
  };
  internals.countListeners = (target, type) =>
    internals.filter(listOf(target), (known) => known.type === type).length;

  class ErrorEvent extends Event {
    #init;
    constructor(type, init) {
      super(type, init);
      this.#init = {
        __proto__: null,
        message: init?.message === undefined ? '' : `${init.message}`,
        filename: init?.filename === undefined ? '' : `${init.filename}`,
        lineno: init?.lineno === undefined ? 0 : init.lineno >>> 0,
        colno: init?.colno === undefined ? 0 : init.colno >>> 0,
        error: init?.error,
      };
    }
    static { internals.isErrorEvent = (event) => #init in event; }
    get message() { return this.#init.message; }
    get filename() { return this.#init.filename; }
    get lineno() { return this.#init.lineno; }
    get colno() { return this.#init.colno; }
    get error() { return this.#init.error; }
  }
  define('ErrorEvent', ErrorEvent);
  class PromiseRejectionEvent extends Event {
    #promise;
    #reason;
    constructor(type, init) {
      super(type, init);
      this.#promise = init?.promise;
      this.#reason = init?.reason;
    }
    get promise() { return this.#promise; }
    get reason() { return this.#reason; }
  }
  define('PromiseRejectionEvent', PromiseRejectionEvent);

  // HTML, "report an exception". It is noted whatever the worker's own listeners make of it.
  let isReporting = false;
  internals.report = (error, otherwise = null) => {
    internals.noteError(error);
    if (isReporting) return;
    isReporting = true;
    try {
      const { text, stack } = internals.describeError(error);
      const place = stack === '' ? otherwise : host.place(stack);
      internals.dispatch(globalThis, new ErrorEvent('error', {
        __proto__: null, cancelable: true, message: 'Uncaught ' + text, error,
        filename: place === null ? '' : place.url, lineno: place === null ? 0 : place.line,
        colno: place === null ? 0 : place.column,
      }));
    } finally {
      isReporting = false;
    }
  };
  internals.reportRejection = (promise, reason) => {
    internals.noteError(reason);
    internals.dispatch(globalThis, new PromiseRejectionEvent('unhandledrejection', {
      __proto__: null, cancelable: true, promise, reason,
    }));
  };
  define('reportError', function reportError(error) {
    internals.need(arguments.length, 1, "Failed to execute 'reportError'");
    internals.report(error, internals.place());
  });
})
