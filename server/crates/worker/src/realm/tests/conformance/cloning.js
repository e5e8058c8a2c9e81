// HTML, section 2.7: structured clones, and what is transferred.
const through = (value, transfer) => structuredClone(value, { transfer });
const refused = (act) => {
  try {
    act();
  } catch (error) {
    same([error instanceof DOMException, error.name], [true, 'DataCloneError'], 'what was thrown');
    return;
  }
  throw new Error('it was cloned');
};

check('a resizable buffer keeps its limit, cloned and transferred', () => {
  const buffer = new ArrayBuffer(3, { maxByteLength: 40 });
  new Uint8Array(buffer).set([1, 2, 3]);
  const clone = structuredClone(buffer);
  same([clone.byteLength, clone.maxByteLength, clone.resizable], [3, 40, true]);
  const moved = through(buffer, [buffer]);
  same([moved.maxByteLength, buffer.detached, new Uint8Array(moved)[2]], [40, true, 3]);
});
check('a view that follows its buffer still does, one of a fixed length does not', () => {
  for (const size of [8, 40]) {
    const buffer = new ArrayBuffer(size, { maxByteLength: 40 });
    const bytes = new Uint8Array(buffer);
    bytes.fill(7);
    const [following, fixed, data] = structuredClone([bytes, new Uint16Array(buffer, 0, 4), new DataView(buffer, 2)]);
    following.buffer.resize(24);
    same([following.length, fixed.length, data.byteLength], [24, 4, 22]);
    same([bytes.length, bytes[size - 1]], [size, 7], 'the original');
  }
});
check('a view beyond its buffer and a detached buffer are refused', () => {
  const buffer = new ArrayBuffer(16, { maxByteLength: 16 });
  const views = [new Uint8Array(buffer, 8, 8), new DataView(buffer, 8, 8)];
  buffer.resize(4);
  for (const view of views) refused(() => structuredClone(view));
  const gone = new ArrayBuffer(4);
  through(gone, [gone]);
  refused(() => structuredClone(gone));
  refused(() => through(1, [gone]));
});
check('memory that agents would share is refused where the scope is not isolated', () => {
  const { buffer } = new WebAssembly.Memory({ shared: true, initial: 1, maximum: 1 });
  refused(() => structuredClone({ buffer }));
  refused(() => new MessageChannel().port1.postMessage(buffer));
});
check('objects of the platform are refused, wherever their interface is', () => {
  for (const value of [new URL('https://a.test/'), new URLSearchParams(), new Headers(), new AbortController(), new FormData(),
    new MessageChannel(), new EventTarget(), performance, caches, self, new WeakMap(), Promise.resolve(),
    new (class extends EventTarget {})()]) {
    refused(() => structuredClone({ value }));
  }
});
check('only what can be transferred is, and only once', () => {
  refused(() => through(1, [{}]));
  refused(() => through(1, [new Headers()]));
  const buffer = new ArrayBuffer(1);
  refused(() => through(1, [buffer, buffer]));
  throws(TypeError, () => through(1, [5]));
  throws(TypeError, () => through(1, 5));
  same(buffer.detached, false);
});
check('a port moves with its messages, and is of no use where it was', async () => {
  const { port1, port2 } = new MessageChannel();
  port2.postMessage('before');
  const moved = structuredClone({ deep: [port1] }, { transfer: [port1] }).deep[0];
  same([moved instanceof MessagePort, moved === port1], [true, false]);
  port2.postMessage('after');
  const got = [];
  await new Promise((resolve) => {
    moved.onmessage = ({ data }) => { got.push(data); if (got.length === 2) resolve(); };
  });
  same(got, ['before', 'after']);
  refused(() => through(1, [port1]));
  refused(() => structuredClone(moved));
});
check('a message brings new ports in the order of the list', async () => {
  const outer = new MessageChannel();
  const [a, b] = [new MessageChannel(), new MessageChannel()];
  refused(() => outer.port1.postMessage(1, [outer.port1]));
  outer.port1.postMessage({ second: b.port1 }, { transfer: [a.port1, b.port1] });
  const event = await new Promise((resolve) => { outer.port2.onmessage = resolve; });
  same([event.ports.length, event.ports[1] === event.data.second, event.ports[0] === a.port1], [2, true, false]);
  a.port2.postMessage('to the first');
  same((await new Promise((resolve) => { event.ports[0].onmessage = resolve; })).data, 'to the first');
});
check('a closed port is detached', () => {
  const { port1, port2 } = new MessageChannel();
  port1.close();
  refused(() => port2.postMessage(1, [port1]));
});
