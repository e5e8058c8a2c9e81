// IndexedDB 3.0, object stores and indexes: everything lies in memory, in sorted arrays.
(function (host, internals) {
  'use strict';

  const { P, fail, structuredClone, append, need } = internals;
  const I = internals.indexedDB;

  function storeHandle(transaction, data) {
    const handles = transaction.handles;
    for (let i = 0; i < handles.length; i++) if (handles[i].data === data) return handles[i].object;
    const handle = { kind: 'store', transaction, data, indexes: [], name: data.name, path: undefined };
    handles[handles.length] = handle;
    return I.create(IDBObjectStore, handle);
  }

  // The same list each time, which script may change without changing the store.
  function shownPath(handle) {
    const { keyPath } = handle.data;
    if (!I.isArray(keyPath)) return keyPath;
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
      I.only(token);
    }
    get name() {
      return I.slot(this, 'store').name;
    }
    set name(value) {
      const handle = live(I.slot(this, 'store'));
      rename(handle, handle.transaction.connection.stores, `${value}`);
    }
    get keyPath() {
      return shownPath(I.slot(this, 'store'));
    }
    get indexNames() {
      const { data } = I.slot(this, 'store');
      return I.names(data.deleted ? [] : I.namesOf(data.indexes));
    }
    get transaction() {
      return I.slot(this, 'store').transaction.object;
    }
    get autoIncrement() {
      return I.slot(this, 'store').data.autoIncrement;
    }
    put(value, key) {
      need(arguments.length, 1, 'IDBObjectStore.put');
      return write(I.slot(this, 'store'), value, key, true);
    }
    add(value, key) {
      need(arguments.length, 1, 'IDBObjectStore.add');
      return write(I.slot(this, 'store'), value, key, false);
    }
    delete(query) {
      need(arguments.length, 1, 'IDBObjectStore.delete');
      const handle = live(I.slot(this, 'store'));
      I.needWritable(handle.transaction);
      const wanted = I.toRange(query, true);
      return I.ask(handle.transaction, this, () => void discard(handle.transaction, handle.data, wanted));
    }
    clear() {
      const handle = live(I.slot(this, 'store'));
      I.needWritable(handle.transaction);
      return I.ask(handle.transaction, this, () => void discard(handle.transaction, handle.data, I.EVERYTHING));
    }
    get(query) {
      need(arguments.length, 1, 'IDBObjectStore.get');
      return retrieve(I.slot(this, 'store'), query, (record) => record && structuredClone(record.value));
    }
    getKey(query) {
      need(arguments.length, 1, 'IDBObjectStore.getKey');
      return retrieve(I.slot(this, 'store'), query, (record) => record && I.fromKey(record.primary));
    }
    getAll(query, count) {
      return retrieveAll(I.slot(this, 'store'), query, count, (record) => structuredClone(record.value));
    }
    getAllKeys(query, count) {
      return retrieveAll(I.slot(this, 'store'), query, count, (record) => I.fromKey(record.primary));
    }
    count(query) {
      return countOf(I.slot(this, 'store'), query);
    }
    openCursor(query, direction = 'next') {
      return I.openCursor(I.slot(this, 'store'), query, direction, false);
    }
    openKeyCursor(query, direction = 'next') {
      return I.openCursor(I.slot(this, 'store'), query, direction, true);
    }
    index(name) {
      need(arguments.length, 1, 'IDBObjectStore.index');
      const handle = I.slot(this, 'store');
      if (handle.transaction.state === 'finished') throw fail('InvalidStateError', 'The transaction has finished.');
      live(handle);
      const data = I.named(handle.data.indexes, `${name}`);
      if (data === undefined) throw fail('NotFoundError', 'The specified index was not found.');
      return indexHandle(handle, data);
    }
    createIndex(name, keyPath, options = {}) {
      need(arguments.length, 2, 'IDBObjectStore.createIndex');
      const handle = I.slot(this, 'store');
      const transaction = handle.transaction;
      needUpgrade(transaction);
      live(handle);
      I.needActive(transaction);
      const called = `${name}`;
      if (I.named(handle.data.indexes, called) !== undefined) throw fail('ConstraintError', 'An index with that name exists already.');
      const path = I.toPath(keyPath);
      const multiEntry = !!options?.multiEntry;
      if (multiEntry && I.isArray(path)) {
        throw fail('InvalidAccessError', 'The keyPath argument was an array and the multiEntry option is true.');
      }
      const data = {
        name: called, keyPath: path, unique: !!options?.unique, multiEntry, entries: [], deleted: false, creator: transaction,
      };
      append(handle.data.indexes, data);
      undoable(transaction, () => {
        I.remove(handle.data.indexes, data);
        data.deleted = true;
      });
      const index = indexHandle(handle, data);
      // Section 4.5: filling it is an operation of its own, which aborts the upgrade when it meets a constraint.
      const filling = I.makeRequest(null, transaction);
      filling.isInternal = true;
      filling.operation = () => {
        const { records, kept } = handle.data;
        for (let i = 0; i < records.length; i++) {
          if (!indexRecord(data, records[i])) throw fail('ConstraintError', "The index's key is not unique.");
        }
        append(kept, data);
        undoable(transaction, () => { I.remove(kept, data); });
      };
      append(transaction.requests, filling);
      return index;
    }
    deleteIndex(name) {
      need(arguments.length, 1, 'IDBObjectStore.deleteIndex');
      const handle = I.slot(this, 'store');
      needUpgrade(handle.transaction);
      live(handle);
      I.needActive(handle.transaction);
      const indexes = handle.data.indexes;
      const data = I.named(indexes, `${name}`);
      if (data === undefined) throw fail('NotFoundError', 'The specified index was not found.');
      I.remove(indexes, data);
      data.deleted = true;
      undoable(handle.transaction, () => {
        data.deleted = false;
        append(indexes, data);
      });
      const dropping = I.makeRequest(null, handle.transaction);
      dropping.isInternal = true;
      dropping.operation = () => {
        const { kept } = handle.data;
        I.remove(kept, data);
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
    I.needActive(transaction);
    const old = data.name;
    if (old === name) return;
    if (I.named(siblings, name) !== undefined) throw fail('ConstraintError', 'That name is taken.');
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
    I.needWritable(transaction);
    const { keyPath } = data;
    if (keyPath !== null && givenKey !== undefined) {
      throw fail('DataError', 'The object store uses in-line keys and the key parameter was provided.');
    }
    if (keyPath === null && !data.autoIncrement && givenKey === undefined) {
      throw fail('DataError', 'The object store uses out-of-line keys and has no key generator and the key parameter was not provided.');
    }
    let key = givenKey === undefined ? undefined : I.needKey(givenKey);
    const clone = cloneInactive(transaction, value);
    if (keyPath !== null) {
      const found = I.evaluate(clone, keyPath);
      if (found !== undefined) {
        key = I.needKey(found);
      } else if (!data.autoIncrement) {
        throw fail('DataError', "Evaluating the object store's key path did not yield a value.");
      } else if (!I.canInject(clone, keyPath)) {
        throw fail('DataError', 'A generated key could not be inserted into the value.');
      }
    }
    return I.ask(transaction, handle.object, () => I.fromKey(store(transaction, data, clone, key, overwrite)));
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
        if (data.keyPath !== null) I.inject(value, data.keyPath, key);
      } else if (typeof key === 'number' && key >= generator) {
        data.generator = key >= LAST_GENERATED ? END_OF_GENERATOR : P.MathFloor(key) + 1;
      }
      if (data.generator !== generator) undoable(transaction, () => (data.generator = generator));
    }
    const at = I.place(data.records, key, undefined, false);
    const old = at < data.records.length && I.compare(data.records[at].key, key) === 0 ? data.records[at] : undefined;
    if (old !== undefined && !overwrite) throw fail('ConstraintError', 'Key already exists in the object store.');
    const record = { key, primary: key, value, bytes: I.measure(value, new P.Set()) };
    for (let i = 0; i < data.kept.length; i++) {
      const index = data.kept[i];
      if (index.unique && clashes(index, record)) {
        throw fail('ConstraintError', `Unable to add key to index '${index.name}': at least one key does not satisfy the uniqueness requirements.`);
      }
    }
    if (!I.account(old === undefined ? 1 : 0, record.bytes - (old?.bytes ?? 0))) {
      throw fail('QuotaExceededError', "The store's limit is reached.");
    }
    if (old !== undefined) {
      unindex(data, old);
      data.records[at] = record;
    } else {
      I.insert(data.records, record);
    }
    for (let i = 0; i < data.kept.length; i++) indexRecord(data.kept[i], record);
    undoable(transaction, () => {
      I.account(old === undefined ? -1 : 0, (old?.bytes ?? 0) - record.bytes);
      unindex(data, record);
      I.take(data.records, record);
      if (old !== undefined) restore(data, old);
    });
    return key;
  }

  function restore(data, record) {
    I.insert(data.records, record);
    for (let i = 0; i < data.kept.length; i++) indexRecord(data.kept[i], record);
  }

  function discard(transaction, data, wanted) {
    const { from, to } = I.span(data.records, wanted);
    if (from === to) return;
    const gone = P.ArraySplice(data.records, from, to - from);
    let bytes = 0;
    for (let i = 0; i < gone.length; i++) {
      bytes += gone[i].bytes;
      unindex(data, gone[i]);
    }
    I.account(-gone.length, -bytes);
    undoable(transaction, () => {
      I.account(gone.length, bytes);
      for (let i = 0; i < gone.length; i++) restore(data, gone[i]);
    });
  }

  // ---- Indexes

  // The keys under which an index lists a record: none, one, or with multiEntry several.
  function indexKeys(index, record) {
    const found = I.evaluate(record.value, index.keyPath);
    if (found === undefined) return [];
    if (!index.multiEntry || !I.isArray(found)) {
      const key = I.toKey(found);
      return key === undefined ? [] : [key];
    }
    const keys = [];
    outer: for (let i = 0; i < found.length; i++) {
      const key = I.toKey(found[i]);
      if (key === undefined) continue;
      for (let j = 0; j < keys.length; j++) if (I.compare(keys[j], key) === 0) continue outer;
      append(keys, key);
    }
    return keys;
  }

  function clashes(index, record) {
    const keys = indexKeys(index, record);
    for (let i = 0; i < keys.length; i++) {
      const at = I.place(index.entries, keys[i], undefined, false);
      const entry = index.entries[at];
      if (entry !== undefined && I.compare(entry.key, keys[i]) === 0 && I.compare(entry.primary, record.primary) !== 0) return true;
    }
    return false;
  }

  function indexRecord(index, record) {
    if (index.unique && clashes(index, record)) return false;
    const keys = indexKeys(index, record);
    for (let i = 0; i < keys.length; i++) {
      const entry = { key: keys[i], primary: record.primary };
      I.take(index.entries, entry);
      I.insert(index.entries, entry);
    }
    return true;
  }

  function unindex(data, record) {
    for (let i = 0; i < data.kept.length; i++) {
      const index = data.kept[i];
      const keys = indexKeys(index, record);
      for (let j = 0; j < keys.length; j++) I.take(index.entries, { key: keys[j], primary: record.primary });
    }
  }

  function indexHandle(store, data) {
    const handles = store.indexes;
    for (let i = 0; i < handles.length; i++) if (handles[i].data === data) return handles[i].object;
    const handle = { kind: 'index', transaction: store.transaction, store, data, name: data.name, path: undefined };
    handles[handles.length] = handle;
    return I.create(IDBIndex, handle);
  }

  class IDBIndex {
    constructor(token) {
      I.only(token);
    }
    get name() {
      return I.slot(this, 'index').name;
    }
    set name(value) {
      const handle = live(I.slot(this, 'index'));
      rename(handle, handle.store.data.indexes, `${value}`);
    }
    get objectStore() {
      return I.slot(this, 'index').store.object;
    }
    get keyPath() {
      return shownPath(I.slot(this, 'index'));
    }
    get multiEntry() {
      return I.slot(this, 'index').data.multiEntry;
    }
    get unique() {
      return I.slot(this, 'index').data.unique;
    }
    get(query) {
      need(arguments.length, 1, 'IDBIndex.get');
      const handle = I.slot(this, 'index');
      return retrieve(handle, query, (entry) => entry && structuredClone(valueOf(handle, entry)));
    }
    getKey(query) {
      need(arguments.length, 1, 'IDBIndex.getKey');
      return retrieve(I.slot(this, 'index'), query, (entry) => entry && I.fromKey(entry.primary));
    }
    getAll(query, count) {
      const handle = I.slot(this, 'index');
      return retrieveAll(handle, query, count, (entry) => structuredClone(valueOf(handle, entry)));
    }
    getAllKeys(query, count) {
      return retrieveAll(I.slot(this, 'index'), query, count, (entry) => I.fromKey(entry.primary));
    }
    count(query) {
      return countOf(I.slot(this, 'index'), query);
    }
    openCursor(query, direction = 'next') {
      return I.openCursor(I.slot(this, 'index'), query, direction, false);
    }
    openKeyCursor(query, direction = 'next') {
      return I.openCursor(I.slot(this, 'index'), query, direction, true);
    }
  }

  // ---- Reading, of a store or an index

  const listOf = (handle) => (handle.kind === 'store' ? handle.data.records : handle.data.entries);

  function valueOf(handle, entry) {
    if (handle.kind === 'store') return entry.value;
    const records = handle.store.data.records;
    return records[I.place(records, entry.primary, undefined, false)].value;
  }

  function retrieve(handle, query, pick) {
    live(handle);
    I.needActive(handle.transaction);
    const wanted = I.toRange(query, true);
    return I.ask(handle.transaction, handle.object, () => {
      const list = listOf(handle);
      const { from, to } = I.span(list, wanted);
      return pick(from < to ? list[from] : undefined);
    });
  }

  function retrieveAll(handle, query, count, pick) {
    const limit = count === undefined ? 0 : I.toCount(count, 'The count');
    live(handle);
    I.needActive(handle.transaction);
    const wanted = I.toRange(query, false);
        return I.ask(handle.transaction, handle.object, () => {
      const list = listOf(handle);
      const { from, to } = I.span(list, wanted);
      const end = limit === 0 ? to : P.MathMin(to, from + limit);
      const found = [];
      for (let i = from; i < end; i++) append(found, pick(list[i]));
      return found;
    });
  }

  function countOf(handle, query) {
    live(handle);
    I.needActive(handle.transaction);
    const wanted = I.toRange(query, false);
    return I.ask(handle.transaction, handle.object, () => {
      const { from, to } = I.span(listOf(handle), wanted);
      return to - from;
    });
  }

  P.Object_assign(I, {
    storeHandle, live, IDBObjectStore, undoable, cloneInactive, store, discard, IDBIndex, listOf, valueOf,
  });
})
