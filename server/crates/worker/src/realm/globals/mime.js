// MIME types (MIME Sniffing Standard, section 4), a header's (Fetch, "extract a MIME type"), and data: URLs (Fetch,
// section 6). A MIME type is { essence, parameters: [[name, value], …] }.
// Adds to internals: parseMime(text) -> MIME type or null, writeMime(mime), mimeParameter(mime, name) -> text or null,
// extractMime(header) -> MIME type or null, readDataUrl(url) -> { type, bytes } or null.
(function (host, internals) {
  'use strict';
  const { P, append } = internals;
  const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
  const quotable = /^[\t\x20-\x7e\x80-\xff]*$/;
  const isToken = (text) => P.RegExpExec(token, text) !== null;
  const edges = /^[\t\n\r ]*((?:[^]*[^\t\n\r ])?)[\t\n\r ]*$/;
  const trim = (text) => P.RegExpExec(edges, text)[1];
  const trimEnd = (text) => P.StringSlice(trim('x' + text), 1);
  const indexOr = (text, letter, from) => {
    const at = P.StringIndexOf(text, letter, from);
    return at < 0 ? text.length : at;
  };

  // "Collect an HTTP quoted string" with its value extracted, from its opening quote on: [value, where it ends].
  const unquote = (text, at) => {
    let value = '';
    for (at += 1; at < text.length; at++) {
      if (text[at] === '"') return [value, at + 1];
      // A backslash at the end stands for itself.
      if (text[at] === '\\' && at + 1 < text.length) at += 1;
      value += text[at];
    }
    return [value, at];
  };

  internals.mimeParameter = (mime, name) => {
    for (let at = 0; at < mime.parameters.length; at++) {
      if (mime.parameters[at][0] === name) return mime.parameters[at][1];
    }
    return null;
  };
  internals.parseMime = (text) => {
    text = trim(text);
    const slash = indexOr(text, '/', 0);
    let at = indexOr(text, ';', slash);
    const type = P.StringSlice(text, 0, slash);
    const subtype = trimEnd(P.StringSlice(text, slash + 1, at));
    if (!isToken(type) || !isToken(subtype)) return null;
    const mime = { __proto__: null, essence: P.StringToLowerCase(type + '/' + subtype), parameters: [] };
    while (at < text.length) {
      at += 1;
      while (at < text.length && P.StringIncludes('\t\n\r ', text[at])) at += 1;
      const end = P.MathMin(indexOr(text, ';', at), indexOr(text, '=', at));
      const name = P.StringToLowerCase(P.StringSlice(text, at, end));
      at = end;
      if (at === text.length) break;
      if (text[at] === ';') continue;
      at += 1;
      if (at === text.length) break;
      let value;
      if (text[at] === '"') {
        const quoted = unquote(text, at);
        value = quoted[0];
        at = indexOr(text, ';', quoted[1]);
      } else {
        const stop = indexOr(text, ';', at);
        value = trimEnd(P.StringSlice(text, at, stop));
        at = stop;
        if (value === '') continue;
      }
      if (isToken(name) && P.RegExpExec(quotable, value) !== null && internals.mimeParameter(mime, name) === null) {
        append(mime.parameters, [name, value]);
      }
    }
    return mime;
  };
  internals.writeMime = (mime) => {
    let text = mime.essence;
    for (let at = 0; at < mime.parameters.length; at++) {
      const value = mime.parameters[at][1];
      text += `;${mime.parameters[at][0]}=`;
      if (isToken(value)) {
        text += value;
        continue;
      }
      text += '"';
      for (let of = 0; of < value.length; of++) text += value[of] === '"' || value[of] === '\\' ? '\\' + value[of] : value[of];
      text += '"';
    }
    return text;
  };

  // "Get, decode, and split".
  const split = (header) => {
    const items = [];
    let item = '';
    for (let at = 0; at < header.length; at++) {
      if (header[at] === '"') {
        const end = unquote(header, at)[1];
        item += P.StringSlice(header, at, end);
        at = end - 1;
      } else if (header[at] === ',') {
        append(items, item);
        item = '';
      } else {
        item += header[at];
      }
    }
    append(items, item);
    return items;
  };
  internals.extractMime = (header) => {
    const items = split(header);
    let charset = null;
    let essence = null;
    let mime = null;
    for (let at = 0; at < items.length; at++) {
      const parsed = internals.parseMime(items[at]);
      if (parsed === null || parsed.essence === '*/*') continue;
      mime = parsed;
      const own = internals.mimeParameter(mime, 'charset');
      if (mime.essence !== essence) {
        charset = own;
        essence = mime.essence;
      } else if (own === null && charset !== null) {
        append(mime.parameters, ['charset', charset]);
      }
    }
    return mime;
  };

  const ends = /^[\t\n\f\r ]*((?:[^]*[^\t\n\f\r ])?)[\t\n\f\r ]*$/;
  const base64 = /;\x20*base64$/i;
  internals.readDataUrl = (url) => {
    const hash = indexOr(url, '#', 0);
    const comma = P.StringIndexOf(url, ',');
    if (comma < 0 || comma > hash) return null;
    let type = P.RegExpExec(ends, P.StringSlice(url, 'data:'.length, comma))[1];
    let bytes = host.percentDecode(P.StringSlice(url, comma + 1, hash));
    const encoded = P.RegExpExec(base64, type);
    if (encoded !== null) {
      bytes = host.fromBase64(host.binaryString(bytes));
      if (!bytes) return null;
      type = P.StringSlice(type, 0, encoded.index);
    }
    if (P.StringStartsWith(type, ';')) type = 'text/plain' + type;
    const mime = internals.parseMime(type);
    return { __proto__: null, type: mime === null ? 'text/plain;charset=US-ASCII' : internals.writeMime(mime), bytes };
  };
})
