// WritableStream, its writer and controller (Streams Standard, section 5).
check('arguments are converted in their order, and what is invalid throws', () => {
  for (const sink of [null, 1, 'x']) throws(TypeError, () => new WritableStream(sink));
  throws(RangeError, () => new WritableStream({ type: 'bytes' }));
  throws(RangeError, () => new WritableStream({}, { highWaterMark: -1 }));
  for (const name of ['start', 'write', 'close', 'abort']) throws(TypeError, () => new WritableStream({ [name]: {} }));
  const seen = [];
  const log = (name) => new Proxy({}, { get: (of, key) => { seen.push(`${name}.${String(key)}`); return undefined; } });
  new WritableStream(log('sink'), log('strategy'));
  same(seen, ['strategy.highWaterMark', 'strategy.size', 'sink.abort', 'sink.close', 'sink.start', 'sink.type', 'sink.write']);
});
check('callbacks get the sink as their receiver and the documented arguments', async () => {
  const seen = [];
  const sink = {
    start(...args) { seen.push(['start', this === sink, args.map((arg) => arg.constructor)]); },
    write(...args) { seen.push(['write', this === sink, args[0], args[1].constructor, args.length]); },
    close(...args) { seen.push(['close', this === sink, args.length]); },
  };
  const writer = new WritableStream(sink).getWriter();
  writer.write('a');
  await writer.close();
  same(seen, [['start', true, [WritableStreamDefaultController]],
    ['write', true, 'a', WritableStreamDefaultController, 2], ['close', true, 0]]);
});
check('writes go one by one, in their order, after start', async () => {
  const seen = [];
  let begin;
  const stream = new WritableStream({
    start: () => new Promise((resolve) => { begin = resolve; }),
    async write(chunk) {
      seen.push(`begin ${chunk}`);
      await later(5);
      seen.push(`end ${chunk}`);
    },
    close() { seen.push('close'); },
  });
  const writer = stream.getWriter();
  writer.write(1);
  writer.write(2);
  const closed = writer.close();
  same([seen, writer.desiredSize], [[], -1]);
  begin();
  await closed;
  await writer.closed;
  same(seen, ['begin 1', 'end 1', 'begin 2', 'end 2', 'close']);
  same(writer.desiredSize, 0);
});
check('ready tells of room', async () => {
  let finish;
  const writer = new WritableStream({ write: () => new Promise((resolve) => { finish = resolve; }) }).getWriter();
  const { ready } = writer;
  await ready;
  same([writer.desiredSize, writer.ready === ready], [1, true]);
  writer.write('a');
  same([writer.desiredSize, writer.ready === ready], [0, false]);
  same(await state(writer.ready), 'pending');
  finish();
  await writer.ready;
  same(writer.desiredSize, 1);
});
check('a write that fails errs the stream, and what is queued with it', async () => {
  const error = new Error('write');
  const seen = [];
  const writer = new WritableStream({ write: () => Promise.reject(error), abort() { seen.push('abort'); } }).getWriter();
  const first = writer.write(1);
  const second = writer.write(2);
  await rejects(error, first);
  await rejects(error, second);
  await rejects(error, writer.closed);
  await rejects(error, writer.ready);
  await rejects(error, writer.write(3));
  await rejects(TypeError, writer.close());
  same([seen, writer.desiredSize], [[], null]);
  same(await writer.abort(), undefined);
});
check('abort waits for the write in flight, drops the rest, and tells the sink', async () => {
  const seen = [];
  let finish;
  let signal;
  const stream = new WritableStream({
    start(controller) { signal = controller.signal; },
    write: () => new Promise((resolve) => { finish = resolve; }),
    abort(reason) { seen.push(reason); },
  });
  const writer = stream.getWriter();
  await writer.ready;
  const first = writer.write(1);
  const second = writer.write(2);
  await later();
  const reason = new Error('stop');
  const aborted = writer.abort(reason);
  same([signal.aborted, signal.reason === reason, writer.desiredSize, writer.abort() === aborted], [true, true, null, true]);
  await rejects(reason, writer.ready);
  same([seen, await state(first)], [[], 'pending']);
  finish();
  await first;
  await rejects(reason, second);
  await aborted;
  await rejects(reason, writer.closed);
  same(seen, [reason]);
});
check('abort without a reason has none, but its signal has', async () => {
  let signal;
  const stream = new WritableStream({ start(controller) { signal = controller.signal; } });
  const writer = stream.getWriter();
  const { closed } = writer;
  await writer.abort();
  await rejects(undefined, closed);
  same([signal.reason.name, signal.reason instanceof DOMException], ['AbortError', true]);
});
check('controller.error() errs once what is in flight has ended', async () => {
  const error = new Error('controller');
  let controller;
  let finish;
  const seen = [];
  const stream = new WritableStream({
    start(given) { controller = given; },
    write: () => new Promise((resolve) => { finish = resolve; }),
    abort() { seen.push('abort'); },
  });
  const writer = stream.getWriter();
  await later();
  const write = writer.write(1);
  controller.error(error);
  controller.error(new Error('too late'));
  await rejects(error, writer.ready);
  const aborted = writer.abort(new Error('other'));
  finish();
  await write;
  await rejects(error, aborted);
  await rejects(error, writer.closed);
  same(seen, []);
});
check('close and abort meet', async () => {
  let finish;
  const stream = new WritableStream({ close: () => new Promise((resolve) => { finish = resolve; }) });
  const writer = stream.getWriter();
  await later();
  const closed = writer.close();
  await rejects(TypeError, writer.close());
  await rejects(TypeError, writer.write(1));
  const aborted = writer.abort(new Error('late'));
  finish();
  await closed;
  await aborted;
  await writer.closed;
  const error = new Error('close');
  const failing = new WritableStream({ close: () => Promise.reject(error) }).getWriter();
  await rejects(error, failing.close());
  await rejects(error, failing.closed);
});
check('a released writer refuses, and its promises say so', async () => {
  const stream = new WritableStream();
  const writer = stream.getWriter();
  throws(TypeError, () => stream.getWriter());
  throws(TypeError, () => new WritableStreamDefaultWriter(stream));
  throws(TypeError, () => new WritableStreamDefaultWriter({}));
  await rejects(TypeError, stream.abort());
  await rejects(TypeError, stream.close());
  const { closed } = writer;
  const { ready } = writer;
  writer.releaseLock();
  same([writer.closed === closed, writer.ready === ready], [true, false], 'a pending promise is kept, a settled one replaced');
  throws(TypeError, () => writer.desiredSize);
  for (const promise of [writer.closed, writer.ready, writer.write(1), writer.close(), writer.abort()]) {
    await rejects(TypeError, promise);
  }
  same(stream.locked, false);
  await stream.close();
  await rejects(TypeError, stream.close());
});
check('a strategy may act on the stream while a chunk is sized', async () => {
  const error = new Error('size');
  let writer = new WritableStream({}, { size() { throw error; }, highWaterMark: 5 }).getWriter();
  await rejects(error, writer.write('a'));
  await rejects(error, writer.closed);
  for (const bad of [NaN, -1, Infinity]) {
    writer = new WritableStream({}, { size: () => bad }).getWriter();
    await rejects(RangeError, writer.write('a'));
  }
  let act = () => {};
  const stream = new WritableStream({}, { size() { act(); return 1; } });
  writer = stream.getWriter();
  act = () => { writer.releaseLock(); };
  await rejects(TypeError, writer.write('a'));
  writer = stream.getWriter();
  act = () => { writer.close(); };
  await rejects(TypeError, writer.write('a'));
});
check('start may be late, may fail, and may throw', async () => {
  const error = new Error('start');
  throws(error, () => new WritableStream({ start() { throw error; } }));
  const writer = new WritableStream({ start: () => Promise.reject(error) }).getWriter();
  await rejects(error, writer.write(1));
  await rejects(error, writer.closed);
  const waiting = new WritableStream({ start: () => new Promise(() => {}) });
  same(await state(waiting.abort()), 'pending');
});
