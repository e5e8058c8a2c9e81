// The interfaces of streams and codecs as Web IDL declares them: constructors with their lengths, read-only
// attributes, operations. `~` before a name: it returns a promise, and rejects where another would throw.
const table = `
ReadableStream 0: locked, ~cancel 0, getReader 0, pipeThrough 1, ~pipeTo 1, tee 0, values 0; from 1
ReadableStreamDefaultReader 1: ~closed, ~cancel 0, ~read 0, releaseLock 0
ReadableStreamBYOBReader 1: ~closed, ~cancel 0, ~read 1, releaseLock 0
ReadableStreamDefaultController -: desiredSize, close 0, enqueue 0, error 0
ReadableByteStreamController -: byobRequest, desiredSize, close 0, enqueue 1, error 0
ReadableStreamBYOBRequest -: view, respond 1, respondWithNewView 1
WritableStream 0: locked, ~abort 0, ~close 0, getWriter 0
WritableStreamDefaultWriter 1: ~closed, desiredSize, ~ready, ~abort 0, ~close 0, releaseLock 0, ~write 0
WritableStreamDefaultController -: signal, error 0
TransformStream 0: readable, writable
TransformStreamDefaultController -: desiredSize, enqueue 0, error 0, terminate 0
CountQueuingStrategy 1: highWaterMark, size
ByteLengthQueuingStrategy 1: highWaterMark, size
TextDecoder 0: encoding, fatal, ignoreBOM, decode 0
TextEncoder 0: encoding, encode 0, encodeInto 2
TextDecoderStream 0: encoding, fatal, ignoreBOM, readable, writable
TextEncoderStream 0: encoding, readable, writable
CompressionStream 1: readable, writable
DecompressionStream 1: readable, writable`;

const checkMember = async (object, declared, proto) => {
  const [, promised, name, length] = /^(~?)(\w+) ?(\d*)$/.exec(declared);
  const property = Object.getOwnPropertyDescriptor(object, name);
  if (property === undefined) throw new Error(`${name} is missing`);
  same([property.enumerable, property.configurable], [true, true], `${name}: enumerable, configurable`);
  const isAttribute = length === '';
  if (isAttribute) same([property.get.name, property.get.length, property.set], [`get ${name}`, 0, undefined], name);
  else same([property.value.name, property.value.length, property.writable], [name, Number(length), true], name);
  if (!proto) return;
  for (const other of [{}, undefined, proto]) {
    const call = () => Reflect.apply(isAttribute ? property.get : property.value, other, []);
    if (promised === '') throws(TypeError, call);
    else await rejects(TypeError, call());
  }
};
for (const line of table.trim().split('\n')) {
  const [, name, length, members, statics] = /^(\w+) (\S+): ([^;]*)(?:; (.*))?$/.exec(line);
  check(name, async () => {
    const own = Object.getOwnPropertyDescriptor(globalThis, name);
    same([own.writable, own.enumerable, own.configurable], [true, false, true], 'the global');
    const constructor = own.value;
    same([constructor.name, constructor.length], [name, length === '-' ? 0 : Number(length)], 'name and length');
    throws(TypeError, () => constructor());
    if (length === '-') throws(TypeError, () => new constructor());
    const { prototype } = constructor;
    const tag = Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag);
    same({ ...tag }, { value: name, writable: false, enumerable: false, configurable: true }, 'the tag');
    const declared = members.split(', ');
    for (const member of declared) await checkMember(prototype, member, prototype);
    for (const member of statics?.split(', ') ?? []) await checkMember(constructor, member, null);
    const known = declared.map((member) => /\w+/.exec(member)[0]).concat('constructor').sort();
    same(Object.getOwnPropertyNames(prototype).sort(), known, 'the members');
    same(Object.getOwnPropertyDescriptor(prototype, 'constructor').enumerable, false, 'constructor');
  });
}
check('the asynchronous iterator is what values() returns, and its prototype is a proper one', async () => {
  const property = Object.getOwnPropertyDescriptor(ReadableStream.prototype, Symbol.asyncIterator);
  same([property.value === ReadableStream.prototype.values, property.enumerable], [true, false]);
  const prototype = Object.getPrototypeOf(new ReadableStream().values());
  const parent = Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}.prototype));
  same(Object.getPrototypeOf(prototype) === parent, true, 'its parent');
  same(prototype[Symbol.toStringTag], 'ReadableStream AsyncIterator');
  for (const [name, length] of [['next', 0], ['return', 1]]) {
    const method = Object.getOwnPropertyDescriptor(prototype, name);
    same([method.value.length, method.enumerable, method.writable, method.configurable], [length, true, true, true], name);
    await rejects(TypeError, Reflect.apply(method.value, {}, []));
  }
});
check('the size functions are one per kind, and no constructors', () => {
  const count = new CountQueuingStrategy({ highWaterMark: 3 });
  const bytes = new ByteLengthQueuingStrategy({ highWaterMark: 'x' });
  same([count.highWaterMark, bytes.highWaterMark], [3, NaN]);
  same([count.size === new CountQueuingStrategy({ highWaterMark: 0 }).size, count.size === bytes.size], [true, false]);
  same([count.size.name, count.size.length, bytes.size.name, bytes.size.length], ['size', 0, 'size', 1]);
  same([count.size(), bytes.size({ byteLength: 'n' }), 'prototype' in count.size], [1, 'n', false]);
  throws(TypeError, () => bytes.size());
  for (const init of [undefined, null, true, 'text', {}, [], 5, Symbol.iterator]) {
    throws(TypeError, () => new CountQueuingStrategy(init));
    throws(TypeError, () => new ByteLengthQueuingStrategy(init));
  }
});
check('WebAssembly.Memory is a buffer that grows, and knows shared ones', async () => {
  same(typeof SharedArrayBuffer, 'undefined');
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
  const { buffer } = memory;
  new Uint8Array(buffer)[5] = 7;
  same([buffer.byteLength, memory.buffer === buffer, memory.grow(1), memory.buffer === buffer, buffer.byteLength], [65536, true, 1, false, 0]);
  same([memory.buffer.byteLength, new Uint8Array(memory.buffer)[5]], [131072, 7]);
  throws(RangeError, () => memory.grow(1));
  for (const bad of [undefined, 1, {}, { initial: -1 }, { initial: 1, shared: true }]) throws(TypeError, () => new WebAssembly.Memory(bad));
  throws(RangeError, () => new WebAssembly.Memory({ initial: 2, maximum: 1 }));
  const shared = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer;
  same([shared.constructor.name, shared.byteLength], ['SharedArrayBuffer', 65536]);
  new Uint8Array(shared)[0] = 97;
  same(new TextDecoder().decode(new Uint8Array(shared, 0, 1)), 'a');
  same(new TextEncoder().encodeInto('b', new Uint8Array(shared)), { read: 1, written: 1 });
  same(new Uint8Array(shared)[0], 98);
  for (const Stream of [CompressionStream, DecompressionStream]) {
    for (const chunk of [shared, new Uint8Array(shared)]) {
      const stream = new Stream('gzip');
      const read = stream.readable.getReader().read();
      await rejects(TypeError, stream.writable.getWriter().write(chunk));
      await rejects(TypeError, read);
    }
  }
  let controller;
  const stream = new ReadableStream({ type: 'bytes', start(given) { controller = given; } });
  throws(TypeError, () => controller.enqueue(new Uint8Array(shared)));
  throws(TypeError, () => controller.enqueue(new Uint8Array(memory.buffer)));
  await rejects(TypeError, stream.getReader({ mode: 'byob' }).read(new Uint8Array(memory.buffer)));
});
