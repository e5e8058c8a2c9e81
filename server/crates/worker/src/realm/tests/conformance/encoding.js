// TextEncoder, TextDecoder and their streams (Encoding Standard, sections 4 and 7).
const bytes = (...values) => new Uint8Array(values);
check('lone surrogates become U+FFFD wherever text becomes bytes', async () => {
  const encoder = new TextEncoder();
  same(encoder.encode('a\ud800b'), bytes(97, 0xef, 0xbf, 0xbd, 98));
  same(encoder.encode('\udc00\ud83d\ude00\ud83d'), bytes(0xef, 0xbf, 0xbd, 0xf0, 0x9f, 0x98, 0x80, 0xef, 0xbf, 0xbd));
  same(encoder.encode('\ud7ff\ue000'), bytes(0xed, 0x9f, 0xbf, 0xee, 0x80, 0x80));
  same(await new Response('x\udfff').text(), 'x\ufffd');
  same(await new Blob(['\ud800']).text(), '\ufffd');
  same(encoder.encode(), bytes());
  same(encoder.encode(undefined), bytes());
});
check('encodeInto writes whole characters and tells how much', () => {
  const encoder = new TextEncoder();
  for (const [text, size, read, written] of [
    ['Hi', 0, 0, []], ['A', 10, 1, [65]], ['\u{1f600}', 4, 2, [0xf0, 0x9f, 0x98, 0x80]], ['\u{1f600}A', 3, 0, []],
    ['\ud800A\udc00x', 7, 3, [0xef, 0xbf, 0xbd, 65, 0xef, 0xbf, 0xbd]], ['aé', 2, 1, [97]], ['aé', 3, 2, [97, 0xc3, 0xa9]],
    ['ab\ud83d\ude00', 5, 2, [97, 98]],
  ]) {
    const target = new Uint8Array(new ArrayBuffer(size + 8), 4, size).fill(1);
    const result = encoder.encodeInto(text, target);
    same(result, { read, written: written.length }, text);
    same(Array.from(target), [...written, ...new Array(size - written.length).fill(1)], text);
  }
  for (const bad of [undefined, new ArrayBuffer(4), new Uint8ClampedArray(4), new DataView(new ArrayBuffer(4)), [1]]) {
    throws(TypeError, () => encoder.encodeInto('a', bad));
  }
  throws(TypeError, () => encoder.encodeInto('a'));
  const view = bytes(1, 2);
  view.buffer.transfer();
  same(encoder.encodeInto('a', view), { read: 0, written: 0 });
});
check('labels are those of the standard', () => {
  for (const [label, name] of [
    ['UTF8', 'utf-8'], [' unicode-1-1-utf-8\n', 'utf-8'], ['latin1', 'windows-1252'], ['ascii', 'windows-1252'],
    ['sjis', 'shift_jis'], ['gb2312', 'gbk'], ['big5-hkscs', 'big5'], ['utf-16', 'utf-16le'], ['ucs-2', 'utf-16le'],
    ['unicodefffe', 'utf-16be'], ['x-user-defined', 'x-user-defined'], ['koi8-ru', 'koi8-u'], ['iso-8859-8-i', 'iso-8859-8-i'],
  ]) same(new TextDecoder(label).encoding, name);
  for (const label of ['', 'utf-7', 'utf-32', 'replacement', 'iso-2022-kr', 'hz-gb-2312', 'utf-8\0', '\u00a0utf8', 'utf-8\ud800', null]) {
    throws(RangeError, () => new TextDecoder(label));
  }
  same(new TextDecoder().encoding, 'utf-8');
});
check('a stream of bytes is decoded across any cut', () => {
  const text = '\ufeff\0aé\u1000\ufffd\u{10000}\u{10ffff}';
  const encoded = {
    'utf-8': [0xef, 0xbb, 0xbf, 0, 97, 0xc3, 0xa9, 0xe1, 0x80, 0x80, 0xef, 0xbf, 0xbd, 0xf0, 0x90, 0x80, 0x80, 0xf4, 0x8f, 0xbf, 0xbf],
    'utf-16le': [0xff, 0xfe, 0, 0, 97, 0, 0xe9, 0, 0, 0x10, 0xfd, 0xff, 0, 0xd8, 0, 0xdc, 0xff, 0xdb, 0xff, 0xdf],
    'utf-16be': [0xfe, 0xff, 0, 0, 0, 97, 0, 0xe9, 0x10, 0, 0xff, 0xfd, 0xd8, 0, 0xdc, 0, 0xdb, 0xff, 0xdf, 0xff],
  };
  for (const [encoding, values] of Object.entries(encoded)) {
    for (let size = 1; size <= 5; size += 1) {
      for (const ignoreBOM of [true, false]) {
        const decoder = new TextDecoder(encoding, { ignoreBOM, fatal: true });
        for (let round = 0; round < 2; round += 1) {
          let got = '';
          for (let at = 0; at < values.length; at += size) got += decoder.decode(bytes(...values.slice(at, at + size)), { stream: true });
          same(got + decoder.decode(), ignoreBOM ? text : text.slice(1), `${encoding} ${size}`);
        }
      }
    }
  }
  const decoder = new TextDecoder('shift_jis');
  same(decoder.decode(bytes(0x82), { stream: true }) + decoder.decode(bytes(0xa0), { stream: true }) + decoder.decode(), '\u3042');
  const japanese = new TextDecoder('iso-2022-jp');
  same(japanese.decode(bytes(0x1b, 0x24), { stream: true }) + japanese.decode(bytes(0x42, 0x24, 0x22)), '\u3042');
});
check('what is malformed is replaced as the standard counts it, or is fatal', () => {
  const decoder = new TextDecoder();
  for (const [values, text] of [
    [[0xc1], '\ufffd'], [[0xe0, 0x80], '\ufffd\ufffd'], [[0xed, 0xa0], '\ufffd\ufffd'], [[0xf0, 0x41], '\ufffdA'],
    [[0xf0, 0x9f, 0x92, 0x41], '\ufffdA'], [[0xf5, 0xff], '\ufffd\ufffd'],
  ]) same(decoder.decode(bytes(...values)), text);
  same(decoder.decode(bytes(0xf0, 0x9f, 0x92), { stream: true }), '');
  same(decoder.decode(), '\ufffd');
  const fatal = new TextDecoder('utf-8', { fatal: true });
  throws(TypeError, () => fatal.decode(bytes(0xff)));
  same(fatal.decode(bytes(97)), 'a');
  same(fatal.decode(bytes(0xe2, 0x82), { stream: true }), '');
  throws(TypeError, () => fatal.decode());
  same(fatal.decode(bytes(0xe2, 0x82, 0xac)), '€');
  throws(TypeError, () => new TextDecoder('utf-16le', { fatal: true }).decode(bytes(0)));
  same(new TextDecoder('utf-16le').decode(bytes(0, 0xd8, 97, 0)), '\ufffda');
});
check('decode takes buffers and views, whatever they are', () => {
  const decoder = new TextDecoder();
  const buffer = bytes(97, 98, 99, 100).buffer;
  same(decoder.decode(buffer), 'abcd');
  same(decoder.decode(new DataView(buffer, 1, 2)), 'bc');
  same(decoder.decode(new Uint16Array(buffer, 2)), 'cd');
  for (const bad of [null, 'a', 1, {}, [97]]) throws(TypeError, () => decoder.decode(bad));
  throws(TypeError, () => decoder.decode(buffer, 1));
  buffer.transfer();
  same(decoder.decode(buffer), '');
});
check('TextDecoderStream decodes chunk by chunk', async () => {
  const pipe = async (chunks, ...args) => readAll(streamOf(...chunks).pipeThrough(new TextDecoderStream(...args)));
  same(await pipe([bytes(0xef, 0xbb), bytes(0xbf, 97), bytes(0xf0, 0x9f), bytes(0x98, 0x80)]), ['a', '\u{1f600}']);
  same(await pipe([bytes(0xfe), bytes(0xff, 0), bytes(97)], 'utf-16be', { ignoreBOM: true }), ['\ufeff', 'a']);
  same(await pipe([bytes(0xe2, 0x82)]), ['\ufffd']);
  await rejects(TypeError, pipe([bytes(0xe2, 0x82)], 'utf-8', { fatal: true }));
  for (const bad of [undefined, null, 1, 'x', {}, [65]]) {
    const stream = new TextDecoderStream();
    const writer = stream.writable.getWriter();
    const read = stream.readable.getReader().read();
    await rejects(TypeError, writer.write(bad));
    await rejects(TypeError, read);
    await rejects(TypeError, writer.closed);
  }
  throws(RangeError, () => new TextDecoderStream('nothing'));
  const stream = new TextDecoderStream('latin1', { fatal: 1, ignoreBOM: {} });
  same([stream.encoding, stream.fatal, stream.ignoreBOM], ['windows-1252', true, true]);
});
check('TextEncoderStream joins what chunks cut apart', async () => {
  const high = '\ud83d';
  const low = '\ude00';
  const whole = [0xf0, 0x9f, 0x98, 0x80];
  const bad = [0xef, 0xbf, 0xbd];
  for (const [input, output] of [
    [['aé', '', 'b'], [[97, 0xc3, 0xa9], [98]]], [[high, low], [whole]], [[high, '', low], [whole]],
    [[high, low + high, low], [whole, whole]], [[high], [bad]], [[high, 'A'], [[...bad, 65]]], [[high, high], [bad, bad]],
    [[high + high, low], [bad, whole]], [[low, high + low], [bad, whole]], [[''], []], [[undefined, 5], [[117, 110, 100, 101, 102, 105, 110, 101, 100], [53]]],
  ]) {
    const chunks = await readAll(streamOf(...input).pipeThrough(new TextEncoderStream()));
    same(chunks.map((chunk) => Array.from(chunk)), output, show(input));
    for (const chunk of chunks) same(chunk.constructor, Uint8Array);
  }
  const stream = new TextEncoderStream();
  const read = stream.readable.getReader().read();
  await rejects(TypeError, stream.writable.getWriter().write(Symbol('x')));
  await rejects(TypeError, read);
});
