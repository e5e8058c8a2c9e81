// IndexedDB 3.0, requests and transactions, which commit by themselves and roll back when they are aborted. What
// happens later happens in tasks of the realm, never by the real clock.
(function (host, internals) {
  'use strict';

  const { P, task, fire, handlers, fail, Event, EventTarget, append, need } = internals;
  const I = internals.indexedDB;

  class IDBRequest extends EventTarget {
    constructor(token) {
      I.only(token);
      super();
    }
    get result() {
      const state = I.slot(this, 'request');
      if (!state.done) throw fail('InvalidStateError', 'The request has not finished.');
      return state.result;
    }
    get error() {
      const state = I.slot(this, 'request');
      if (!state.done) throw fail('InvalidStateError', 'The request has not finished.');
      return state.error;
    }
    get source() {
      return I.slot(this, 'request').source;
    }
    get transaction() {
      return I.slot(this, 'request').transaction?.object ?? null;
    }
    get readyState() {
      return I.slot(this, 'request').done ? 'done' : 'pending';
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
    I.create(Class, state);
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
      I.only(token);
      super();
    }
    get objectStoreNames() {
      const state = I.slot(this, 'transaction');
      const isChanging = state.mode === 'versionchange' && state.state !== 'finished';
      return I.names(isChanging ? I.namesOf(state.connection.stores) : P.ArraySlice(state.scope));
    }
    get mode() {
      return I.slot(this, 'transaction').mode;
    }
    get durability() {
      return I.slot(this, 'transaction').durability;
    }
    get db() {
      return I.slot(this, 'transaction').connection.object;
    }
    get error() {
      return I.slot(this, 'transaction').error;
    }
    objectStore(name) {
      need(arguments.length, 1, 'IDBTransaction.objectStore');
      const state = I.slot(this, 'transaction');
      if (state.state === 'finished') throw fail('InvalidStateError', 'The transaction has finished.');
      const key = `${name}`;
      const data = I.named(state.connection.stores, key);
      if (data === undefined || (state.mode !== 'versionchange' && !P.ArrayIncludes(state.scope, key))) {
        throw fail('NotFoundError', 'The specified object store was not found.');
      }
      return I.storeHandle(state, data);
    }
    commit() {
      const state = I.slot(this, 'transaction');
      if (state.state !== 'active') throw fail('InvalidStateError', 'The transaction is not active.');
      state.state = 'committing';
      pump(state);
    }
    abort() {
      const state = I.slot(this, 'transaction');
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
    I.create(IDBTransaction, state);
    const live = connection.base.live;
    append(live, state);
    internals.atTaskEnd(() => { rest(state); });
    pump(state);
    return state;
  }

  // A transaction takes requests until the task that made it, or that delivered a result to it, has ended with its
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
      transaction.scope = I.namesOf(transaction.connection.stores);
    }
    transaction.state = 'finished';
    transaction.undo = [];
    I.remove(base.live, transaction);
    for (let i = 0; i < base.live.length; i++) pump(base.live[i]);
    I.settle(transaction.connection);
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

  P.Object_assign(I, {
    IDBRequest, IDBOpenDBRequest, IDBVersionChangeEvent, makeRequest, ask, needActive, needWritable,
    IDBTransaction, begin, rest, abort,
  });
})
