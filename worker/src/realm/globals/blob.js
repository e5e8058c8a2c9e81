// Blob, File (File API, sections 3 and 4) and FormData (XMLHttpRequest Standard, section 5) with its multipart and
// urlencoded forms. Adds isBlob, blobBytes, newBlob, isForm, encodeForm and decodeForm to internals.
(function (host, internals) {
  'use strict';
  const { P, append, define } = internals;
  const key = {};
  const plainType = /^[\x20-\x7e]*$/;
  const none = new P.Uint8Array(0);

  class Blob {
    #bytes;
    #type;
    constructor(items, options, given, bytes) {
      const type = options?.type === undefined ? '' : `${options.type}`;
      this.#type = internals.matches(plainType, type) ? P.StringToLowerCase(type) : '';
      if (given === key) {
        this.#bytes = bytes;
        return;
      }
      if (items === undefined) {
        this.#bytes = none;
        return;
      }
      if (!internals.isObject(items)) throw new P.TypeError('Blob: the parts are no sequence');
      const list = P.Array_from(items);
      const chunks = [];
      for (let at = 0; at < list.length; at++) {
        const item = list[at];
        if (internals.isBlob(item)) append(chunks, item.#bytes);
        else if (internals.isBuffer(item)) append(chunks, internals.bytesOfView(item));
        else append(chunks, host.encode(`${item}`));
      }
      this.#bytes = internals.concat(chunks);
    }
    static {
      internals.isBlob = (value) => internals.isObject(value) && #bytes in value;
      internals.blobBytes = (blob) => blob.#bytes;
      internals.blobType = (blob) => blob.#type;
      internals.newBlob = (bytes, type) => new Blob(undefined, { __proto__: null, type }, key, bytes);
    }
    get size() { return P.TypedArrayGetLength(this.#bytes); }
    get type() { return this.#type; }
    slice(start = 0, end = undefined, type = '') {
      return internals.newBlob(P.TypedArraySlice(this.#bytes, start, end), `${type}`);
    }
    stream() { return internals.streamFrom(this.#bytes, { __proto__: null, source: null }); }
    async text() { return internals.decode(this.#bytes); }
    async arrayBuffer() { return P.TypedArrayGetBuffer(P.TypedArraySlice(this.#bytes)); }
    async bytes() { return P.TypedArraySlice(this.#bytes); }
  }
  define('Blob', Blob);
  internals.Blob = Blob;

  class File extends Blob {
    #name;
    #modified;
    constructor(items, name, options) {
      if (arguments.length < 2) throw new P.TypeError('File: 2 arguments required');
      super(items, options);
      this.#name = `${name}`;
      this.#modified = options?.lastModified === undefined ? host.startMs + P.MathFloor(host.elapsed()) : +options.lastModified;
    }
    static { internals.isFile = (value) => internals.isObject(value) && #name in value; }
    get name() { return this.#name; }
    get lastModified() { return this.#modified; }
    get webkitRelativePath() { return ''; }
  }
  define('File', File);

  const entryOf = (name, value, filename) => {
    if (!internals.isBlob(value)) return [`${name}`, `${value}`];
    if (internals.isFile(value) && filename === undefined) return [`${name}`, value];
    return [`${name}`, new File([value], filename === undefined ? 'blob' : `${filename}`, { type: value.type })];
  };
  class FormData {
    #list = [];
    constructor(form) { if (form !== undefined) throw new P.TypeError('FormData: there are no forms here'); }
    static {
      internals.isForm = (value) => internals.isObject(value) && #list in value;
      internals.formList = (form) => form.#list;
    }
    append(name, value, filename) { append(this.#list, entryOf(name, value, filename)); }
    set(name, value, filename) {
      const entry = entryOf(name, value, filename);
      let found = false;
      this.#list = internals.filter(this.#list, (pair) => {
        if (pair[0] !== entry[0]) return true;
        if (found) return false;
        found = true;
        pair[1] = entry[1];
        return true;
      });
      if (!found) append(this.#list, entry);
    }
    delete(name) {
      name = `${name}`;
      this.#list = internals.filter(this.#list, (pair) => pair[0] !== name);
    }
    get(name) {
      name = `${name}`;
      const found = internals.filter(this.#list, (pair) => pair[0] === name);
      return found.length === 0 ? null : found[0][1];
    }
    getAll(name) {
      name = `${name}`;
      const values = [];
      for (let at = 0; at < this.#list.length; at++) if (this.#list[at][0] === name) append(values, this.#list[at][1]);
      return values;
    }
    has(name) {
      name = `${name}`;
      return internals.filter(this.#list, (pair) => pair[0] === name).length > 0;
    }
    forEach(callback, self) {
      for (let at = 0; at < this.#list.length; at++) {
        P.apply(callback, self, [this.#list[at][1], this.#list[at][0], this]);
      }
    }
    entries() { return internals.iterate('FormData', () => this.#list, (pair) => [pair[0], pair[1]]); }
    keys() { return internals.iterate('FormData', () => this.#list, (pair) => pair[0]); }
    values() { return internals.iterate('FormData', () => this.#list, (pair) => pair[1]); }
  }
  P.defineProperty(FormData.prototype, P.iterator, {
    __proto__: null, value: FormData.prototype.entries, writable: true, configurable: true,
  });
  define('FormData', FormData);

  const replace = (text, from, to) => P.ArrayJoin(P.StringSplit(text, from), to);
  const quote = (text) => replace(replace(replace(text, '"', '%22'), '\r', '%0D'), '\n', '%0A');
  // HTML, "multipart/form-data encoding algorithm".
  internals.encodeForm = (form, boundary) => {
    const chunks = [];
    const list = internals.formList(form);
    for (let at = 0; at < list.length; at++) {
      const value = list[at][1];
      let head = `--${boundary}\r\nContent-Disposition: form-data; name="${quote(list[at][0])}"`;
      if (internals.isBlob(value)) {
        head += `; filename="${quote(value.name)}"\r\nContent-Type: ${value.type || 'application/octet-stream'}`;
      }
      append(chunks, host.encode(head + '\r\n\r\n'));
      append(chunks, internals.isBlob(value) ? internals.blobBytes(value) : host.encode(value));
      append(chunks, host.encode('\r\n'));
    }
    append(chunks, host.encode(`--${boundary}--\r\n`));
    return internals.concat(chunks);
  };
  // Fetch, "formData()": urlencoded as a whole; multipart with parts of text and files of UTF-8.
  internals.decodeForm = (bytes, type) => {
    const form = new FormData();
    const text = internals.decode(bytes);
    if (type !== null && internals.matches(/^application\/x-www-form-urlencoded/i, type)) {
      const flat = host.parseForm(text);
      for (let at = 0; at + 1 < flat.length; at += 2) form.append(flat[at], flat[at + 1]);
      return form;
    }
    const boundary = type === null ? null : P.RegExpExec(/^multipart\/form-data.*boundary="?([^";]+)/i, type);
    if (boundary === null) throw new P.TypeError('formData: the body is no form');
    const pieces = P.StringSplit(text, '--' + boundary[1]);
    for (let at = 1; at + 1 < pieces.length; at++) {
      const piece = P.RegExpExec(/^\r\n([^]*?)\r\n\r\n([^]*)\r\n$/, pieces[at]);
      const name = piece === null ? null : P.RegExpExec(/name="([^"]*)"/i, piece[1]);
      if (name === null) throw new P.TypeError('formData: the body is no form');
      const file = P.RegExpExec(/filename="([^"]*)"/i, piece[1]);
      const kind = P.RegExpExec(/content-type:[ \t]*([^\r\n]+)/i, piece[1]);
      form.append(name[1], file === null ? piece[2]
        : new File([piece[2]], file[1], { type: kind === null ? 'text/plain' : kind[1] }));
    }
    return form;
  };
})
