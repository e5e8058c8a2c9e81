// pipeTo and pipeThrough (Streams Standard, sections 4.2.4 and 4.9.1), and streams that move to another owner.
const error1 = new Error('one');
const error2 = new Error('two');
const erroredReadable = (error) => new ReadableStream({ start(controller) { controller.error(error); } });
const erroredWritable = async (error) => {
  const stream = new WritableStream({ start(controller) { controller.error(error); } });
  await later();
  return stream;
};
const recorder = () => {
  const seen = [];
  return {
    seen,
    sink: {
      write(chunk) { seen.push(['write', chunk]); },
      close() { seen.push(['close']); },
      abort(reason) { seen.push(['abort', reason]); },
    },
  };
};
check('a pipe writes, closes, and unlocks both', async () => {
  const { seen, sink } = recorder();
  const source = streamOf('a', 'b');
  const target = new WritableStream(sink);
  const done = source.pipeTo(target);
  same([source.locked, target.locked], [true, true]);
  same(await done, undefined);
  same([seen, source.locked, target.locked], [[['write', 'a'], ['write', 'b'], ['close']], false, false]);
});
check('preventClose, preventAbort and preventCancel prevent just that', async () => {
  let record = recorder();
  let target = new WritableStream(record.sink);
  await streamOf('a').pipeTo(target, { preventClose: true });
  same(record.seen, [['write', 'a']]);
  await target.getWriter().write('b');
  record = recorder();
  target = new WritableStream(record.sink);
  await rejects(error1, erroredReadable(error1).pipeTo(target, { preventAbort: true }));
  same(record.seen, []);
  await rejects(error1, erroredReadable(error1).pipeTo(target));
  same(record.seen, [['abort', error1]]);
  const reasons = [];
  const source = new ReadableStream({ cancel(reason) { reasons.push(reason); } });
  await rejects(error2, source.pipeTo(await erroredWritable(error2), { preventCancel: true }));
  same(reasons, []);
  await rejects(error2, source.pipeTo(await erroredWritable(error2)));
  same(reasons, [error2]);
});
check('a destination that is closed or closing cancels the source', async () => {
  const reasons = [];
  const open = () => new ReadableStream({ cancel(reason) { reasons.push(reason.constructor); } });
  const closed = new WritableStream();
  await closed.close();
  await rejects(TypeError, open().pipeTo(closed));
  const closing = new WritableStream({ close: () => new Promise(() => {}) });
  closing.close();
  await rejects(TypeError, open().pipeTo(closing));
  same(reasons, [TypeError, TypeError]);
  const failing = new ReadableStream({ cancel() { throw error1; } });
  await rejects(error1, failing.pipeTo(closed));
});
check('an error on either side during a pipe passes to the other', async () => {
  let controller;
  const record = recorder();
  const source = new ReadableStream({ start(given) { controller = given; } });
  const done = source.pipeTo(new WritableStream(record.sink));
  controller.enqueue('a');
  await later();
  controller.error(error1);
  await rejects(error1, done);
  same(record.seen, [['write', 'a'], ['abort', error1]]);
  let reason;
  const endless = new ReadableStream({ pull(given) { given.enqueue('x'); }, cancel(given) { reason = given; } });
  await rejects(error2, endless.pipeTo(new WritableStream({ write() { throw error2; } })));
  same(reason, error2);
});
check('writes that were begun end before a pipe does', async () => {
  let finish;
  let controller;
  const seen = [];
  const source = new ReadableStream({ start(given) { controller = given; } });
  const target = new WritableStream({
    write: (chunk) => new Promise((resolve) => { seen.push(chunk); finish = resolve; }),
    abort() { seen.push('abort'); },
  }, { highWaterMark: 3 });
  const done = source.pipeTo(target);
  controller.enqueue('a');
  controller.enqueue('b');
  await later();
  controller.error(error1);
  same([await state(done), seen], ['pending', ['a']]);
  finish();
  await later();
  same(seen, ['a', 'b']);
  finish();
  await rejects(error1, done);
  same(seen, ['a', 'b', 'abort']);
});
check('a pipe reads no more than the destination wants', async () => {
  let pulls = 0;
  const source = new ReadableStream({ pull(given) { pulls += 1; given.enqueue(pulls); } }, { highWaterMark: 0 });
  source.pipeTo(new WritableStream({ write: () => new Promise(() => {}) }, { highWaterMark: 2 }));
  await later(5);
  same(pulls, 2);
});
check('a signal aborts the destination and cancels the source', async () => {
  for (const [options, wanted] of [
    [{}, ['abort', 'cancel']], [{ preventAbort: true }, ['cancel']], [{ preventCancel: true }, ['abort']],
    [{ preventAbort: true, preventCancel: true }, []],
  ]) {
    for (const isEarly of [true, false]) {
      const seen = [];
      const abortion = new AbortController();
      if (isEarly) abortion.abort(error1);
      const source = new ReadableStream({ cancel(reason) { same(reason, error1); seen.push('cancel'); } });
      const target = new WritableStream({ abort(reason) { same(reason, error1); seen.push('abort'); } });
      await later();
      const done = source.pipeTo(target, { ...options, signal: abortion.signal });
      if (!isEarly) abortion.abort(error1);
      await rejects(error1, done);
      same(seen, wanted);
    }
  }
  const abortion = new AbortController();
  const done = new ReadableStream({ cancel: () => Promise.reject(error2) }).pipeTo(new WritableStream(), { signal: abortion.signal });
  abortion.abort(error1);
  await rejects(error2, done);
});
check('options are read in their order, and what is invalid rejects', async () => {
  const seen = [];
  const options = new Proxy({}, { get: (of, key) => { seen.push(key); return undefined; } });
  await streamOf().pipeTo(new WritableStream(), options);
  same(seen, ['preventAbort', 'preventCancel', 'preventClose', 'signal']);
  for (const signal of [null, 1, {}, 'x']) {
    const source = streamOf();
    const target = new WritableStream();
    await rejects(TypeError, source.pipeTo(target, { signal }));
    throws(TypeError, () => source.pipeThrough({ readable: streamOf(), writable: target }, { signal }));
    same([source.locked, target.locked], [false, false]);
  }
  await rejects(error1, streamOf().pipeTo(new WritableStream(), { get preventAbort() { throw error1; } }));
  await rejects(TypeError, streamOf().pipeTo());
  await rejects(TypeError, streamOf().pipeTo({}));
  await rejects(TypeError, streamOf().pipeTo(new WritableStream(), 1));
});
check('pipeThrough takes a pair of streams, readable first, and returns its readable', () => {
  const source = streamOf();
  for (const pair of [undefined, null, 1, {}, { readable: streamOf() }, { writable: new WritableStream() }]) {
    throws(TypeError, () => source.pipeThrough(pair));
  }
  throws(TypeError, () => source.pipeThrough({ readable: {}, get writable() { throw new Error('was read'); } }));
  throws(error1, () => source.pipeThrough({ get readable() { throw error1; } }));
  const readable = streamOf();
  const locked = new WritableStream();
  locked.getWriter();
  throws(TypeError, () => source.pipeThrough({ readable, writable: locked }));
  same(source.locked, false);
  same(source.pipeThrough({ readable, writable: new WritableStream() }) === readable, true);
  throws(TypeError, () => source.pipeThrough({ readable, writable: new WritableStream() }));
});
check('a chunk is not written on the stack of who enqueues it', async () => {
  let controller;
  const seen = [];
  const source = new ReadableStream({ start(given) { controller = given; } }, { highWaterMark: 0 });
  const done = source.pipeTo(new WritableStream({ write(chunk) { seen.push(chunk); } }));
  await later();
  controller.enqueue('a');
  same(seen, []);
  controller.close();
  await done;
  same(seen, ['a']);
});
