// CompressionStream and DecompressionStream (Compression Streams Standard).
const through = async (stream, ...chunks) => joined(await readAll(streamOf(...chunks).pipeThrough(stream)));
const text = (bytes) => new TextDecoder().decode(bytes);
const encode = (string) => new TextEncoder().encode(string);
// "hello hello hello hello" by zlib.
const samples = {
  gzip: [31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 203, 72, 205, 201, 201, 87, 200, 64, 39, 1, 227, 81, 61, 141, 23, 0, 0, 0],
  deflate: [120, 156, 203, 72, 205, 201, 201, 87, 200, 64, 39, 1, 104, 3, 8, 177],
  'deflate-raw': [203, 72, 205, 201, 201, 87, 200, 64, 39, 1],
};
const formats = Object.keys(samples);
check('formats are checked', () => {
  for (const Stream of [CompressionStream, DecompressionStream]) {
    throws(TypeError, () => new Stream());
    for (const format of ['', 'GZIP', 'zlib', 'br', 'deflate ', null, {}]) throws(TypeError, () => new Stream(format));
    throws(RangeError, () => new Stream({ toString() { throw new RangeError('mine'); } }));
    const stream = new Stream({ toString: () => 'gzip' });
    same([stream.readable.constructor, stream.writable.constructor], [ReadableStream, WritableStream]);
    same([stream.readable === stream.readable, stream.writable === stream.writable], [true, true]);
  }
});
check('known data is decompressed, whole and byte by byte', async () => {
  for (const format of formats) {
    const data = new Uint8Array(samples[format]);
    same(text(await through(new DecompressionStream(format), data)), 'hello hello hello hello', format);
    const single = Array.from(data, (byte) => new Uint8Array([byte]));
    same(text(await through(new DecompressionStream(format), ...single)), 'hello hello hello hello', format);
  }
});
check('what is compressed comes back, and is smaller', async () => {
  const parts = ['hello', '', ' hello'.repeat(20000), '!'];
  for (const format of formats) {
    const packed = await through(new CompressionStream(format), ...parts.map(encode));
    same(packed.length < 1000, true, `${format}: ${packed.length} bytes`);
    same(text(await through(new DecompressionStream(format), packed)), parts.join(''), format);
    const nothing = await through(new CompressionStream(format));
    same(nothing.length > 0, true);
    same((await through(new DecompressionStream(format), nothing)).length, 0);
  }
  same(Array.from((await through(new CompressionStream('gzip'), encode('x'))).slice(0, 3)), [31, 139, 8]);
});
check('chunks are Uint8Arrays; any buffer or view may be written', async () => {
  const data = new Uint8Array([...samples.deflate]);
  const padded = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, ...data, 0]).buffer;
  for (const chunk of [data.buffer, new DataView(padded, 8, data.length), new Float64Array(padded.slice(8, 24)),
    new Uint16Array(padded, 8, 8)]) {
    const chunks = await readAll(streamOf(chunk).pipeThrough(new DecompressionStream('deflate')));
    for (const piece of chunks) same(piece.constructor, Uint8Array);
    same(text(joined(chunks)), 'hello hello hello hello');
  }
  for (const Stream of [CompressionStream, DecompressionStream]) {
    for (const bad of [undefined, null, 3.14, 'text', {}, [65]]) {
      const stream = new Stream('gzip');
      const writer = stream.writable.getWriter();
      const read = stream.readable.getReader().read();
      await rejects(TypeError, writer.write(bad));
      await rejects(TypeError, read);
      await rejects(TypeError, writer.closed);
    }
  }
});
check('truncated, corrupt and trailing data are errors', async () => {
  const fails = (format, values) => rejects(TypeError, through(new DecompressionStream(format), new Uint8Array(values)));
  for (const format of formats) {
    const data = samples[format];
    await fails(format, data.slice(0, -1));
    await fails(format, [...data, 0]);
    await fails(format, []);
    await rejects(TypeError, through(new DecompressionStream(format), new Uint8Array(data), new Uint8Array([1])));
    same(text(await through(new DecompressionStream(format), new Uint8Array(data), new Uint8Array(0))), 'hello hello hello hello');
  }
  const changed = (format, at, value) => samples[format].map((byte, index) => (index === at ? value : byte));
  for (const [at, value] of [[0, 255], [1, 0], [2, 0], [3, 2], [3, 224], [20, 0], [24, 1]]) await fails('gzip', changed('gzip', at, value));
  for (const [at, value] of [[0, 0], [1, 157], [1, 187], [12, 0]]) await fails('deflate', changed('deflate', at, value));
  await fails('deflate-raw', changed('deflate-raw', 0, 7));
  for (const [at, value] of [[3, 1], [4, 255], [8, 255], [9, 128]]) {
    same(text(await through(new DecompressionStream('gzip'), new Uint8Array(changed('gzip', at, value)))), 'hello hello hello hello');
  }
  await fails('gzip', [...samples.gzip, ...samples.gzip]);
});
check('data is given before the end is known', async () => {
  const stream = new DecompressionStream('gzip');
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  writer.write(new Uint8Array(samples.gzip.slice(0, -4)));
  same(text((await reader.read()).value), 'hello hello hello hello');
  await rejects(TypeError, writer.close());
  await rejects(TypeError, reader.read());
});
