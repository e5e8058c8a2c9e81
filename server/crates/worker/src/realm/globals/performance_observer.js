// PerformanceObserver (Performance Timeline, sections 5 and 6). Adds queueEntry(entry), which tells the observers, and
// entryBuffer, the list of all entries that are kept, to internals.
(function (host, internals) {
  'use strict';
  const { P, append, DOMException } = internals;
  const key = {};
  const supported = P.Object_freeze(['mark', 'measure']);
  internals.entryBuffer = [];

  class PerformanceObserverEntryList {
    #list;
    constructor(given = undefined, list = undefined) {
      if (given !== key) internals.illegal();
      this.#list = list;
    }
    getEntries() { return internals.selectEntries(this.#list, null, null); }
    getEntriesByType(type) {
      const list = this.#list;
      internals.need(arguments.length, 1, 'getEntriesByType');
      return internals.selectEntries(list, null, `${type}`);
    }
    getEntriesByName(name, type = undefined) {
      const list = this.#list;
      internals.need(arguments.length, 1, 'getEntriesByName');
      name = `${name}`;
      return internals.selectEntries(list, name, type === undefined ? null : `${type}`);
    }
  }
  internals.define('PerformanceObserverEntryList', PerformanceObserverEntryList);

  let registered = [];
  let isQueued = false;
  // "Queue the PerformanceObserver task".
  const queueTask = () => {
    if (isQueued) return;
    isQueued = true;
    internals.later(0, () => {
      isQueued = false;
      const observers = internals.copy(registered);
      for (let at = 0; at < observers.length; at++) notify(observers[at]);
    });
  };

  let notify;
  let offer;
  class PerformanceObserver {
    #callback;
    #buffer = [];
    // The types that are observed: by one call of `entryTypes`, or by `type`, one call each.
    #types = [];
    #kind = null;
    #tellsDropped = false;
    constructor(callback) {
      internals.need(arguments.length, 1, "Failed to construct 'PerformanceObserver'");
      if (typeof callback !== 'function') {
        throw new P.TypeError("Failed to construct 'PerformanceObserver': the callback is not a function.");
      }
      this.#callback = callback;
    }
    static {
      offer = (observer, entry, type) => {
        if (!P.ArrayIncludes(observer.#types, type)) return;
        append(observer.#buffer, entry);
        queueTask();
      };
      notify = (observer) => {
        const entries = observer.#buffer;
        if (entries.length === 0) return;
        observer.#buffer = [];
        const options = observer.#tellsDropped ? { droppedEntriesCount: 0 } : {};
        observer.#tellsDropped = false;
        internals.invoke(observer.#callback, observer,
          [new PerformanceObserverEntryList(key, entries), observer, options]);
      };
    }
    static get supportedEntryTypes() { return supported; }
    observe(options = undefined) {
      const kind = this.#kind;
      const what = "Failed to execute 'observe' on 'PerformanceObserver'";
      const { buffered, entryTypes, type } = readOptions(internals.dictionary(options, what), what);
      if (entryTypes === undefined && type === undefined) throw new P.TypeError(`${what}: neither entryTypes nor type is given.`);
      if (entryTypes !== undefined && (type !== undefined || buffered !== undefined)) {
        throw new P.TypeError(`${what}: entryTypes goes with no other member.`);
      }
      const asked = entryTypes === undefined ? 'single' : 'multiple';
      if (kind !== null && kind !== asked) {
        throw new DOMException(`${what}: the observer was given ${asked === 'single' ? 'entryTypes' : 'type'} before.`,
          'InvalidModificationError');
      }
      this.#kind = asked;
      this.#tellsDropped = true;
      if (asked === 'multiple') {
        const known = internals.filter(entryTypes, (name) => P.ArrayIncludes(supported, name));
        if (known.length === 0) return;
        this.#types = known;
      } else {
        if (!P.ArrayIncludes(supported, type)) return;
        if (!P.ArrayIncludes(this.#types, type)) append(this.#types, type);
      }
      if (!P.ArrayIncludes(registered, this)) append(registered, this);
      if (asked === 'single' && buffered) {
        const before = internals.selectEntries(internals.entryBuffer, null, type);
        for (let at = 0; at < before.length; at++) append(this.#buffer, before[at]);
        if (before.length > 0) queueTask();
      }
    }
    disconnect() {
      this.#buffer = [];
      this.#types = [];
      registered = internals.filter(registered, (observer) => observer !== this);
      this.#kind = null;
    }
    takeRecords() {
      const records = this.#buffer;
      this.#buffer = [];
      return records;
    }
  }
  const readOptions = (given, what) => {
    const read = { __proto__: null, buffered: undefined, entryTypes: undefined, type: undefined };
    const { buffered } = given;
    if (buffered !== undefined) read.buffered = !!buffered;
    const { entryTypes } = given;
    if (entryTypes !== undefined) read.entryTypes = internals.sequence(entryTypes, what, (type) => `${type}`);
    const { type } = given;
    if (type !== undefined) read.type = `${type}`;
    return read;
  };
  internals.define('PerformanceObserver', PerformanceObserver);

  internals.queueEntry = (entry) => {
    append(internals.entryBuffer, entry);
    const { type } = internals.entryOf(entry);
    for (let at = 0; at < registered.length; at++) offer(registered[at], entry, type);
  };
})
