// IndexedDB 3.0, databases with versions, connections and the factory.
(function (host, internals) {
  'use strict';

  const { P, task, fire, handlers, publish, provide, fail, Event, EventTarget, append, need } = internals;
  const I = internals.indexedDB;

  const bases = new P.Map();
  const lines = new P.Map();

  class IDBDatabase extends EventTarget {
    constructor(token) {
      I.only(token);
      super();
    }
    get name() {
      return I.slot(this, 'connection').base.name;
    }
    get version() {
      return I.slot(this, 'connection').version;
    }
    get objectStoreNames() {
      const connection = I.slot(this, 'connection');
      return I.names(connection.names === null ? I.namesOf(connection.stores) : P.ArraySlice(connection.names));
    }
    transaction(scope, mode = 'readonly', options = {}) {
      need(arguments.length, 1, 'IDBDatabase.transaction');
      const connection = I.slot(this, 'connection');
      const wanted = I.toNames(scope);
      const towards = internals.choice(mode, ['readonly', 'readwrite', 'versionchange'], 'IDBTransactionMode');
      const given = internals.dictionary(options, 'The options').durability;
      const durability = given === undefined ? 'default'
        : internals.choice(given, ['default', 'strict', 'relaxed'], 'IDBTransactionDurability');
      if (connection.upgrade !== null) {
        throw fail('InvalidStateError', 'A version change transaction is running.');
      }
      if (connection.closing) throw fail('InvalidStateError', 'The database connection is closing.');
      for (let i = 0; i < wanted.length; i++) {
        if (I.named(connection.stores, wanted[i]) === undefined) throw fail('NotFoundError', 'One of the specified object stores was not found.');
      }
      if (wanted.length === 0) throw fail('InvalidAccessError', 'The storeNames parameter was empty.');
      if (towards === 'versionchange') throw new P.TypeError("The mode is neither 'readonly' nor 'readwrite'.");
      return I.begin(connection, towards, wanted, durability).object;
    }
    close() {
      const connection = I.slot(this, 'connection');
      connection.closing = true;
      settle(connection);
    }
    createObjectStore(name, options = {}) {
      need(arguments.length, 1, 'IDBDatabase.createObjectStore');
      const connection = I.slot(this, 'connection');
      const transaction = upgrading(connection);
      const keyPath = I.toPath(options?.keyPath);
      const called = `${name}`;
      const stores = connection.stores;
      if (I.named(stores, called) !== undefined) throw fail('ConstraintError', 'An object store with that name exists already.');
      const autoIncrement = !!options?.autoIncrement;
      if (autoIncrement && (keyPath === '' || I.isArray(keyPath))) {
        throw fail('InvalidAccessError', 'The autoIncrement option was set but the keyPath option was empty or an array.');
      }
      const data = {
        name: called, keyPath, autoIncrement, generator: 1, records: [], indexes: [], kept: [], deleted: false,
        creator: transaction,
      };
      append(stores, data);
      I.undoable(transaction, () => {
        I.remove(stores, data);
        data.deleted = true;
      });
      return I.storeHandle(transaction, data);
    }
    deleteObjectStore(name) {
      need(arguments.length, 1, 'IDBDatabase.deleteObjectStore');
      const connection = I.slot(this, 'connection');
      const transaction = upgrading(connection);
      const stores = connection.stores;
      const data = I.named(stores, `${name}`);
      if (data === undefined) throw fail('NotFoundError', 'The specified object store was not found.');
      I.discard(transaction, data, I.EVERYTHING);
      I.remove(stores, data);
      data.deleted = true;
      I.undoable(transaction, () => {
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
    I.needActive(connection.upgrade);
    return connection.upgrade;
  }

  // A connection whose close was requested is closed once its transactions ended; requests that wait for that continue.
  function settle(connection) {
    const { base } = connection;
    if (!connection.closing || connection.closed) return;
    for (let i = 0; i < base.live.length; i++) if (base.live[i].connection === connection) return;
    connection.closed = true;
    // It goes on naming what there was when it was closed.
    connection.names = I.namesOf(connection.stores);
    I.remove(base.connections, connection);
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
          fire(connection.object, new I.IDBVersionChangeEvent('versionchange', { oldVersion: old, newVersion }), []);
        }
      });
    }
    task(() => {
      const open = base.connections;
      let blocked = false;
      for (let i = 0; i < open.length; i++) if (!open[i].closing) blocked = true;
      if (blocked) {
        fire(request.object, new I.IDBVersionChangeEvent('blocked', { oldVersion: old, newVersion }), []);
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
      I.create(IDBDatabase, connection);
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
    const transaction = I.begin(connection, 'versionchange', I.namesOf(base.stores), 'default');
    I.undoable(transaction, () => {
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
    const event = new I.IDBVersionChangeEvent('upgradeneeded', { oldVersion: old, newVersion: version });
    if (fire(request.object, event, []) && transaction.state !== 'finished') {
      I.abort(transaction, fail('AbortError', 'An event handler threw.'));
    } else {
      I.rest(transaction);
    }
  }

  // Section 5.3, delete a database.
  function drop(request, name, done) {
    const base = P.MapGet(bases, name);
    if (base === undefined) {
      request.done = true;
      request.result = undefined;
      fire(request.object, new I.IDBVersionChangeEvent('success', { oldVersion: 0, newVersion: null }), []);
      return done();
    }
    const old = base.version;
    alone(base, request, null, () => {
      P.MapDelete(bases, name);
      for (let j = 0; j < base.stores.length; j++) {
        const data = base.stores[j];
        let bytes = 0;
        for (let i = 0; i < data.records.length; i++) bytes += data.records[i].bytes;
        I.account(-data.records.length, -bytes);
      }
      request.done = true;
      request.result = undefined;
      fire(request.object, new I.IDBVersionChangeEvent('success', { oldVersion: old, newVersion: null }), []);
      done();
    });
  }

  class IDBFactory {
    constructor(token) {
      I.only(token);
    }
    open(name, version) {
      I.slot(this, 'factory');
      if (arguments.length === 0) throw new P.TypeError("Failed to execute 'open' on 'IDBFactory': 1 argument required.");
      let wanted = null;
      if (version !== undefined) {
        wanted = I.trunc(+version);
        if (!(wanted >= 1 && wanted <= 2 ** 53 - 1)) {
          throw new P.TypeError('The version must be a whole number from 1.');
        }
      }
      const called = `${name}`;
      const request = I.makeRequest(null, null, I.IDBOpenDBRequest);
      enqueue(called, (done) => open(request, called, wanted, done));
      return request.object;
    }
    deleteDatabase(name) {
      need(arguments.length, 1, 'IDBFactory.deleteDatabase');
      I.slot(this, 'factory');
      const called = `${name}`;
      const request = I.makeRequest(null, null, I.IDBOpenDBRequest);
      enqueue(called, (done) => drop(request, called, done));
      return request.object;
    }
    async databases() {
      I.slot(this, 'factory');
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
      I.slot(this, 'factory');
      return I.compare(I.needKey(first), I.needKey(second));
    }
  }

  const factory = I.create(IDBFactory, { kind: 'factory' });

  publish({
    DOMStringList: I.DOMStringList,
    IDBFactory,
    IDBRequest: I.IDBRequest,
    IDBOpenDBRequest: I.IDBOpenDBRequest,
    IDBVersionChangeEvent: I.IDBVersionChangeEvent,
    IDBDatabase,
    IDBTransaction: I.IDBTransaction,
    IDBObjectStore: I.IDBObjectStore,
    IDBIndex: I.IDBIndex,
    IDBCursor: I.IDBCursor,
    IDBCursorWithValue: I.IDBCursorWithValue,
    IDBKeyRange: I.IDBKeyRange,
  });
  provide('indexedDB', () => factory);

  P.Object_assign(I, {
    settle,
  });
})
