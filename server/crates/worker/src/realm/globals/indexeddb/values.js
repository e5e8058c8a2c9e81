// IndexedDB 3.0, keys and values: keys, key paths, sorted records, key ranges, and what all its objects share.
(function (host, internals) {
  'use strict';

  const { P, fail, append, need, isBlob } = internals;
  // Through this object the files offer operations to each other.
  const I = { __proto__: null };
  internals.indexedDB = I;

  const isArray = P.Array_isArray;
  const isView = P.isView;
  const slotGet = (object) => P.WeakMapGet(slots, object);
  const slotSet = (object, state) => P.WeakMapSet(slots, object, state);

  // What every object of these files keeps for itself; script can't reach it.
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

  const MAX_UNSIGNED_LONG = 4294967295;
  // [EnforceRange] unsigned long.
  function toCount(value, what) {
    const count = internals.toUnsigned(value, what);
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

  P.Object_assign(I, {
    isArray, slotGet, slot, create, only, remove, toCount, named, namesOf, trunc, toNames, toKey, needKey, fromKey,
    compare, toPath, evaluate, canInject, inject, place, span, insert, take, measure, account, DOMStringList,
    names, IDBKeyRange, EVERYTHING, toRange,
  });
})
