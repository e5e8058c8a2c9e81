// A form's bodies: multipart/form-data (HTML, "multipart/form-data encoding algorithm"; RFC 7578) both ways, and
// application/x-www-form-urlencoded. Adds encodeForm(form, boundary) and decodeForm(bytes, type) to internals.
(function (host, internals) {
  'use strict';
  const { P, append } = internals;
  const replaceAll = (text, from, to) => P.ArrayJoin(P.StringSplit(text, from), to);
  const quote = (text) => replaceAll(replaceAll(replaceAll(text, '"', '%22'), '\r', '%0D'), '\n', '%0A');
  const unquote = (text) => replaceAll(replaceAll(replaceAll(text, '%22', '"'), '%0D', '\r'), '%0A', '\n');
  // Each line end becomes CR LF.
  const normalize = (text) =>
    replaceAll(replaceAll(replaceAll(text, '\r\n', '\n'), '\r', '\n'), '\n', '\r\n');

  internals.encodeForm = (form, boundary) => {
    const chunks = [];
    const list = internals.formList(form);
    for (let at = 0; at < list.length; at++) {
      const value = list[at][1];
      let head = `--${boundary}\r\nContent-Disposition: form-data; name="${quote(normalize(list[at][0]))}"`;
      if (typeof value === 'string') {
        append(chunks, host.encode(`${head}\r\n\r\n${normalize(value)}\r\n`));
        continue;
      }
      head += `; filename="${quote(internals.fileName(value))}"\r\nContent-Type: `;
      append(chunks, host.encode(`${head}${internals.blobType(value) || 'application/octet-stream'}\r\n\r\n`));
      append(chunks, internals.blobBytes(value));
      append(chunks, host.encode('\r\n'));
    }
    append(chunks, host.encode(`--${boundary}--\r\n`));
    return internals.concat(chunks);
  };

  const refuse = () => { throw new P.TypeError('formData: the body is not a form.'); };
  const isAt = (bytes, at, text) => {
    for (let of = 0; of < text.length; of++) {
      if (bytes[at + of] !== P.StringCharCodeAt(text, of)) return false;
    }
    return true;
  };
  const decode = (bytes, from, to) => host.decode('utf-8', P.TypedArraySlice(bytes, from, to), false, true);
  const disposition = /^form-data[ \t]*;[ \t]*name="([^"]*)"(?:[ \t]*;[ \t]*filename="([^"]*)")?/i;

  // The headers of a part, from `at` to the empty line: { name, filename, type, end }.
  const readHead = (bytes, at) => {
    const head = { __proto__: null, name: null, filename: null, type: 'text/plain', end: 0 };
    for (;;) {
      const end = host.findBytes(bytes, '\r\n', at);
      if (end < 0) refuse();
      const line = decode(bytes, at, end);
      at = end + 2;
      if (line === '') {
        head.end = at;
        return head;
      }
      const colon = P.StringIndexOf(line, ':');
      if (colon < 0) refuse();
      const header = P.StringToLowerCase(P.StringSlice(line, 0, colon));
      const value = internals.trim(P.StringSlice(line, colon + 1));
      if (header === 'content-disposition') {
        const found = P.RegExpExec(disposition, value);
        if (found === null) refuse();
        head.name = unquote(found[1]);
        if (found[2] !== undefined) head.filename = unquote(found[2]);
      } else if (header === 'content-type') {
        head.type = value;
      }
    }
  };
  const decodeMultipart = (bytes, boundary) => {
    const dashes = '--' + boundary;
    const list = [];
    let at = 0;
    while (isAt(bytes, at, '\r\n')) at += 2;
    for (;;) {
      if (!isAt(bytes, at, dashes)) refuse();
      at += dashes.length;
      if (isAt(bytes, at, '--')) return list;
      if (!isAt(bytes, at, '\r\n')) refuse();
      const head = readHead(bytes, at + 2);
      if (head.name === null) refuse();
      const end = host.findBytes(bytes, '\r\n' + dashes, head.end);
      if (end < 0) refuse();
      append(list, [head.name, head.filename === null ? decode(bytes, head.end, end)
        : internals.newFile(P.TypedArraySlice(bytes, head.end, end), head.filename, head.type)]);
      at = end + 2;
    }
  };

  // Fetch, "formData()"; `type` is the Content-Type or null.
  internals.decodeForm = (bytes, type) => {
    const mime = type === null ? null : internals.extractMime(type);
    if (mime === null) return refuse();
    if (mime.essence === 'application/x-www-form-urlencoded') {
      const flat = host.parseForm(host.decode('utf-8', bytes, false, true));
      const list = [];
      for (let at = 0; at + 1 < flat.length; at += 2) append(list, [flat[at], flat[at + 1]]);
      return internals.newForm(list);
    }
    const boundary = internals.mimeParameter(mime, 'boundary');
    // RFC 2046, section 5.1.1, bounds it; the search for it takes time by its length.
    if (mime.essence !== 'multipart/form-data' || boundary === null || boundary.length > 70) return refuse();
    return internals.newForm(decodeMultipart(bytes, boundary));
  };
})
