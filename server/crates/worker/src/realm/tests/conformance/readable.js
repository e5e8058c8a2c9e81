// ReadableStream with a default controller (Streams Standard, section 4).
check('arguments are converted in their order, and what is invalid throws', () => {
  for (const source of [null, 1, 'x', true]) throws(TypeError, () => new ReadableStream(source));
  for (const type of ['', 'byte', null, {}, 'BYTES']) throws(TypeError, () => new ReadableStream({ type }));
  for (const name of ['start', 'pull', 'cancel']) {
    for (const value of [null, 1, 'x', {}]) throws(TypeError, () => new ReadableStream({ [name]: value }));
  }
  for (const highWaterMark of [-1, NaN, 'x', {}]) throws(RangeError, () => new ReadableStream({}, { highWaterMark }));
  throws(TypeError, () => new ReadableStream({}, { size: 1 }));
  throws(TypeError, () => new ReadableStream({}, 1));
  throws(RangeError, () => new ReadableStream({ type: 'bytes' }, { size() {} }));
  const seen = [];
  const log = (name) => new Proxy({}, { get: (of, key) => { seen.push(`${name}.${String(key)}`); return undefined; } });
  new ReadableStream(log('source'), log('strategy'));
  same(seen, ['strategy.highWaterMark', 'strategy.size', 'source.autoAllocateChunkSize', 'source.cancel', 'source.pull',
    'source.start', 'source.type']);
  new ReadableStream({ type: { toString: () => 'bytes' } });
});
check('callbacks get the source as their receiver and the documented arguments', async () => {
  const seen = [];
  class Source {
    start(...args) { seen.push(['start', this === source, args.length, args[0].constructor]); }
    pull(...args) { seen.push(['pull', this === source, args.length]); }
    cancel(...args) { seen.push(['cancel', this === source, args]); }
  }
  const source = new Source();
  const stream = new ReadableStream(source);
  same(seen.length, 1);
  await later();
  await stream.cancel('enough');
  same(seen, [['start', true, 1, ReadableStreamDefaultController], ['pull', true, 1], ['cancel', true, ['enough']]]);
  throws(seen, () => new ReadableStream({ start() { throw seen; } }));
  throws(seen, () => new ReadableStream({ get start() { throw seen; } }));
});
check('pull is called while there is room, not again before it settles, and once more if it was asked for meanwhile', async () => {
  let pulls = 0;
  let settle;
  let controller;
  new ReadableStream({
    start(given) { controller = given; },
    pull() {
      pulls += 1;
      return new Promise((resolve) => { settle = resolve; });
    },
  }, { highWaterMark: 3 });
  same([pulls, controller.desiredSize], [0, 3]);
  await later();
  controller.enqueue('a');
  controller.enqueue('b');
  await later();
  same([pulls, controller.desiredSize], [1, 1]);
  settle();
  await later();
  same(pulls, 2);
  controller.enqueue('c');
  settle();
  await later();
  same([pulls, controller.desiredSize], [2, 0]);
});
check('a size function may throw, may give nonsense and may act on the stream', async () => {
  const error = new Error('size');
  let controller;
  const open = (size) => new ReadableStream({ start(given) { controller = given; } }, { highWaterMark: 1, size });
  let stream = open(() => { throw error; });
  throws(error, () => controller.enqueue(1));
  await rejects(error, stream.getReader().closed);
  for (const bad of [NaN, -1, Infinity, undefined, 'x']) {
    stream = open(() => bad);
    throws(RangeError, () => controller.enqueue(1));
    await rejects(RangeError, stream.getReader().read());
  }
  stream = open(() => { controller.error(error); return 1; });
  controller.enqueue(1);
  await rejects(error, stream.getReader().closed);
  const strategy = { size() { return this === undefined && arguments.length === 1 ? 0.5 : NaN; } };
  stream = open(strategy.size);
  controller.enqueue(1);
  same(controller.desiredSize, 0.5);
});
check('a controller closes after what it holds, and takes nothing from then on', async () => {
  let controller;
  const stream = new ReadableStream({ start(given) { controller = given; } });
  controller.enqueue('a');
  controller.close();
  throws(TypeError, () => controller.close());
  throws(TypeError, () => controller.enqueue('b'));
  const reader = stream.getReader();
  same(controller.desiredSize, 0);
  same(await reader.read(), { value: 'a', done: false });
  same(await reader.read(), { value: undefined, done: true });
  await reader.closed;
  controller.error(new Error('too late'));
  same(await reader.read(), { value: undefined, done: true });
  same(controller.desiredSize, 0);
});
check('an error empties the queue, and is what everything fails with', async () => {
  const error = { name: 'mine' };
  let controller;
  const stream = new ReadableStream({ start(given) { controller = given; } });
  const reader = stream.getReader();
  const reads = [reader.read(), reader.read()];
  controller.error(error);
  for (const read of [...reads, reader.read(), reader.closed, reader.cancel()]) await rejects(error, read);
  same(controller.desiredSize, null);
  reader.releaseLock();
  await rejects(error, stream.cancel());
});
check('a rejected start, a thrown pull and a rejected pull are errors of the stream', async () => {
  const error = new Error('source');
  for (const source of [
    { start: () => Promise.reject(error) }, { pull() { throw error; } }, { pull: async () => { throw error; } },
  ]) await rejects(error, new ReadableStream(source).getReader().closed);
});
check('a stream is locked by its reader, and what is locked refuses', async () => {
  const stream = new ReadableStream();
  same(stream.locked, false);
  const reader = stream.getReader();
  same(stream.locked, true);
  throws(TypeError, () => stream.getReader());
  throws(TypeError, () => stream.tee());
  throws(TypeError, () => stream.values());
  throws(TypeError, () => new ReadableStreamDefaultReader(stream));
  await rejects(TypeError, stream.cancel());
  await rejects(TypeError, stream.pipeTo(new WritableStream()));
  for (const mode of ['', 'BYOB', null]) throws(TypeError, () => new ReadableStream().getReader({ mode }));
  throws(TypeError, () => new ReadableStream().getReader({ mode: 'byob' }));
  throws(TypeError, () => new ReadableStreamDefaultReader({}));
  reader.releaseLock();
  reader.releaseLock();
  same(stream.locked, false);
  await rejects(TypeError, reader.read());
  await rejects(TypeError, reader.cancel());
  await rejects(TypeError, reader.closed);
});
check('releasing a reader rejects its reads; the next reader goes on', async () => {
  let controller;
  const stream = new ReadableStream({ start(given) { controller = given; } });
  const first = stream.getReader();
  const { closed } = first;
  const read = first.read();
  first.releaseLock();
  same(first.closed === closed, true, 'a pending promise is kept');
  await rejects(TypeError, read);
  const second = stream.getReader();
  controller.enqueue('a');
  same((await second.read()).value, 'a');
  controller.close();
  await second.closed;
  const before = second.closed;
  second.releaseLock();
  same(second.closed === before, false, 'a settled promise is replaced');
});
check('cancel closes at once, and settles as the source says', async () => {
  const error = new Error('cancel');
  const stream = new ReadableStream({ cancel: () => Promise.reject(error) });
  const reader = stream.getReader();
  const read = reader.read();
  const cancelled = reader.cancel();
  same(await read, { value: undefined, done: true });
  await reader.closed;
  await rejects(error, cancelled);
  same(await new ReadableStream({ cancel: () => 'ignored' }).cancel(), undefined);
});
check('an iterator reads, queues its calls, and cancels when it is left', async () => {
  let reason = 'none';
  const open = () => new ReadableStream({
    start(controller) { for (let n = 0; n < 3; n++) controller.enqueue(n); controller.close(); },
    cancel(given) { reason = given; },
  });
  same(await readAll(open()), [0, 1, 2]);
  const stream = new ReadableStream({ pull(controller) { controller.enqueue('x'); }, cancel(given) { reason = given; } });
  for await (const chunk of stream) { same(chunk, 'x'); break; }
  same([reason, stream.locked], [undefined, false]);
  const kept = open();
  const iterator = kept.values({ preventCancel: true });
  same(await iterator.next(), { value: 0, done: false });
  same(await iterator.return('bye'), { value: 'bye', done: true });
  same(await iterator.next(), { value: undefined, done: true });
  same([kept.locked, (await kept.getReader().read()).value], [false, 1]);
  const all = open().values();
  same((await Promise.all([all.next(), all.next(), all.next(), all.next(), all.return('end')])).map((step) => step.value),
    [0, 1, 2, undefined, 'end']);
  const error = new Error('broken');
  const failing = new ReadableStream({ start(controller) { controller.error(error); } }).values();
  const results = await Promise.allSettled([failing.next(), failing.next()]);
  same(results.map((result) => result.status), ['rejected', 'fulfilled']);
});
check('from() takes what can be iterated', async () => {
  same(await readAll(ReadableStream.from(['a', Promise.resolve('b')])), ['a', 'b']);
  same(await readAll(ReadableStream.from('hé')), ['h', 'é']);
  same(await readAll(ReadableStream.from(new Set([1, 2]))), [1, 2]);
  same(await readAll(ReadableStream.from(streamOf(1, 2))), [1, 2]);
  same(await readAll(ReadableStream.from((async function* () { yield 1; })())), [1]);
  for (const bad of [undefined, null, 0, true, {}, { [Symbol.iterator]: 1 }, { [Symbol.asyncIterator]: () => 1 }]) {
    throws(TypeError, () => ReadableStream.from(bad));
  }
  throws(TypeError, () => ReadableStream.from());
  let left = null;
  const stream = ReadableStream.from({
    [Symbol.asyncIterator]: () => ({ next: async () => ({ value: 1, done: false }), return: async (reason) => { left = reason; return {}; } }),
  });
  const reader = stream.getReader();
  same(await reader.read(), { value: 1, done: false });
  await reader.cancel('why');
  same(left, 'why');
  await rejects(TypeError, ReadableStream.from({ [Symbol.asyncIterator]: () => ({ next: () => 5 }) }).getReader().read());
  await rejects(TypeError, ReadableStream.from({ [Symbol.asyncIterator]: () => ({ next() {}, return: () => 5 }) }).cancel());
});
check('tee gives both branches the same chunks, and cancels when both do', async () => {
  const object = {};
  const [one, two] = streamOf(object, 'b').tee();
  same((await readAll(one))[0] === (await readAll(two))[0], true);
  let reasons = null;
  const [first, second] = new ReadableStream({ cancel(given) { reasons = given; } }).tee();
  const cancelled = first.cancel(1);
  same(await state(cancelled), 'pending');
  await second.cancel(2);
  await cancelled;
  same(reasons, [1, 2]);
  const error = new Error('broken');
  const branches = new ReadableStream({ pull() { throw error; } }).tee();
  for (const branch of branches) await rejects(error, branch.getReader().read());
  let pulls = 0;
  new ReadableStream({ pull() { pulls += 1; } }, { highWaterMark: 0 }).tee();
  await later();
  same(pulls, 1);
});
check('nothing of pipes and tees can be seen through patched prototypes', async () => {
  // What runs the checks has its own calls behind it then.
  await later();
  const { then } = Promise.prototype;
  const { getReader } = ReadableStream.prototype;
  const { read } = ReadableStreamDefaultReader.prototype;
  const Own = ReadableStream;
  let calls = 0;
  Promise.prototype.then = function (...args) { calls += 1; return Reflect.apply(then, this, args); };
  ReadableStream.prototype.getReader = () => { calls += 1; };
  ReadableStreamDefaultReader.prototype.read = () => { calls += 1; };
  globalThis.ReadableStream = class {};
  Object.defineProperty(Object.prototype, 'then', { configurable: true, get() { calls += 1; } });
  const got = [];
  let tries;
  try {
    const [one, two] = new Own({ start(c) { c.enqueue('a'); c.close(); } }).tee();
    one.pipeTo(new WritableStream({ write(chunk) { got.push(chunk); } }));
    two.pipeTo(new WritableStream({ write(chunk) { got.push(chunk); } }));
    tries = new Promise((resolve) => setTimeout(resolve, 0));
  } finally {
    delete Object.prototype.then;
    await 0;
  }
  await tries;
  const seen = calls;
  Promise.prototype.then = then;
  ReadableStream.prototype.getReader = getReader;
  ReadableStreamDefaultReader.prototype.read = read;
  globalThis.ReadableStream = Own;
  same(got, ['a', 'a']);
  same(seen, 0, 'calls of what was patched');
});
