// Byte streams: ReadableByteStreamController, BYOB readers and requests (Streams Standard, sections 4.5, 4.7, 4.8).
const bytes = (...values) => new Uint8Array(values);
const openBytes = (source = {}, strategy = undefined) => {
  let controller;
  const stream = new ReadableStream({ ...source, type: 'bytes', start(given) { controller = given; } }, strategy);
  return { stream, controller };
};
check('a byte stream can be read by both kinds of readers', async () => {
  const { stream, controller } = openBytes();
  same([controller.constructor, controller.desiredSize, controller.byobRequest], [ReadableByteStreamController, 0, null]);
  controller.enqueue(bytes(1, 2, 3));
  same(controller.desiredSize, -3);
  const byob = stream.getReader({ mode: 'byob' });
  same(byob.constructor, ReadableStreamBYOBReader);
  same(await byob.read(new Uint8Array(2)), { value: bytes(1, 2), done: false });
  byob.releaseLock();
  same(await stream.getReader().read(), { value: bytes(3), done: false });
});
check('enqueue takes views that hold something, and takes their buffers away', () => {
  const { controller } = openBytes();
  for (const bad of [undefined, null, 'x', {}, new ArrayBuffer(1), new Uint8Array(0), new Uint8Array(new ArrayBuffer(4), 4)]) {
    throws(TypeError, () => controller.enqueue(bad));
  }
  const chunk = bytes(1, 2);
  controller.enqueue(chunk);
  same([chunk.byteLength, chunk.buffer.byteLength], [0, 0]);
  throws(TypeError, () => controller.enqueue(chunk));
  controller.close();
  throws(TypeError, () => controller.enqueue(bytes(1)));
});
check('a read checks its view and its options', async () => {
  const { stream } = openBytes();
  const reader = stream.getReader({ mode: 'byob' });
  for (const bad of [undefined, null, {}, new ArrayBuffer(1), new Uint8Array(0)]) await rejects(TypeError, reader.read(bad));
  for (const min of [0, -1, NaN, Infinity]) await rejects(TypeError, reader.read(bytes(1), { min }));
  await rejects(RangeError, reader.read(bytes(1), { min: 2 }));
  await rejects(RangeError, reader.read(new Uint16Array(1), { min: 2 }));
  await rejects(RangeError, reader.read(new DataView(new ArrayBuffer(1)), { min: 2 }));
  await rejects(TypeError, reader.read());
  const view = bytes(1, 2);
  reader.read(view);
  same(view.byteLength, 0, 'the buffer was taken');
});
check('a source answers a BYOB request in place', async () => {
  const seen = [];
  const stream = new ReadableStream({
    type: 'bytes',
    pull(controller) {
      const request = controller.byobRequest;
      seen.push(request === controller.byobRequest, request.view.constructor, request.view.byteOffset, request.view.byteLength);
      request.view[0] = 7;
      request.respond(1);
      seen.push(request.view, controller.byobRequest);
      throws(TypeError, () => request.respond(1));
    },
  });
  const reader = stream.getReader({ mode: 'byob' });
  const { value, done } = await reader.read(new Uint8Array(new ArrayBuffer(8), 2, 3));
  same([value, value.byteOffset, value.buffer.byteLength, done], [bytes(7), 2, 8, false]);
  same(seen, [true, Uint8Array, 2, 3, null, null]);
});
check('respond checks its argument', async () => {
  let outcome;
  const stream = new ReadableStream({
    type: 'bytes',
    pull(controller) {
      const request = controller.byobRequest;
      throws(TypeError, () => request.respond());
      throws(TypeError, () => request.respond(-1));
      throws(TypeError, () => request.respond(NaN));
      throws(TypeError, () => request.respond(0));
      throws(RangeError, () => request.respond(3));
      throws(TypeError, () => request.respondWithNewView(new ArrayBuffer(2)));
      throws(TypeError, () => request.respondWithNewView(new Uint8Array(0)));
      throws(RangeError, () => request.respondWithNewView(new Uint8Array(1)));
      throws(RangeError, () => request.respondWithNewView(new Uint8Array(new ArrayBuffer(2), 1)));
      throws(RangeError, () => request.respondWithNewView(new Uint8Array(3)));
      request.respondWithNewView(request.view.subarray(0, 1));
      outcome = 'done';
    },
  });
  same((await stream.getReader({ mode: 'byob' }).read(new Uint8Array(2))).value, bytes(0));
  same(outcome, 'done');
});
check('a view of larger elements waits for whole ones, and keeps the rest', async () => {
  const { stream, controller } = openBytes();
  const reader = stream.getReader({ mode: 'byob' });
  const read = reader.read(new Uint16Array(2));
  controller.enqueue(bytes(1));
  same(await state(read), 'pending');
  controller.enqueue(bytes(2, 3));
  const { value } = await read;
  same([value.constructor, value.length], [Uint16Array, 1]);
  same((await reader.read(new Uint8Array(4))).value, bytes(3));
  const cut = reader.read(new Uint16Array(1));
  controller.enqueue(bytes(1));
  throws(TypeError, () => controller.close());
  await rejects(TypeError, cut);
});
check('min waits for as many elements', async () => {
  const { stream, controller } = openBytes();
  const reader = stream.getReader({ mode: 'byob' });
  const read = reader.read(new Uint8Array(4), { min: 3 });
  controller.enqueue(bytes(1, 2));
  same(await state(read), 'pending');
  same([controller.byobRequest.view.byteOffset, controller.byobRequest.view.byteLength], [2, 2]);
  controller.enqueue(bytes(3));
  same((await read).value, bytes(1, 2, 3));
  const last = reader.read(new Uint8Array(3), { min: 3 });
  controller.enqueue(bytes(9));
  controller.close();
  controller.byobRequest.respond(0);
  same(await last, { value: bytes(9), done: true });
});
check('a closed stream gives an empty view of the buffer that was brought', async () => {
  const { stream, controller } = openBytes();
  const reader = stream.getReader({ mode: 'byob' });
  const pending = reader.read(new Uint8Array(new ArrayBuffer(8), 4, 2));
  controller.close();
  same(await state(pending), 'pending');
  throws(TypeError, () => controller.byobRequest.respond(1));
  controller.byobRequest.respond(0);
  const { value, done } = await pending;
  same([value.length, value.byteOffset, value.buffer.byteLength, done], [0, 4, 8, true]);
  const after = await reader.read(new DataView(new ArrayBuffer(3)));
  same([after.value.constructor, after.value.byteLength, after.value.buffer.byteLength, after.done], [DataView, 0, 3, true]);
});
check('cancel gives no view, and errors are those of the stream', async () => {
  const { stream } = openBytes();
  const reader = stream.getReader({ mode: 'byob' });
  const read = reader.read(bytes(1));
  await reader.cancel();
  same(await read, { value: undefined, done: true });
  const error = new Error('broken');
  const other = openBytes();
  const waiting = other.stream.getReader({ mode: 'byob' });
  const failed = waiting.read(bytes(1));
  other.controller.error(error);
  await rejects(error, failed);
  await rejects(error, waiting.read(bytes(1)));
});
check('autoAllocateChunkSize makes requests of plain reads', async () => {
  for (const size of [0, -1, NaN, Infinity, 'x']) {
    throws(TypeError, () => new ReadableStream({ type: 'bytes', autoAllocateChunkSize: size }));
  }
  const stream = new ReadableStream({
    type: 'bytes',
    autoAllocateChunkSize: 16,
    pull(controller) {
      same(controller.byobRequest.view.byteLength, 16);
      controller.byobRequest.view[0] = 5;
      controller.byobRequest.respond(1);
    },
  });
  const { value } = await stream.getReader().read();
  same([value, value.buffer.byteLength], [bytes(5), 16]);
});
check('bytes for a reader that was released go to the next', async () => {
  const { stream, controller } = openBytes();
  const first = stream.getReader({ mode: 'byob' });
  const read = first.read(new Uint8Array(4));
  const request = controller.byobRequest;
  first.releaseLock();
  await rejects(TypeError, read);
  const second = stream.getReader({ mode: 'byob' });
  const next = second.read(new Uint8Array(2));
  request.view[0] = 1;
  request.view[1] = 2;
  request.view[2] = 3;
  request.respond(3);
  same((await next).value, bytes(1, 2));
  same((await second.read(new Uint8Array(4))).value, bytes(3));
});
check('tee of bytes copies, and passes requests on', async () => {
  const [one, two] = new ReadableStream({
    type: 'bytes',
    pull(controller) {
      const request = controller.byobRequest;
      if (request === null) return controller.enqueue(bytes(9));
      request.view[0] = 1;
      return request.respond(1);
    },
  }).tee();
  const first = await one.getReader({ mode: 'byob' }).read(new Uint8Array(new ArrayBuffer(4), 1, 2));
  same([first.value, first.value.byteOffset, first.value.buffer.byteLength], [bytes(1), 1, 4]);
  const second = await two.getReader().read();
  same([second.value, second.value.buffer === first.value.buffer], [bytes(1), false]);
  const source = openBytes();
  const [left, right] = source.stream.tee();
  const waiting = left.getReader({ mode: 'byob' }).read(bytes(1));
  const plain = right.getReader().read();
  await later();
  source.controller.close();
  source.controller.byobRequest.respond(0);
  same([(await waiting).done, (await plain).done], [true, true]);
  const error = new Error('broken');
  const failing = openBytes();
  const branches = failing.stream.tee();
  failing.controller.error(error);
  for (const branch of branches) await rejects(error, branch.getReader({ mode: 'byob' }).read(bytes(1)));
});
check('a request whose buffer was taken is of no use', async () => {
  const { stream, controller } = openBytes();
  const reader = stream.getReader({ mode: 'byob' });
  const read = reader.read(bytes(1));
  const { view } = controller.byobRequest;
  view.buffer.transfer();
  throws(TypeError, () => controller.byobRequest.respond(1));
  throws(TypeError, () => controller.enqueue(bytes(2)));
  same(await state(read), 'pending');
});
check('bodies and blobs are byte streams', async () => {
  const reader = new Response('abc').body.getReader({ mode: 'byob' });
  same(await reader.read(new Uint8Array(2)), { value: bytes(97, 98), done: false });
  same(await reader.read(new Uint8Array(2)), { value: bytes(99), done: false });
  same((await reader.read(new Uint8Array(2))).done, true);
  same((await new Blob([]).stream().getReader({ mode: 'byob' }).read(new Uint8Array(2))).done, true);
  same((await new Blob(['ab']).stream().getReader().read()).value, bytes(97, 98));
});
check('what reads are resolved with is seen once all of them are filled', async () => {
  const { stream, controller } = openBytes();
  const reader = stream.getReader({ mode: 'byob' });
  const reads = [reader.read(new Uint8Array(1)), reader.read(new Uint8Array(1))];
  await later();
  const seen = [];
  Object.defineProperty(Object.prototype, 'then', {
    configurable: true,
    get() {
      delete Object.prototype.then;
      seen.push(controller.byobRequest);
    },
  });
  controller.enqueue(bytes(1, 2));
  same(seen, [null]);
  same((await Promise.all(reads)).map((step) => step.value), [bytes(1), bytes(2)]);
});
check('a detached view answers no request of a closed stream', async () => {
  let outcome = 'none';
  const stream = new ReadableStream({
    type: 'bytes',
    pull(controller) {
      controller.close();
      const { view } = controller.byobRequest;
      structuredClone(view, { transfer: [view.buffer] });
      throws(TypeError, () => controller.byobRequest.respond(0));
      throws(TypeError, () => controller.byobRequest.respondWithNewView(view));
      throws(RangeError, () => controller.byobRequest.respondWithNewView(new Uint8Array(0)));
      outcome = 'refused';
    },
  });
  same(await state(stream.getReader({ mode: 'byob' }).read(new Uint8Array(4))), 'pending');
  same(outcome, 'refused');
});
