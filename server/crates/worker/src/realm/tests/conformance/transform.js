// TransformStream and its controller (Streams Standard, section 6).
const opened = (transformer, ...strategies) => {
  const stream = new TransformStream(transformer, ...strategies);
  return { stream, reader: stream.readable.getReader(), writer: stream.writable.getWriter() };
};
check('arguments are converted in their order, and what is invalid throws', () => {
  for (const transformer of [null, 1, 'x']) throws(TypeError, () => new TransformStream(transformer));
  for (const name of ['start', 'transform', 'flush', 'cancel']) throws(TypeError, () => new TransformStream({ [name]: 1 }));
  throws(RangeError, () => new TransformStream({ readableType: 'bytes' }));
  throws(RangeError, () => new TransformStream({ writableType: 'bytes' }));
  throws(RangeError, () => new TransformStream({}, {}, { highWaterMark: NaN }));
  throws(RangeError, () => new TransformStream({}, { highWaterMark: NaN }));
  const seen = [];
  const log = (name) => new Proxy({}, { get: (of, key) => { seen.push(`${name}.${String(key)}`); return undefined; } });
  new TransformStream(log('t'), log('w'), log('r'));
  same(seen, ['w.highWaterMark', 'w.size', 'r.highWaterMark', 'r.size', 't.cancel', 't.flush', 't.readableType', 't.start',
    't.transform', 't.writableType']);
});
check('an empty transformer passes on', async () => {
  const { reader, writer } = opened();
  same(writer.desiredSize, 1);
  const write = writer.write('a');
  same(writer.desiredSize, 0);
  same(await state(write), 'pending', 'nobody reads');
  same(await reader.read(), { value: 'a', done: false });
  await write;
  writer.close();
  same((await reader.read()).done, true);
  await writer.closed;
});
check('callbacks get the transformer as their receiver and the documented arguments', async () => {
  const seen = [];
  const transformer = {
    start(...args) { seen.push(['start', this === transformer, args.length, args[0].constructor]); },
    transform(...args) { seen.push(['transform', this === transformer, args.length]); args[1].enqueue(args[0] * 2); args[1].enqueue(1); },
    flush(...args) { seen.push(['flush', this === transformer, args.length]); args[0].enqueue('end'); },
  };
  same(await readAll(streamOf(2).pipeThrough(new TransformStream(transformer))), [4, 1, 'end']);
  same(seen, [['start', true, 1, TransformStreamDefaultController], ['transform', true, 2], ['flush', true, 1]]);
  const cancelled = [];
  const watching = { cancel(...args) { cancelled.push(this === watching, ...args); } };
  await new TransformStream(watching).readable.cancel('r');
  await new TransformStream(watching).writable.abort('w');
  same(cancelled, [true, 'r', true, 'w']);
});
check('what throws or rejects errs both sides', async () => {
  const error = new Error('transformer');
  for (const transform of [() => { throw error; }, () => Promise.reject(error)]) {
    const { reader, writer } = opened({ transform });
    const read = reader.read();
    await rejects(error, writer.write('a'));
    for (const promise of [read, reader.closed, writer.closed]) await rejects(error, promise);
  }
  const flushing = opened({ flush() { throw error; } });
  await rejects(error, flushing.writer.close());
  await rejects(error, flushing.reader.closed);
  throws(error, () => new TransformStream({ start() { throw error; } }));
  const starting = opened({ start: () => Promise.reject(error) });
  await rejects(error, starting.writer.closed);
  await rejects(error, starting.reader.closed);
});
check('the controller errs, terminates and measures', async () => {
  const error = new Error('controller');
  let controller;
  const start = (given) => { controller = given; };
  let { reader, writer } = opened({ start }, undefined, { highWaterMark: 3 });
  same(controller.desiredSize, 3);
  controller.enqueue('a');
  same(controller.desiredSize, 2);
  controller.error(error);
  same(controller.desiredSize, null);
  throws(TypeError, () => controller.enqueue('b'));
  await rejects(error, reader.read());
  await rejects(error, writer.write(1));
  ({ reader, writer } = opened({ start }, undefined, { highWaterMark: 3 }));
  controller.enqueue('last');
  controller.terminate();
  controller.terminate();
  throws(TypeError, () => controller.enqueue('b'));
  same([await reader.read(), await reader.read()], [{ value: 'last', done: false }, { value: undefined, done: true }]);
  await rejects(TypeError, writer.closed);
  await rejects(TypeError, writer.write(1));
});
check('cancelling the readable side errs the writable one, and the other way round', async () => {
  const reason = new Error('reason');
  let { reader, writer } = opened();
  await reader.cancel(reason);
  await rejects(reason, writer.closed);
  await rejects(reason, writer.write(1));
  ({ reader, writer } = opened());
  await writer.abort(reason);
  await rejects(reason, reader.read());
  const error = new Error('cancel');
  ({ reader, writer } = opened({ cancel() { throw error; } }));
  await rejects(error, reader.cancel(reason));
  await rejects(error, writer.closed);
  ({ reader, writer } = opened({ cancel: () => Promise.reject(error) }));
  await rejects(error, writer.abort(reason));
  await rejects(error, reader.closed);
});
check('a write that waits for a reader ends when the stream does', async () => {
  const { reader, writer } = opened();
  await later();
  const write = writer.write('a');
  await later();
  const reason = new Error('reason');
  await reader.cancel(reason);
  await rejects(reason, write);
});
check('streams move by structuredClone, and the old ones are locked', async () => {
  const source = streamOf('a', { n: 1 });
  const moved = structuredClone(source, { transfer: [source] });
  same([source.locked, moved === source, moved.constructor], [true, false, ReadableStream]);
  same(await readAll(moved), ['a', { n: 1 }]);
  const seen = [];
  const target = new WritableStream({ write(chunk) { seen.push(chunk); }, close() { seen.push('end'); } });
  const writer = structuredClone(target, { transfer: [target] }).getWriter();
  same(target.locked, true);
  writer.write('x');
  await writer.close();
  await later(5);
  same(seen, ['x', 'end']);
  const transform = new TransformStream({ transform(chunk, controller) { controller.enqueue(chunk + 1); } });
  const away = structuredClone(transform, { transfer: [transform] });
  same(await readAll(streamOf(1, 2).pipeThrough(away)), [2, 3]);
  const refuses = (act) => {
    try {
      act();
    } catch (error) {
      same([error.name, error.constructor === DOMException], ['DataCloneError', true]);
      return;
    }
    throw new Error('was not refused');
  };
  for (const make of [() => new ReadableStream(), () => new WritableStream(), () => new TransformStream()]) {
    refuses(() => structuredClone(make()));
  }
  const locked = new ReadableStream();
  locked.getReader();
  refuses(() => structuredClone(locked, { transfer: [locked] }));
  const pair = new TransformStream();
  refuses(() => structuredClone([pair, pair.readable], { transfer: [pair, pair.readable] }));
});
check('cancel, close and abort at the same time call the transformer once, and share its outcome', async () => {
  const error = new Error('transformer');
  const settle = async (...promises) => (await Promise.allSettled(promises)).map((result) => result.reason);
  let controller;
  const start = (given) => { controller = given; };
  let calls = 0;
  let stream = new TransformStream({ async cancel() { calls += 1; throw error; }, flush() { calls += 10; } });
  same(await settle(stream.readable.cancel(), stream.writable.close()), [error, error]);
  stream = new TransformStream({ start, async cancel() { calls += 1; controller.error(error); }, flush() { calls += 10; } });
  same(await settle(stream.readable.cancel(), stream.writable.close()), [error, error]);
  stream = new TransformStream({ start, async cancel() { calls += 1; controller.error(error); } });
  same(await settle(stream.writable.abort()), [error]);
  same(await settle(stream.readable.cancel()), [error]);
  stream = new TransformStream({ async cancel() { calls += 1; } });
  same(await settle(stream.readable.cancel(), stream.writable.abort()), [undefined, undefined]);
  same(calls, 4);
  stream = new TransformStream({ start });
  const cancelled = stream.readable.cancel();
  controller.error(error);
  same(await settle(cancelled, stream.writable.getWriter().closed), [undefined, error]);
});
check('structuredClone takes buffers away, and only buffers that are there', () => {
  const view = new Uint8Array([1, 2, 3]);
  const copy = structuredClone({ view, buffer: view.buffer }, { transfer: [view.buffer] });
  same([copy.view, copy.view.buffer === copy.buffer, view.byteLength], [new Uint8Array([1, 2, 3]), true, 0]);
  const again = new Uint8Array(1).buffer;
  for (const transfer of [[view.buffer], [again, again]]) {
    try {
      structuredClone(1, { transfer });
    } catch (error) {
      same(error.name, 'DataCloneError');
      continue;
    }
    throw new Error('was not refused');
  }
  throws(TypeError, () => structuredClone(1, 1));
});
