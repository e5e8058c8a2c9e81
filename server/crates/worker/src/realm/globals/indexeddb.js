// IndexedDB 3.0 as far as workers wait for it: databases with versions, stores, indexes, cursors, transactions
// that commit by themselves and roll back when they are aborted. Everything lies in memory, in sorted arrays;
// what happens later happens in tasks of the realm, never by the real clock.
(function (host, internals) {
  'use strict';

  const { P, task, fire, handlers, publish, provide, fail, Event, EventTarget, structuredClone } = internals;
  const isArray = P.Array_isArray;
  const isView = P.isView;
  const slotGet = (object) => P.WeakMapGet(slots, object);
  const slotSet = (object, state) => P.WeakMapSet(slots, object, state);

  // What every object of this file keeps for itself; script can't reach it.
  const slots = new P.WeakMap();
  const TOKEN = {};

  function slot(object, kind) {
    const state = slotGet(object);
    if (!state || (state.kind !== kind && state.also !== kind)) throw new P.TypeError('Illegal invocation');
    return state;
  }

  function create(Class, state) {
    const object = new Class(TOKEN);
    state.object = object;
    slotSet(object, state);
    return object;
  }

  function only(token) {
    if (token !== TOKEN) throw new P.TypeError('Illegal constructor');
  }

  function remove(list, item) {
    for (let i = 0; i < list.length; i++) {
      if (list[i] === item) return void P.ArraySplice(list, i, 1);
    }
  }

  const { append, need } = internals;
  const MAX_UNSIGNED_LONG = 4294967295;
  // [EnforceRange] unsigned long.
  function toCount(value, what) {
    const count = internals.streams.integer(value, what);
    if (count > MAX_UNSIGNED_LONG) throw new P.TypeError(`${what} is not in the range of an unsigned long.`);
    return count;
  }

  function named(list, name) {
    for (let i = 0; i < list.length; i++) if (list[i].name === name) return list[i];
    return undefined;
  }

  const namesOf = (list) => P.ArrayMap(list, (item) => item.name);

  const trunc = (number) => number - (number % 1);

  // One name or a sequence of them, each once.
  function toNames(scope) {
    if (typeof scope !== 'object' || scope === null) return [`${scope}`];
    const found = [];
    // Web IDL converts a sequence through its iterator, which is script's own.
    for (const name of scope) if (!P.ArrayIncludes(found, `${name}`)) append(found, `${name}`);
    return found;
  }

  // ---- Keys (section 3.1.3): numbers and strings are themselves, arrays are arrays, the rest is wrapped.

  function isDate(value) {
    try {
      P.DateGetTime(value);
      return true;
    } catch {
      return false;
    }
  }

  function isBuffer(value) {
    try {
      P.ArrayBufferGetByteLength(value);
      return true;
    } catch {
      return false;
    }
  }

  // Section 7.4, convert a value to a key; undefined when it is none.
  function toKey(value, seen) {
    if (typeof value === 'number') return value === value ? (value === 0 ? 0 : value) : undefined;
    if (typeof value === 'string') return value;
    if (typeof value !== 'object' || value === null) return undefined;
    if (isArray(value)) {
      const outer = seen ?? new P.Set();
      if (P.SetHas(outer, value)) return undefined;
      P.SetAdd(outer, value);
      const key = [];
      for (let i = 0; i < value.length; i++) {
        const part = i in value ? toKey(value[i], outer) : undefined;
        if (part === undefined) return undefined;
        append(key, part);
      }
      P.SetDelete(outer, value);
      return key;
    }
    if (isView(value)) return { rank: 4, bytes: new P.Uint8Array(new P.Uint8Array(value.buffer, value.byteOffset, value.byteLength)) };
    if (isDate(value)) {
      const time = P.DateGetTime(value);
      return time === time ? { rank: 2, time } : undefined;
    }
    if (isBuffer(value)) return { rank: 4, bytes: new P.Uint8Array(new P.Uint8Array(value)) };
    return undefined;
  }

  function needKey(value) {
    const key = toKey(value);
    if (key === undefined) throw fail('DataError', 'The parameter is not a valid key.');
    return key;
  }

  function fromKey(key) {
    if (key === undefined || typeof key !== 'object') return key;
    if (isArray(key)) {
      const value = [];
      for (let i = 0; i < key.length; i++) append(value, fromKey(key[i]));
      return value;
    }
    return key.rank === 2 ? new P.Date(key.time) : new P.Uint8Array(key.bytes).buffer;
  }

  const rank = (key) => (typeof key === 'number' ? 1 : typeof key === 'string' ? 3 : isArray(key) ? 5 : key.rank);

  // Section 2.4: number < date < string < binary < array.
  function compare(a, b) {
    const left = rank(a);
    const right = rank(b);
    if (left !== right) return left < right ? -1 : 1;
    if (left === 1 || left === 3) return a < b ? -1 : a > b ? 1 : 0;
    if (left === 2) return a.time < b.time ? -1 : a.time > b.time ? 1 : 0;
    const x = left === 4 ? a.bytes : a;
    const y = left === 4 ? b.bytes : b;
    const length = P.MathMin(x.length, y.length);
    for (let i = 0; i < length; i++) {
      const order = left === 4 ? x[i] - y[i] : compare(x[i], y[i]);
      if (order !== 0) return order < 0 ? -1 : 1;
    }
    return x.length < y.length ? -1 : x.length > y.length ? 1 : 0;
  }

  // ---- Key paths (section 2.5)

  const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;

  function isPath(path) {
    if (path === '') return true;
    const parts = P.StringSplit(path, '.');
    for (let i = 0; i < parts.length; i++) if (!P.RegExpTest(IDENTIFIER, parts[i])) return false;
    return true;
  }

  function toPath(path) {
    if (path === null || path === undefined) return null;
    if (isArray(path)) {
      const paths = [];
      for (let i = 0; i < path.length; i++) append(paths, `${path[i]}`);
      if (paths.length === 0) throw fail('SyntaxError', 'The keyPath argument contains an invalid key path.');
      for (let i = 0; i < paths.length; i++) {
        if (!isPath(paths[i])) throw fail('SyntaxError', 'The keyPath argument contains an invalid key path.');
      }
      return paths;
    }
    const text = `${path}`;
    if (!isPath(text)) throw fail('SyntaxError', 'The keyPath argument contains an invalid key path.');
    return text;
  }

  const { isBlob } = internals;

  // Section 7.1, evaluate a key path on a value; undefined when it leads nowhere.
  function evaluate(value, path) {
    if (isArray(path)) {
      const found = [];
      for (let i = 0; i < path.length; i++) {
        const part = evaluate(value, path[i]);
        if (part === undefined) return undefined;
        append(found, part);
      }
      return found;
    }
    if (path === '') return value;
    const parts = P.StringSplit(path, '.');
    let at = value;
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i];
      if (typeof at === 'string' && part === 'length') at = at.length;
      else if (isBlob(at) && (part === 'size' || part === 'type' || part === 'name' || part === 'lastModified')) at = at[part];
      else if (typeof at === 'object' && at !== null && P.Object_hasOwn(at, part)) at = at[part];
      else return undefined;
      if (at === undefined) return undefined;
    }
    return at;
  }

  // Section 7.2, check that a key could be injected into a value.
  function canInject(value, path) {
    const parts = P.StringSplit(path, '.');
    let at = value;
    for (let i = 0; i < parts.length - 1; i++) {
      if (typeof at !== 'object' || at === null) return false;
      if (!P.Object_hasOwn(at, parts[i])) return true;
      at = at[parts[i]];
    }
    return typeof at === 'object' && at !== null;
  }

  // A property of its own, whatever its prototype has a setter for.
  function own(object, name, value) {
    P.defineProperty(object, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  }

  function inject(value, path, key) {
    const parts = P.StringSplit(path, '.');
    let at = value;
    for (let i = 0; i < parts.length - 1; i++) {
      if (!P.Object_hasOwn(at, parts[i])) own(at, parts[i], {});
      at = at[parts[i]];
    }
    own(at, parts[parts.length - 1], fromKey(key));
  }

  // ---- Sorted records: { key, primary, value, bytes } of a store, { key, primary } of an index.

  // The first place whose record is not before (key, primary); with `after`, the first one behind it.
  function place(list, key, primary, after) {
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      let order = compare(list[middle].key, key);
      if (order === 0 && primary !== undefined) order = compare(list[middle].primary, primary);
      if (order < 0 || (after && order === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // From which place to which (exclusive) the records of a range lie.
  function span(list, range) {
    const from = range.lower === undefined ? 0 : place(list, range.lower, undefined, range.lowerOpen);
    const to = range.upper === undefined ? list.length : place(list, range.upper, undefined, !range.upperOpen);
    return { from, to: to < from ? from : to };
  }

  function insert(list, record) {
    const last = list.length - 1;
    // Keys mostly come in order.
    if (last < 0 || compare(list[last].key, record.key) < 0) list[last + 1] = record;
    else P.ArraySplice(list, place(list, record.key, record.primary, false), 0, record);
  }

  function take(list, record) {
    const at = place(list, record.key, record.primary, false);
    if (at < list.length && compare(list[at].key, record.key) === 0 && compare(list[at].primary, record.primary) === 0) {
      P.ArraySplice(list, at, 1);
    }
  }

  // About how many bytes a value takes, so that tables are bounded as caches are.
  function measure(value, seen) {
    if (typeof value === 'string') return value.length;
    if (typeof value !== 'object' || value === null) return 8;
    if (P.SetHas(seen, value)) return 8;
    P.SetAdd(seen, value);
    if (isView(value)) return value.byteLength;
    if (isBuffer(value)) return value.byteLength;
    if (isBlob(value)) return value.size;
    let bytes = 16;
    if (value instanceof P.Map) {
      P.MapForEach(value, (item, key) => (bytes += measure(key, seen) + measure(item, seen)));
    } else if (value instanceof P.Set) {
      P.SetForEach(value, (item) => (bytes += measure(item, seen)));
    } else {
      const keys = P.Object_keys(value);
      for (let i = 0; i < keys.length; i++) bytes += keys[i].length + measure(value[keys[i]], seen);
    }
    return bytes;
  }

  // Tells the host what tables hold more or less; false when that passes its limits.
  const account = (entries, bytes) => host.count(entries, bytes);

  // ---- DOMStringList, IDBKeyRange

  class DOMStringList {
    constructor(token) {
      only(token);
    }
    get length() {
      return slot(this, 'list').items.length;
    }
    item(index) {
      return slot(this, 'list').items[index >>> 0] ?? null;
    }
    contains(name) {
      const items = slot(this, 'list').items;
      for (let i = 0; i < items.length; i++) if (items[i] === `${name}`) return true;
      return false;
    }
    *[P.iterator]() {
      const items = slot(this, 'list').items;
      for (let i = 0; i < items.length; i++) yield items[i];
    }
  }

  // A sorted list of names.
  function names(items) {
    P.ArraySort(items);
    const list = create(DOMStringList, { kind: 'list', items });
    for (let i = 0; i < items.length; i++) P.defineProperty(list, i, { __proto__: null, value: items[i], enumerable: true, configurable: true });
    return list;
  }

  class IDBKeyRange {
    constructor(token) {
      only(token);
    }
    get lower() {
      return fromKey(slot(this, 'range').lower);
    }
    get upper() {
      return fromKey(slot(this, 'range').upper);
    }
    get lowerOpen() {
      return slot(this, 'range').lowerOpen;
    }
    get upperOpen() {
      return slot(this, 'range').upperOpen;
    }
    includes(value) {
      need(arguments.length, 1, 'IDBKeyRange.includes');
      return within(slot(this, 'range'), needKey(value));
    }
    static only(value) {
      need(arguments.length, 1, 'IDBKeyRange.only');
      const key = needKey(value);
      return range(key, key, false, false);
    }
    static lowerBound(lower, open = false) {
      need(arguments.length, 1, 'IDBKeyRange.lowerBound');
      return range(needKey(lower), undefined, !!open, true);
    }
    static upperBound(upper, open = false) {
      need(arguments.length, 1, 'IDBKeyRange.upperBound');
      return range(undefined, needKey(upper), true, !!open);
    }
    static bound(lower, upper, lowerOpen = false, upperOpen = false) {
      need(arguments.length, 2, 'IDBKeyRange.bound');
      const from = needKey(lower);
      const to = needKey(upper);
      const order = compare(from, to);
      if (order > 0 || (order === 0 && (lowerOpen || upperOpen))) {
        throw fail('DataError', 'The lower key is greater than the upper key.');
      }
      return range(from, to, !!lowerOpen, !!upperOpen);
    }
  }

  function range(lower, upper, lowerOpen, upperOpen) {
    return create(IDBKeyRange, { kind: 'range', lower, upper, lowerOpen, upperOpen });
  }

  function within(range, key) {
    if (range.lower !== undefined) {
      const order = compare(range.lower, key);
      if (order > 0 || (order === 0 && range.lowerOpen)) return false;
    }
    if (range.upper !== undefined) {
      const order = compare(range.upper, key);
      if (order < 0 || (order === 0 && range.upperOpen)) return false;
    }
    return true;
  }

  const EVERYTHING = { lower: undefined, upper: undefined, lowerOpen: true, upperOpen: true };

  // Section 7.5, convert a value to a key range.
  function toRange(value, required) {
    const state = typeof value === 'object' && value !== null ? slotGet(value) : undefined;
    if (state !== undefined && state.kind === 'range') return state;
    if (value === undefined || value === null) {
      if (required) throw fail('DataError', 'No key or key range specified.');
      return EVERYTHING;
    }
    const key = needKey(value);
    return { lower: key, upper: key, lowerOpen: false, upperOpen: false };
  }

  // ---- Requests

  class IDBRequest extends EventTarget {
    constructor(token) {
      only(token);
      super();
    }
    get result() {
      const state = slot(this, 'request');
      if (!state.done) throw fail('InvalidStateError', 'The request has not finished.');
      return state.result;
    }
    get error() {
      const state = slot(this, 'request');
      if (!state.done) throw fail('InvalidStateError', 'The request has not finished.');
      return state.error;
    }
    get source() {
      return slot(this, 'request').source;
    }
    get transaction() {
      return slot(this, 'request').transaction?.object ?? null;
    }
    get readyState() {
      return slot(this, 'request').done ? 'done' : 'pending';
    }
  }
  handlers(IDBRequest.prototype, ['success', 'error']);

  class IDBOpenDBRequest extends IDBRequest {}
  handlers(IDBOpenDBRequest.prototype, ['blocked', 'upgradeneeded']);

  class IDBVersionChangeEvent extends Event {
    #oldVersion;
    #newVersion;
    constructor(type, init = {}) {
      super(type, init);
      this.#oldVersion = +(init?.oldVersion ?? 0);
      this.#newVersion = init?.newVersion ?? null;
    }
    get oldVersion() {
      return this.#oldVersion;
    }
    get newVersion() {
      return this.#newVersion;
    }
  }

  function makeRequest(source, transaction, Class = IDBRequest) {
    const state = {
      kind: 'request', source, transaction, done: false, result: undefined, error: null, operation: null, isInternal: false,
    };
    create(Class, state);
    return state;
  }

  // Puts an operation at the end of its transaction's list (section 5.6).
  function ask(transaction, source, operation, again) {
    needActive(transaction);
    const request = again ?? makeRequest(source, transaction);
    request.done = false;
    request.operation = operation;
    transaction.requests[transaction.requests.length] = request;
    pump(transaction);
    return request.object;
  }

  function needActive(transaction) {
    if (transaction.state !== 'active') {
      throw fail('TransactionInactiveError', 'The transaction is not active.');
    }
  }

  function needWritable(transaction) {
    needActive(transaction);
    if (transaction.mode === 'readonly') throw fail('ReadOnlyError', 'The transaction is read-only.');
  }

  // ---- Transactions (section 2.7)

  class IDBTransaction extends EventTarget {
    constructor(token) {
      only(token);
      super();
    }
    get objectStoreNames() {
      const state = slot(this, 'transaction');
      const isChanging = state.mode === 'versionchange' && state.state !== 'finished';
      return names(isChanging ? namesOf(state.connection.stores) : P.ArraySlice(state.scope));
    }
    get mode() {
      return slot(this, 'transaction').mode;
    }
    get durability() {
      return slot(this, 'transaction').durability;
    }
    get db() {
      return slot(this, 'transaction').connection.object;
    }
    get error() {
      return slot(this, 'transaction').error;
    }
    objectStore(name) {
      need(arguments.length, 1, 'IDBTransaction.objectStore');
      const state = slot(this, 'transaction');
      if (state.state === 'finished') throw fail('InvalidStateError', 'The transaction has finished.');
      const key = `${name}`;
      const data = named(state.connection.stores, key);
      if (data === undefined || (state.mode !== 'versionchange' && !P.ArrayIncludes(state.scope, key))) {
        throw fail('NotFoundError', 'The specified object store was not found.');
      }
      return storeHandle(state, data);
    }
    commit() {
      const state = slot(this, 'transaction');
      if (state.state !== 'active') throw fail('InvalidStateError', 'The transaction is not active.');
      state.state = 'committing';
      pump(state);
    }
    abort() {
      const state = slot(this, 'transaction');
      if (state.state === 'committing' || state.state === 'finished') {
        throw fail('InvalidStateError', 'The transaction has finished.');
      }
      abort(state, null);
    }
  }
  handlers(IDBTransaction.prototype, ['abort', 'complete', 'error']);

  function begin(connection, mode, scope, durability) {
    const state = {
      kind: 'transaction',
      connection,
      mode,
      scope,
      durability,
      state: 'active',
      error: null,
      requests: [],
      head: 0,
      undo: [],
      handles: [],
      scheduled: false,
      finished: null,
    };
    create(IDBTransaction, state);
    const live = connection.base.live;
    append(live, state);
    internals.atTaskEnd(() => { rest(state); });
    pump(state);
    return state;
  }

  // A transaction takes requests until the task that made it, or that told it of a result, has ended with its
  // microtasks. One that then has none left commits.
  function rest(transaction) {
    if (transaction.state !== 'active') return;
    transaction.state = transaction.requests[transaction.head] === undefined ? 'committing' : 'inactive';
  }

  // Section 2.7.2: whatever was made earlier and overlaps goes first, unless both only read.
  function mayStart(transaction) {
    const live = transaction.connection.base.live;
    for (let i = 0; i < live.length && live[i] !== transaction; i++) {
      const earlier = live[i];
      if (earlier.mode === 'readonly' && transaction.mode === 'readonly') continue;
      for (let j = 0; j < transaction.scope.length; j++) {
        if (P.ArrayIncludes(earlier.scope, transaction.scope[j])) return false;
      }
    }
    return true;
  }

  function pump(transaction) {
    if (transaction.scheduled || transaction.state === 'finished') return;
    transaction.scheduled = true;
    task(() => {
      transaction.scheduled = false;
      step(transaction);
    });
  }

  // One task of a transaction: what was active ceases to be, then the next request is answered or it commits.
  function step(transaction) {
    if (transaction.state === 'finished') return;
    rest(transaction);
    if (transaction.mode !== 'versionchange' && !mayStart(transaction)) return;
    const request = transaction.requests[transaction.head];
    if (request === undefined) {
      // To commit takes time: what is due by now comes first.
      transaction.state = 'committing';
      transaction.scheduled = true;
      task(() => { finish(transaction); });
      return;
    }
    transaction.requests[transaction.head++] = undefined;
    if (transaction.head > 64 && transaction.head * 2 > transaction.requests.length) {
      P.ArraySplice(transaction.requests, 0, transaction.head);
      transaction.head = 0;
    }
    if (request.isInternal) {
      try {
        request.operation();
      } catch (error) {
        abort(transaction, error);
        return;
      }
      pump(transaction);
      return;
    }
    let event;
    try {
      request.result = request.operation();
      request.error = null;
      event = new Event('success');
    } catch (error) {
      request.result = undefined;
      request.error = error;
      event = new Event('error', { bubbles: true, cancelable: true });
    }
    request.done = true;
    deliver(transaction, request, event);
    pump(transaction);
  }

  // Section 5.9 and 5.10: an event of a request; what listeners throw aborts, an error that nobody caught too.
  function deliver(transaction, request, event) {
    const committing = transaction.state === 'committing';
    if (!committing) transaction.state = 'active';
    const threw = fire(request.object, event, [transaction.object, transaction.connection.object]);
    if (transaction.state === 'finished') return;
    // What throws after `commit()` aborts nothing any more.
    if (threw && transaction.state === 'active') abort(transaction, fail('AbortError', 'An event handler threw.'));
    else if (internals.eventType(event) === 'error' && !internals.isCanceled(event)) abort(transaction, request.error);
    else rest(transaction);
  }

  function leave(transaction) {
    const base = transaction.connection.base;
    if (transaction.mode === 'versionchange') {
      transaction.scope = namesOf(transaction.connection.stores);
    }
    transaction.state = 'finished';
    transaction.undo = [];
    remove(base.live, transaction);
    for (let i = 0; i < base.live.length; i++) pump(base.live[i]);
    settle(transaction.connection);
  }

  function finish(transaction) {
    leave(transaction);
    transaction.connection.upgrade = null;
    fire(transaction.object, new Event('complete'), [transaction.connection.object]);
    transaction.finished?.(true);
  }

  // Section 5.5, abort a transaction: what it did is undone, what it still had to do fails.
  function abort(transaction, error) {
    const undo = transaction.undo;
    for (let i = undo.length - 1; i >= 0; i--) undo[i]();
    transaction.error = error;
    const waiting = transaction.requests;
    const from = transaction.head;
    transaction.requests = [];
    transaction.head = 0;
    leave(transaction);
    for (let i = from; i < waiting.length; i++) {
      const request = waiting[i];
      if (request.isInternal) continue;
      task(() => {
        request.done = true;
        request.result = undefined;
        request.error = fail('AbortError', 'The transaction was aborted.');
        const event = new Event('error', { bubbles: true, cancelable: true });
        fire(request.object, event, [transaction.object, transaction.connection.object]);
      });
    }
    task(() => {
      transaction.connection.upgrade = null;
      fire(transaction.object, new Event('abort', { bubbles: true }), [transaction.connection.object]);
      transaction.finished?.(false);
    });
  }

  // ---- Object stores: the data, and a transaction's handle on it

  function storeHandle(transaction, data) {
    const handles = transaction.handles;
    for (let i = 0; i < handles.length; i++) if (handles[i].data === data) return handles[i].object;
    const handle = { kind: 'store', transaction, data, indexes: [], name: data.name, path: undefined };
    handles[handles.length] = handle;
    return create(IDBObjectStore, handle);
  }

  // The same list each time, which script may change without changing the store.
  function shownPath(handle) {
    const { keyPath } = handle.data;
    if (!isArray(keyPath)) return keyPath;
    if (handle.path === undefined) handle.path = P.ArraySlice(keyPath);
    return handle.path;
  }

  function live(handle) {
    if (handle.data.deleted || (handle.kind === 'index' && handle.store.data.deleted)) {
      throw fail('InvalidStateError', 'The object store or index has been deleted.');
    }
    return handle;
  }

  class IDBObjectStore {
    constructor(token) {
      only(token);
    }
    get name() {
      return slot(this, 'store').name;
    }
    set name(value) {
      const handle = live(slot(this, 'store'));
      rename(handle, handle.transaction.connection.stores, `${value}`);
    }
    get keyPath() {
      return shownPath(slot(this, 'store'));
    }
    get indexNames() {
      const { data } = slot(this, 'store');
      return names(data.deleted ? [] : namesOf(data.indexes));
    }
    get transaction() {
      return slot(this, 'store').transaction.object;
    }
    get autoIncrement() {
      return slot(this, 'store').data.autoIncrement;
    }
    put(value, key) {
      need(arguments.length, 1, 'IDBObjectStore.put');
      return write(slot(this, 'store'), value, key, true);
    }
    add(value, key) {
      need(arguments.length, 1, 'IDBObjectStore.add');
      return write(slot(this, 'store'), value, key, false);
    }
    delete(query) {
      need(arguments.length, 1, 'IDBObjectStore.delete');
      const handle = live(slot(this, 'store'));
      needWritable(handle.transaction);
      const wanted = toRange(query, true);
      return ask(handle.transaction, this, () => void discard(handle.transaction, handle.data, wanted));
    }
    clear() {
      const handle = live(slot(this, 'store'));
      needWritable(handle.transaction);
      return ask(handle.transaction, this, () => void discard(handle.transaction, handle.data, EVERYTHING));
    }
    get(query) {
      need(arguments.length, 1, 'IDBObjectStore.get');
      return retrieve(slot(this, 'store'), query, (record) => record && structuredClone(record.value));
    }
    getKey(query) {
      need(arguments.length, 1, 'IDBObjectStore.getKey');
      return retrieve(slot(this, 'store'), query, (record) => record && fromKey(record.primary));
    }
    getAll(query, count) {
      return retrieveAll(slot(this, 'store'), query, count, (record) => structuredClone(record.value));
    }
    getAllKeys(query, count) {
      return retrieveAll(slot(this, 'store'), query, count, (record) => fromKey(record.primary));
    }
    count(query) {
      return countOf(slot(this, 'store'), query);
    }
    openCursor(query, direction = 'next') {
      return openCursor(slot(this, 'store'), query, direction, false);
    }
    openKeyCursor(query, direction = 'next') {
      return openCursor(slot(this, 'store'), query, direction, true);
    }
    index(name) {
      need(arguments.length, 1, 'IDBObjectStore.index');
      const handle = slot(this, 'store');
      if (handle.transaction.state === 'finished') throw fail('InvalidStateError', 'The transaction has finished.');
      live(handle);
      const data = named(handle.data.indexes, `${name}`);
      if (data === undefined) throw fail('NotFoundError', 'The specified index was not found.');
      return indexHandle(handle, data);
    }
    createIndex(name, keyPath, options = {}) {
      need(arguments.length, 2, 'IDBObjectStore.createIndex');
      const handle = slot(this, 'store');
      const transaction = handle.transaction;
      needUpgrade(transaction);
      live(handle);
      needActive(transaction);
      const called = `${name}`;
      if (named(handle.data.indexes, called) !== undefined) throw fail('ConstraintError', 'An index with that name exists already.');
      const path = toPath(keyPath);
      const multiEntry = !!options?.multiEntry;
      if (multiEntry && isArray(path)) {
        throw fail('InvalidAccessError', 'The keyPath argument was an array and the multiEntry option is true.');
      }
      const data = {
        name: called, keyPath: path, unique: !!options?.unique, multiEntry, entries: [], deleted: false, creator: transaction,
      };
      append(handle.data.indexes, data);
      undoable(transaction, () => {
        remove(handle.data.indexes, data);
        data.deleted = true;
      });
      const index = indexHandle(handle, data);
      // Section 4.5: filling it is an operation of its own, which aborts the upgrade when it meets a constraint.
      const filling = makeRequest(null, transaction);
      filling.isInternal = true;
      filling.operation = () => {
        const { records, kept } = handle.data;
        for (let i = 0; i < records.length; i++) {
          if (!indexRecord(data, records[i])) throw fail('ConstraintError', "The index's key is not unique.");
        }
        append(kept, data);
        undoable(transaction, () => { remove(kept, data); });
      };
      append(transaction.requests, filling);
      return index;
    }
    deleteIndex(name) {
      need(arguments.length, 1, 'IDBObjectStore.deleteIndex');
      const handle = slot(this, 'store');
      needUpgrade(handle.transaction);
      live(handle);
      needActive(handle.transaction);
      const indexes = handle.data.indexes;
      const data = named(indexes, `${name}`);
      if (data === undefined) throw fail('NotFoundError', 'The specified index was not found.');
      remove(indexes, data);
      data.deleted = true;
      undoable(handle.transaction, () => {
        data.deleted = false;
        append(indexes, data);
      });
      const dropping = makeRequest(null, handle.transaction);
      dropping.isInternal = true;
      dropping.operation = () => {
        const { kept } = handle.data;
        remove(kept, data);
        undoable(handle.transaction, () => { append(kept, data); });
      };
      append(handle.transaction.requests, dropping);
    }
  }

  function undoable(transaction, undo) {
    transaction.undo[transaction.undo.length] = undo;
  }

  function needUpgrade(transaction) {
    if (transaction.mode !== 'versionchange') {
      throw fail('InvalidStateError', 'The database is not running a version change transaction.');
    }
  }

  function rename(handle, siblings, name) {
    const { transaction, data } = handle;
    needUpgrade(transaction);
    needActive(transaction);
    const old = data.name;
    if (old === name) return;
    if (named(siblings, name) !== undefined) throw fail('ConstraintError', 'That name is taken.');
    data.name = name;
    handle.name = name;
    undoable(transaction, () => {
      data.name = old;
      // What the same transaction made keeps its last name with its handle.
      if (data.creator !== transaction) handle.name = old;
    });
  }

  // While a value is cloned its getters run, and they may not use the transaction.
  function cloneInactive(transaction, value) {
    transaction.state = 'inactive';
    try {
      return structuredClone(value);
    } finally {
      if (transaction.state === 'inactive') transaction.state = 'active';
    }
  }

  // Section 7.1, add or put.
  function write(handle, value, givenKey, overwrite) {
    live(handle);
    const { transaction, data } = handle;
    needWritable(transaction);
    const { keyPath } = data;
    if (keyPath !== null && givenKey !== undefined) {
      throw fail('DataError', 'The object store uses in-line keys and the key parameter was provided.');
    }
    if (keyPath === null && !data.autoIncrement && givenKey === undefined) {
      throw fail('DataError', 'The object store uses out-of-line keys and has no key generator and the key parameter was not provided.');
    }
    let key = givenKey === undefined ? undefined : needKey(givenKey);
    const clone = cloneInactive(transaction, value);
    if (keyPath !== null) {
      const found = evaluate(clone, keyPath);
      if (found !== undefined) {
        key = needKey(found);
      } else if (!data.autoIncrement) {
        throw fail('DataError', "Evaluating the object store's key path did not yield a value.");
      } else if (!canInject(clone, keyPath)) {
        throw fail('DataError', 'A generated key could not be inserted into the value.');
      }
    }
    return ask(transaction, handle.object, () => fromKey(store(transaction, data, clone, key, overwrite)));
  }

  // The generator's last number is 2^53; a number has no room for the one behind it.
  const LAST_GENERATED = 2 ** 53;
  const END_OF_GENERATOR = 1 / 0;

  // Section 6.1, store a record: all of it or nothing.
  function store(transaction, data, value, givenKey, overwrite) {
    const { generator } = data;
    try {
      return storeNumbered(transaction, data, value, givenKey, overwrite);
    } catch (error) {
      data.generator = generator;
      throw error;
    }
  }

  function storeNumbered(transaction, data, value, givenKey, overwrite) {
    let key = givenKey;
    const { generator } = data;
    if (data.autoIncrement) {
      if (key === undefined) {
        if (generator > LAST_GENERATED) throw fail('ConstraintError', 'The key generator reached its end.');
        key = generator;
        data.generator = generator >= LAST_GENERATED ? END_OF_GENERATOR : generator + 1;
        if (data.keyPath !== null) inject(value, data.keyPath, key);
      } else if (typeof key === 'number' && key >= generator) {
        data.generator = key >= LAST_GENERATED ? END_OF_GENERATOR : P.MathFloor(key) + 1;
      }
      if (data.generator !== generator) undoable(transaction, () => (data.generator = generator));
    }
    const at = place(data.records, key, undefined, false);
    const old = at < data.records.length && compare(data.records[at].key, key) === 0 ? data.records[at] : undefined;
    if (old !== undefined && !overwrite) throw fail('ConstraintError', 'Key already exists in the object store.');
    const record = { key, primary: key, value, bytes: measure(value, new P.Set()) };
    for (let i = 0; i < data.kept.length; i++) {
      const index = data.kept[i];
      if (index.unique && clashes(index, record)) {
        throw fail('ConstraintError', `Unable to add key to index '${index.name}': at least one key does not satisfy the uniqueness requirements.`);
      }
    }
    if (!account(old === undefined ? 1 : 0, record.bytes - (old?.bytes ?? 0))) {
      throw fail('QuotaExceededError', "The store's limit is reached.");
    }
    if (old !== undefined) {
      unindex(data, old);
      data.records[at] = record;
    } else {
      insert(data.records, record);
    }
    for (let i = 0; i < data.kept.length; i++) indexRecord(data.kept[i], record);
    undoable(transaction, () => {
      account(old === undefined ? -1 : 0, (old?.bytes ?? 0) - record.bytes);
      unindex(data, record);
      take(data.records, record);
      if (old !== undefined) restore(data, old);
    });
    return key;
  }

  function restore(data, record) {
    insert(data.records, record);
    for (let i = 0; i < data.kept.length; i++) indexRecord(data.kept[i], record);
  }

  function discard(transaction, data, wanted) {
    const { from, to } = span(data.records, wanted);
    if (from === to) return;
    const gone = P.ArraySplice(data.records, from, to - from);
    let bytes = 0;
    for (let i = 0; i < gone.length; i++) {
      bytes += gone[i].bytes;
      unindex(data, gone[i]);
    }
    account(-gone.length, -bytes);
    undoable(transaction, () => {
      account(gone.length, bytes);
      for (let i = 0; i < gone.length; i++) restore(data, gone[i]);
    });
  }

  // ---- Indexes

  // The keys under which an index lists a record: none, one, or with multiEntry several.
  function indexKeys(index, record) {
    const found = evaluate(record.value, index.keyPath);
    if (found === undefined) return [];
    if (!index.multiEntry || !isArray(found)) {
      const key = toKey(found);
      return key === undefined ? [] : [key];
    }
    const keys = [];
    outer: for (let i = 0; i < found.length; i++) {
      const key = toKey(found[i]);
      if (key === undefined) continue;
      for (let j = 0; j < keys.length; j++) if (compare(keys[j], key) === 0) continue outer;
      append(keys, key);
    }
    return keys;
  }

  function clashes(index, record) {
    const keys = indexKeys(index, record);
    for (let i = 0; i < keys.length; i++) {
      const at = place(index.entries, keys[i], undefined, false);
      const entry = index.entries[at];
      if (entry !== undefined && compare(entry.key, keys[i]) === 0 && compare(entry.primary, record.primary) !== 0) return true;
    }
    return false;
  }

  function indexRecord(index, record) {
    if (index.unique && clashes(index, record)) return false;
    const keys = indexKeys(index, record);
    for (let i = 0; i < keys.length; i++) {
      const entry = { key: keys[i], primary: record.primary };
      take(index.entries, entry);
      insert(index.entries, entry);
    }
    return true;
  }

  function unindex(data, record) {
    for (let i = 0; i < data.kept.length; i++) {
      const index = data.kept[i];
      const keys = indexKeys(index, record);
      for (let j = 0; j < keys.length; j++) take(index.entries, { key: keys[j], primary: record.primary });
    }
  }

  function indexHandle(store, data) {
    const handles = store.indexes;
    for (let i = 0; i < handles.length; i++) if (handles[i].data === data) return handles[i].object;
    const handle = { kind: 'index', transaction: store.transaction, store, data, name: data.name, path: undefined };
    handles[handles.length] = handle;
    return create(IDBIndex, handle);
  }

  class IDBIndex {
    constructor(token) {
      only(token);
    }
    get name() {
      return slot(this, 'index').name;
    }
    set name(value) {
      const handle = live(slot(this, 'index'));
      rename(handle, handle.store.data.indexes, `${value}`);
    }
    get objectStore() {
      return slot(this, 'index').store.object;
    }
    get keyPath() {
      return shownPath(slot(this, 'index'));
    }
    get multiEntry() {
      return slot(this, 'index').data.multiEntry;
    }
    get unique() {
      return slot(this, 'index').data.unique;
    }
    get(query) {
      need(arguments.length, 1, 'IDBIndex.get');
      const handle = slot(this, 'index');
      return retrieve(handle, query, (entry) => entry && structuredClone(valueOf(handle, entry)));
    }
    getKey(query) {
      need(arguments.length, 1, 'IDBIndex.getKey');
      return retrieve(slot(this, 'index'), query, (entry) => entry && fromKey(entry.primary));
    }
    getAll(query, count) {
      const handle = slot(this, 'index');
      return retrieveAll(handle, query, count, (entry) => structuredClone(valueOf(handle, entry)));
    }
    getAllKeys(query, count) {
      return retrieveAll(slot(this, 'index'), query, count, (entry) => fromKey(entry.primary));
    }
    count(query) {
      return countOf(slot(this, 'index'), query);
    }
    openCursor(query, direction = 'next') {
      return openCursor(slot(this, 'index'), query, direction, false);
    }
    openKeyCursor(query, direction = 'next') {
      return openCursor(slot(this, 'index'), query, direction, true);
    }
  }

  // ---- Reading, of a store or an index

  const listOf = (handle) => (handle.kind === 'store' ? handle.data.records : handle.data.entries);

  function valueOf(handle, entry) {
    if (handle.kind === 'store') return entry.value;
    const records = handle.store.data.records;
    return records[place(records, entry.primary, undefined, false)].value;
  }

  function retrieve(handle, query, pick) {
    live(handle);
    needActive(handle.transaction);
    const wanted = toRange(query, true);
    return ask(handle.transaction, handle.object, () => {
      const list = listOf(handle);
      const { from, to } = span(list, wanted);
      return pick(from < to ? list[from] : undefined);
    });
  }

  function retrieveAll(handle, query, count, pick) {
    const limit = count === undefined ? 0 : toCount(count, 'The count');
    live(handle);
    needActive(handle.transaction);
    const wanted = toRange(query, false);
        return ask(handle.transaction, handle.object, () => {
      const list = listOf(handle);
      const { from, to } = span(list, wanted);
      const end = limit === 0 ? to : P.MathMin(to, from + limit);
      const found = [];
      for (let i = from; i < end; i++) append(found, pick(list[i]));
      return found;
    });
  }

  function countOf(handle, query) {
    live(handle);
    needActive(handle.transaction);
    const wanted = toRange(query, false);
    return ask(handle.transaction, handle.object, () => {
      const { from, to } = span(listOf(handle), wanted);
      return to - from;
    });
  }

  // ---- Cursors (section 4.9)

  class IDBCursor {
    constructor(token) {
      only(token);
    }
    get source() {
      return slot(this, 'cursor').handle.object;
    }
    get direction() {
      return slot(this, 'cursor').direction;
    }
    get key() {
      return slot(this, 'cursor').shownKey;
    }
    get primaryKey() {
      return slot(this, 'cursor').shownPrimary;
    }
    get request() {
      return slot(this, 'cursor').request.object;
    }
    advance(count) {
      const cursor = slot(this, 'cursor');
      need(arguments.length, 1, 'IDBCursor.advance');
      const steps = toCount(count, 'The count');
      if (steps === 0) throw new P.TypeError('A count argument with value 0 (zero) was supplied, must be greater than 0.');
      move(cursor, steps);
    }
    continue(key) {
      const cursor = slot(this, 'cursor');
      needGot(cursor);
      let wanted;
      if (key !== undefined) {
        wanted = needKey(key);
        const order = compare(wanted, cursor.key);
        if (forward(cursor) ? order <= 0 : order >= 0) {
          throw fail('DataError', "The parameter does not lie in the cursor's direction.");
        }
      }
      move(cursor, 1, wanted);
    }
    continuePrimaryKey(key, primaryKey) {
      need(arguments.length, 2, 'IDBCursor.continuePrimaryKey');
      const cursor = slot(this, 'cursor');
      needActive(cursor.handle.transaction);
      live(cursor.handle);
      if (cursor.handle.kind !== 'index' || (cursor.direction !== 'next' && cursor.direction !== 'prev')) {
        throw fail('InvalidAccessError', "The cursor's source or direction does not allow that.");
      }
      needGot(cursor);
      const wanted = needKey(key);
      const primary = needKey(primaryKey);
      const order = compare(wanted, cursor.key) || compare(primary, cursor.primary);
      if (forward(cursor) ? order <= 0 : order >= 0) {
        throw fail('DataError', "The parameters do not lie in the cursor's direction.");
      }
      move(cursor, 1, wanted, primary);
    }
    update(value) {
      need(arguments.length, 1, 'IDBCursor.update');
      const cursor = slot(this, 'cursor');
      const { handle } = cursor;
      needWritable(handle.transaction);
      needGot(cursor);
      if (cursor.keyOnly) throw fail('InvalidStateError', 'The cursor is a key cursor.');
      const target = handle.kind === 'store' ? handle : handle.store;
      const clone = cloneInactive(handle.transaction, value);
      const key = cursor.primary;
      if (target.data.keyPath !== null) {
        const found = toKey(evaluate(clone, target.data.keyPath));
        if (found === undefined || compare(found, key) !== 0) {
          throw fail('DataError', "The cursor's key and the value's differ.");
        }
      }
      return ask(handle.transaction, this, () => fromKey(store(handle.transaction, target.data, clone, key, true)));
    }
    delete() {
      const cursor = slot(this, 'cursor');
      const { handle } = cursor;
      needWritable(handle.transaction);
      needGot(cursor);
      if (cursor.keyOnly) throw fail('InvalidStateError', 'The cursor is a key cursor.');
      const target = handle.kind === 'store' ? handle : handle.store;
      const key = cursor.primary;
      const wanted = { lower: key, upper: key, lowerOpen: false, upperOpen: false };
      return ask(handle.transaction, this, () => void discard(handle.transaction, target.data, wanted));
    }
  }

  class IDBCursorWithValue extends IDBCursor {
    get value() {
      return slot(this, 'cursor').value;
    }
  }

  const forward = (cursor) => cursor.direction === 'next' || cursor.direction === 'nextunique';

  function needGot(cursor) {
    needActive(cursor.handle.transaction);
    live(cursor.handle);
    if (!cursor.got) throw fail('InvalidStateError', 'The cursor is being iterated or has iterated past its end.');
  }

  function openCursor(handle, query, direction, keyOnly) {
    live(handle);
    needActive(handle.transaction);
    const towards = `${direction}`;
    if (towards !== 'next' && towards !== 'nextunique' && towards !== 'prev' && towards !== 'prevunique') {
      throw new P.TypeError(`The provided value '${towards}' is not a valid enum value of type IDBCursorDirection.`);
    }
    const cursor = {
      kind: 'cursor',
      handle,
      range: toRange(query, false),
      direction: towards,
      keyOnly,
      got: false,
      key: undefined,
      primary: undefined,
      shownKey: undefined,
      shownPrimary: undefined,
      value: undefined,
      request: null,
    };
    create(keyOnly ? IDBCursor : IDBCursorWithValue, cursor);
    const request = ask(handle.transaction, handle.object, () => iterate(cursor, 1));
    cursor.request = slotGet(request);
    return request;
  }

  function move(cursor, steps, key, primary) {
    needGot(cursor);
    cursor.got = false;
    ask(cursor.handle.transaction, null, () => iterate(cursor, steps, key, primary), cursor.request);
  }

  // Section 6.7, iterate a cursor.
  function iterate(cursor, steps, key, primary) {
    const list = listOf(cursor.handle);
    const { from, to } = span(list, cursor.range);
    const ahead = forward(cursor);
    const unique = cursor.direction === 'nextunique' || cursor.direction === 'prevunique';
    let found;
    for (let i = 0; i < steps; i++) {
      const before = unique ? undefined : cursor.primary;
      let at;
      if (ahead) {
        at = cursor.key === undefined ? from : P.MathMax(from, place(list, cursor.key, before, true));
        if (key !== undefined) at = P.MathMax(at, place(list, key, primary, false));
      } else {
        at = (cursor.key === undefined ? to : P.MathMin(to, place(list, cursor.key, before, false))) - 1;
        if (key !== undefined) at = P.MathMin(at, place(list, key, primary, true) - 1);
        if (cursor.direction === 'prevunique' && at >= from) at = P.MathMax(from, place(list, list[at].key, undefined, false));
      }
      if (at < from || at >= to) {
        cursor.key = cursor.primary = cursor.shownKey = cursor.shownPrimary = cursor.value = undefined;
        return null;
      }
      found = list[at];
      cursor.key = found.key;
      cursor.primary = found.primary;
    }
    cursor.shownKey = fromKey(found.key);
    cursor.shownPrimary = fromKey(found.primary);
    if (!cursor.keyOnly) cursor.value = structuredClone(valueOf(cursor.handle, found));
    cursor.got = true;
    return cursor.object;
  }

  // ---- Databases and connections

  const bases = new P.Map();
  const lines = new P.Map();

  class IDBDatabase extends EventTarget {
    constructor(token) {
      only(token);
      super();
    }
    get name() {
      return slot(this, 'connection').base.name;
    }
    get version() {
      return slot(this, 'connection').version;
    }
    get objectStoreNames() {
      const connection = slot(this, 'connection');
      return names(connection.names === null ? namesOf(connection.stores) : P.ArraySlice(connection.names));
    }
    transaction(scope, mode = 'readonly', options = {}) {
      need(arguments.length, 1, 'IDBDatabase.transaction');
      const connection = slot(this, 'connection');
      const wanted = toNames(scope);
      const towards = internals.choice(mode, ['readonly', 'readwrite', 'versionchange'], 'IDBTransactionMode');
      const given = internals.dictionary(options, 'The options')?.durability;
      const durability = given === undefined ? 'default'
        : internals.choice(given, ['default', 'strict', 'relaxed'], 'IDBTransactionDurability');
      if (connection.upgrade !== null) {
        throw fail('InvalidStateError', 'A version change transaction is running.');
      }
      if (connection.closing) throw fail('InvalidStateError', 'The database connection is closing.');
      for (let i = 0; i < wanted.length; i++) {
        if (named(connection.stores, wanted[i]) === undefined) throw fail('NotFoundError', 'One of the specified object stores was not found.');
      }
      if (wanted.length === 0) throw fail('InvalidAccessError', 'The storeNames parameter was empty.');
      if (towards === 'versionchange') throw new P.TypeError("The mode is neither 'readonly' nor 'readwrite'.");
      return begin(connection, towards, wanted, durability).object;
    }
    close() {
      const connection = slot(this, 'connection');
      connection.closing = true;
      settle(connection);
    }
    createObjectStore(name, options = {}) {
      need(arguments.length, 1, 'IDBDatabase.createObjectStore');
      const connection = slot(this, 'connection');
      const transaction = upgrading(connection);
      const keyPath = toPath(options?.keyPath);
      const called = `${name}`;
      const stores = connection.stores;
      if (named(stores, called) !== undefined) throw fail('ConstraintError', 'An object store with that name exists already.');
      const autoIncrement = !!options?.autoIncrement;
      if (autoIncrement && (keyPath === '' || isArray(keyPath))) {
        throw fail('InvalidAccessError', 'The autoIncrement option was set but the keyPath option was empty or an array.');
      }
      const data = {
        name: called, keyPath, autoIncrement, generator: 1, records: [], indexes: [], kept: [], deleted: false,
        creator: transaction,
      };
      append(stores, data);
      undoable(transaction, () => {
        remove(stores, data);
        data.deleted = true;
      });
      return storeHandle(transaction, data);
    }
    deleteObjectStore(name) {
      need(arguments.length, 1, 'IDBDatabase.deleteObjectStore');
      const connection = slot(this, 'connection');
      const transaction = upgrading(connection);
      const stores = connection.stores;
      const data = named(stores, `${name}`);
      if (data === undefined) throw fail('NotFoundError', 'The specified object store was not found.');
      discard(transaction, data, EVERYTHING);
      remove(stores, data);
      data.deleted = true;
      undoable(transaction, () => {
        data.deleted = false;
        append(stores, data);
      });
    }
  }
  handlers(IDBDatabase.prototype, ['abort', 'close', 'error', 'versionchange']);

  function upgrading(connection) {
    if (connection.upgrade === null) {
      throw fail('InvalidStateError', 'The database is not running a version change transaction.');
    }
    needActive(connection.upgrade);
    return connection.upgrade;
  }

  // A connection that was told to close is closed once its transactions ended; whoever waits for that goes on.
  function settle(connection) {
    const { base } = connection;
    if (!connection.closing || connection.closed) return;
    for (let i = 0; i < base.live.length; i++) if (base.live[i].connection === connection) return;
    connection.closed = true;
    // It goes on naming what there was when it was closed.
    connection.names = namesOf(connection.stores);
    remove(base.connections, connection);
    const waiting = base.waiting;
    base.waiting = null;
    if (waiting !== null) task(waiting);
  }

  // Section 5.1: requests to open or delete one database are processed in order, one at a time.
  function enqueue(name, work) {
    let line = P.MapGet(lines, name);
    if (line === undefined) P.MapSet(lines, name, (line = []));
    line[line.length] = work;
    if (line.length === 1) task(() => work(next));
    function next() {
      P.ArraySplice(line, 0, 1);
      if (line.length > 0) {
        const following = line[0];
        task(() => following(next));
      }
    }
  }

  // Tells the other connections of a coming version, then waits until they are closed.
  function alone(base, request, newVersion, then) {
    const others = P.ArraySlice(base.connections);
    const old = base.version;
    for (let i = 0; i < others.length; i++) {
      const connection = others[i];
      task(() => {
        if (!connection.closing) {
          fire(connection.object, new IDBVersionChangeEvent('versionchange', { oldVersion: old, newVersion }), []);
        }
      });
    }
    task(() => {
      const open = base.connections;
      let blocked = false;
      for (let i = 0; i < open.length; i++) if (!open[i].closing) blocked = true;
      if (blocked) {
        fire(request.object, new IDBVersionChangeEvent('blocked', { oldVersion: old, newVersion }), []);
      }
      const check = () => {
        if (base.connections.length === 0) then();
        else base.waiting = check;
      };
      check();
    });
  }

  function answer(request, result, error) {
    request.done = true;
    request.result = result;
    request.error = error;
    const event = error === null ? new Event('success') : new Event('error', { bubbles: true, cancelable: true });
    fire(request.object, event, []);
  }

  // Section 5.1, open a database.
  function open(request, name, wanted, done) {
    let base = P.MapGet(bases, name);
    if (base === undefined) {
      base = { name, version: 0, stores: [], connections: [], live: [], waiting: null };
      P.MapSet(bases, name, base);
    }
    const version = wanted ?? (base.version === 0 ? 1 : base.version);
    if (base.version > version) {
      answer(request, undefined, fail('VersionError', `The requested version (${version}) is less than the existing version (${base.version}).`));
      return done();
    }
    const connect = () => {
      const connection = { kind: 'connection', base, version, stores: base.stores, names: null, upgrade: null, closing: false, closed: false };
      create(IDBDatabase, connection);
      base.connections[base.connections.length] = connection;
      return connection;
    };
    if (base.version === version) {
      answer(request, connect().object, null);
      return done();
    }
    alone(base, request, version, () => upgrade(base, request, connect(), version, done));
  }

  // Section 5.7, upgrade a database.
  function upgrade(base, request, connection, version, done) {
    const old = base.version;
    base.version = version;
    base.isUpgrading = true;
    base.oldVersion = old;
    const transaction = begin(connection, 'versionchange', namesOf(base.stores), 'default');
    undoable(transaction, () => {
      base.version = old;
      connection.version = old;
    });
    connection.upgrade = transaction;
    request.transaction = transaction;
    request.done = true;
    request.result = connection.object;
    transaction.finished = (complete) => {
      base.isUpgrading = false;
      request.transaction = null;
      if (complete && !connection.closing) {
        answer(request, connection.object, null);
      } else {
        connection.closing = true;
        settle(connection);
        if (!complete && old === 0) P.MapDelete(bases, base.name);
        answer(request, undefined, fail('AbortError', 'The version change transaction was aborted or the connection was closed.'));
      }
      done();
    };
    const event = new IDBVersionChangeEvent('upgradeneeded', { oldVersion: old, newVersion: version });
    if (fire(request.object, event, []) && transaction.state !== 'finished') {
      abort(transaction, fail('AbortError', 'An event handler threw.'));
    } else {
      rest(transaction);
    }
  }

  // Section 5.3, delete a database.
  function drop(request, name, done) {
    const base = P.MapGet(bases, name);
    if (base === undefined) {
      request.done = true;
      request.result = undefined;
      fire(request.object, new IDBVersionChangeEvent('success', { oldVersion: 0, newVersion: null }), []);
      return done();
    }
    const old = base.version;
    alone(base, request, null, () => {
      P.MapDelete(bases, name);
      for (let j = 0; j < base.stores.length; j++) {
        const data = base.stores[j];
        let bytes = 0;
        for (let i = 0; i < data.records.length; i++) bytes += data.records[i].bytes;
        account(-data.records.length, -bytes);
      }
      request.done = true;
      request.result = undefined;
      fire(request.object, new IDBVersionChangeEvent('success', { oldVersion: old, newVersion: null }), []);
      done();
    });
  }

  class IDBFactory {
    constructor(token) {
      only(token);
    }
    open(name, version) {
      slot(this, 'factory');
      if (arguments.length === 0) throw new P.TypeError("Failed to execute 'open' on 'IDBFactory': 1 argument required.");
      let wanted = null;
      if (version !== undefined) {
        wanted = trunc(+version);
        if (!(wanted >= 1 && wanted <= 2 ** 53 - 1)) {
          throw new P.TypeError('The version must be a whole number from 1.');
        }
      }
      const called = `${name}`;
      const request = makeRequest(null, null, IDBOpenDBRequest);
      enqueue(called, (done) => open(request, called, wanted, done));
      return request.object;
    }
    deleteDatabase(name) {
      need(arguments.length, 1, 'IDBFactory.deleteDatabase');
      slot(this, 'factory');
      const called = `${name}`;
      const request = makeRequest(null, null, IDBOpenDBRequest);
      enqueue(called, (done) => drop(request, called, done));
      return request.object;
    }
    async databases() {
      slot(this, 'factory');
      const found = [];
      P.MapForEach(bases, (base) => {
        // What an upgrade does counts once it is committed.
        const version = base.isUpgrading ? base.oldVersion : base.version;
        if (version > 0) append(found, { name: base.name, version });
      });
      return found;
    }
    cmp(first, second) {
      need(arguments.length, 2, 'IDBFactory.cmp');
      slot(this, 'factory');
      return compare(needKey(first), needKey(second));
    }
  }

  const factory = create(IDBFactory, { kind: 'factory' });

  publish({
    DOMStringList,
    IDBFactory,
    IDBRequest,
    IDBOpenDBRequest,
    IDBVersionChangeEvent,
    IDBDatabase,
    IDBTransaction,
    IDBObjectStore,
    IDBIndex,
    IDBCursor,
    IDBCursorWithValue,
    IDBKeyRange,
  });
  provide('indexedDB', () => factory);
})
