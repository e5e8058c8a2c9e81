// Indexed Database API 3.0: when a transaction takes requests, what names and indexes are meanwhile, and arguments.
let made = 0;
const open = (upgrade, name = `conformance ${made += 1}`, version = 1) => new Promise((resolve, reject) => {
  const request = indexedDB.open(name, version);
  request.onupgradeneeded = (event) => { upgrade(request.result, request.transaction, event); };
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = (event) => { event.preventDefault(); reject(request.error); };
});
const raised = (name, act) => {
  try {
    act();
  } catch (error) {
    same(error.name, name, 'what was thrown');
    return;
  }
  throw new Error(`did not throw ${name}`);
};

check('a transaction takes requests until its task and its microtasks have ended', async () => {
  const db = await open((it) => { it.createObjectStore('s').put(1, 'k'); });
  const store = db.transaction('s').objectStore('s');
  await null;
  same(await done(store.get('k')), 1);
  same(await done(store.count()), 1, 'in a microtask of the result');
  await later();
  raised('TransactionInactiveError', () => store.get('k'));
  raised('InvalidStateError', () => store.transaction.abort());
});
check('a transaction that a listener made rests when the listener has returned', async () => {
  const db = await open((it) => { it.createObjectStore('s'); });
  const target = new MessageChannel();
  let store;
  target.port2.addEventListener('message', () => { store = db.transaction('s').objectStore('s'); });
  const second = new Promise((resolve) => { target.port2.addEventListener('message', () => {
    try {
      store.get(1);
      resolve('active');
    } catch (error) {
      resolve(error.name);
    }
  }); });
  target.port2.start();
  target.port1.postMessage(1);
  same(await second, 'TransactionInactiveError');
});
check('microtasks run between the listeners along an event\'s path', async () => {
  const db = await open((it) => { it.createObjectStore('s'); });
  const said = [];
  const transaction = db.transaction('s', 'readwrite');
  const ended = new Promise((resolve) => { db.onabort = () => { said.push('database'); resolve(); }; });
  new Promise((resolve) => { transaction.onabort = resolve; }).then(() => { said.push('reaction'); });
  transaction.abort();
  await ended;
  same(said, ['reaction', 'database']);
});
check('an index is filled and dropped in the order of the requests', async () => {
  const said = [];
  await open((db) => {
    const store = db.createObjectStore('s');
    const add = (key) => {
      const request = store.add({ u: 1 }, key);
      request.onsuccess = () => said.push(`${key} added`);
      request.onerror = (event) => { event.preventDefault(); said.push(`${key} ${request.error.name}`); };
    };
    add('first');
    store.createIndex('u', 'u', { unique: true });
    add('second');
    store.deleteIndex('u');
    add('third');
  });
  same(said, ['first added', 'second ConstraintError', 'third added']);
});
check('an index that can not be unique aborts the upgrade without an error event of its own', async () => {
  const events = [];
  await rejects(DOMException, open((db, transaction) => {
    db.onerror = () => events.push('error');
    transaction.onabort = () => events.push(transaction.error.name);
    const store = db.createObjectStore('s');
    store.put({ u: 1 }, 'a');
    store.put({ u: 1 }, 'b');
    store.createIndex('u', 'u', { unique: true });
  }).catch((error) => { same(error.name, 'AbortError'); throw Object.setPrototypeOf(new DOMException(), DOMException.prototype); }));
  same(events, ['ConstraintError']);
});
check('names are those of the time: of handles, closed connections and ended upgrades', async () => {
  let old;
  const first = await open((db, transaction) => { old = transaction; db.createObjectStore('a'); });
  const handle = first.transaction('a').objectStore('a');
  first.close();
  await open((db, transaction) => {
    transaction.objectStore('a').name = 'b';
    db.createObjectStore('c');
  }, first.name, 2);
  same([handle.name, [...first.objectStoreNames], [...old.objectStoreNames]], ['a', ['a'], ['a']]);
});
check('an aborted rename is undone, but for what the same upgrade made', async () => {
  let store;
  let index;
  const db = await open((it) => { it.createObjectStore('a'); });
  db.close();
  let known;
  await open((it, transaction) => {
    known = transaction.objectStore('a');
    known.name = 'z';
    store = it.createObjectStore('new');
    store.name = 'newer';
    index = store.createIndex('i', 'i');
    index.name = 'j';
    transaction.abort();
  }, db.name, 2).catch(() => {});
  same([known.name, store.name, index.name, [...store.indexNames]], ['a', 'newer', 'j', []]);
});
check('the key generator ends after 2^53, and a failed request does not count', async () => {
  const db = await open((it) => {
    it.createObjectStore('s', { autoIncrement: true }).createIndex('u', 'u', { unique: true });
  });
  const store = db.transaction('s', 'readwrite').objectStore('s');
  same(await done(store.add({ u: 1 })), 1);
  same(await done(store.add({ u: 1 })).catch((error) => error.name), 'ConstraintError');
  same(await done(store.add({ u: 2 })), 2);
  await done(store.put({ u: 3 }, 2 ** 53));
  same(await done(store.add({ u: 4 })).catch((error) => error.name), 'ConstraintError');
});
check('arguments are converted as Web IDL has them', async () => {
  const db = await open((it) => { it.createObjectStore('s', { keyPath: ['a', 'b'] }); });
  const store = db.transaction('s', 'readwrite').objectStore('s');
  same(store.keyPath === store.keyPath, true, 'the same list');
  for (const act of [() => store.get(), () => store.getKey(), () => store.put(), () => store.delete(), () => store.index(),
    () => IDBKeyRange.only(), () => IDBKeyRange.bound(1), () => indexedDB.cmp(1), () => indexedDB.deleteDatabase(),
    () => db.transaction(), () => store.getAll(null, -1), () => store.getAll(null, NaN), () => store.getAllKeys(null, 2 ** 32),
    () => db.transaction('s', 'versionchange'), () => db.transaction('s', 'readonly', { durability: 'lazy' })]) {
    throws(TypeError, act);
  }
});
check('setters of Object.prototype see nothing of a database', async () => {
  let seen = 0;
  const spy = (key) => Object.defineProperty(Object.prototype, key, { set() { seen += 1; }, configurable: true });
  const db = await open((it) => { it.createObjectStore('s', { keyPath: 'deep.id', autoIncrement: true }); });
  for (const key of ['0', 'deep', 'id']) spy(key);
  try {
    const store = db.transaction('s', 'readwrite').objectStore('s');
    await done(store.add({}));
    same((await done(store.getAll())).length, 1);
    same((await done(store.getAllKeys()))[0], 1);
  } finally {
    for (const key of ['0', 'deep', 'id']) delete Object.prototype[key];
  }
  same(seen, 0);
});
