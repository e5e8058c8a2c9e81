// Web Locks, section 4; Service Workers, section 5.5; the Console Standard; HTML, "report an exception".
const failing = async (promise) => promise.then(() => 'held', (error) => error.name);
check('the options of a lock exclude each other', async () => {
  const ask = (options) => failing(navigator.locks.request('excluded', options, () => {}));
  const { signal } = new AbortController();
  same(await ask({ signal, ifAvailable: true }), 'NotSupportedError');
  same(await ask({ signal, steal: true }), 'NotSupportedError');
  same(await ask({ steal: true, ifAvailable: true }), 'NotSupportedError');
  same(await ask({ steal: true, mode: 'shared' }), 'NotSupportedError');
  for (const mode of [null, '', 'Shared']) same(await ask({ mode }), 'TypeError');
  for (const wrong of [null, 'stop', {}]) same(await ask({ signal: wrong }), 'TypeError');
  same(await failing(navigator.locks.request('one argument')), 'TypeError');
});
check('a signal counts until the lock is held', async () => {
  const controller = new AbortController();
  const given = await navigator.locks.request('held', { signal: controller.signal }, async () => {
    controller.abort();
    return 'kept';
  });
  same(given, 'kept');
});
check('who waited behind an aborted request goes on', async () => {
  const controller = new AbortController();
  let release;
  const first = navigator.locks.request('line', { mode: 'shared' }, () => new Promise((resolve) => { release = resolve; }));
  const aborted = failing(navigator.locks.request('line', { signal: controller.signal }, () => {}));
  const behind = navigator.locks.request('line', { mode: 'shared' }, () => 'went on');
  await later();
  controller.abort();
  same([await aborted, await behind], ['AbortError', 'went on']);
  release();
  await first;
});
check('a callback of a lock is called without an object', async () => {
  same(await navigator.locks.request('bare', function () { return this === undefined || this === globalThis; }), true);
});
check('a cache has any name', async () => {
  const names = ['\ud800', 'a\udc00b', '\u{10ffff}d800', 'plain'];
  for (const name of names) await caches.open(name);
  const known = await caches.keys();
  same(names.every((name) => known.includes(name)), true);
  same([await caches.has('\ud800'), await caches.has('\ufffd'), await caches.delete('a\udc00b')], [true, false, true]);
  for (const name of names) await caches.delete(name);
});
check('console is a namespace', () => {
  same(Object.prototype.toString.call(console), '[object console]');
  const prototype = Object.getPrototypeOf(console);
  same([Reflect.ownKeys(prototype).length, Object.getPrototypeOf(prototype) === Object.prototype], [0, true]);
  for (const name of ['count', 'countReset', 'time', 'timeLog', 'timeEnd']) {
    throws(RangeError, () => console[name]({ toString() { throw new RangeError(); } }));
  }
});
check('reportError needs a value and says where it was called', () => {
  throws(TypeError, () => reportError());
  let event;
  addEventListener('error', (given) => { event = given; given.preventDefault(); }, { once: true });
  reportError(5);
  same([event.error, event.filename, event.lineno > 0], [5, location.href, true]);
});
check('a reader of nothing tells of no progress', async () => {
  const types = [];
  const reader = new FileReader();
  await new Promise((resolve) => {
    for (const type of ['loadstart', 'progress', 'load', 'loadend']) reader.addEventListener(type, () => types.push(type));
    reader.addEventListener('loadend', resolve);
    reader.readAsText(new Blob([]));
  });
  same(types, ['loadstart', 'load', 'loadend']);
});
