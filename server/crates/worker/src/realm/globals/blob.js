// Blob and File (File API, sections 3 and 4). A blob's bytes never change: blobs may share them.
// Adds to internals: Blob, isBlob, isFile, blobBytes, blobType, newBlob(bytes, type), newTypedBlob (whose type
// stays as it is written), newFile(bytes, name, type,
// lastModified), copyBlob(blob) for structured clones.
(function (host, internals) {
  'use strict';
  const { P, append } = internals;
  const key = {};
  const printable = /^[\x20-\x7e]*$/;
  const none = new P.Uint8Array(0);
  const now = () => host.startMs + P.MathFloor(host.elapsed());
  const normalType = (type) => (P.RegExpExec(printable, type) === null ? '' : P.StringToLowerCase(type));

  // BlobPropertyBag and FilePropertyBag, whose members are read in this order.
  const readBag = (options, what, isFile) => {
    const given = internals.dictionary(options, what);
    const bag = { __proto__: null, endings: 'transparent', type: '', lastModified: undefined };
    const { endings } = given;
    if (endings !== undefined) {
      bag.endings = `${endings}`;
      if (bag.endings !== 'transparent' && bag.endings !== 'native') {
        throw new P.TypeError(`${what}: '${bag.endings}' is not a valid value for endings.`);
      }
    }
    const { type } = given;
    if (type !== undefined) bag.type = normalType(`${type}`);
    if (isFile) {
      const { lastModified } = given;
      if (lastModified !== undefined) bag.lastModified = internals.toLongLong(lastModified, false);
    }
    return bag;
  };
  const readPart = (part) =>
    (internals.isBlob(part) || internals.isBuffer(part) ? part : internals.toUsv(part));
  const toNativeEndings = (text) => P.ArrayJoin(P.StringSplit(P.ArrayJoin(P.StringSplit(text, '\r\n'), '\n'), '\r'), '\n');
  // "Process blob parts".
  const join = (parts, bag) => {
    if (parts.length === 0) return none;
    const chunks = [];
    for (let at = 0; at < parts.length; at++) {
      const part = parts[at];
      if (typeof part === 'string') append(chunks, host.encode(bag.endings === 'native' ? toNativeEndings(part) : part));
      else append(chunks, internals.isBlob(part) ? internals.blobBytes(part) : internals.bytesOfView(part));
    }
    return internals.concat(chunks);
  };

  class Blob {
    #bytes;
    #type;
    constructor(parts = undefined, options = undefined) {
      if (parts === key) {
        this.#bytes = options.bytes;
        this.#type = options.type;
        return;
      }
      const what = "Failed to construct 'Blob'";
      const list = parts === undefined ? [] : internals.sequence(parts, what, readPart);
      const bag = readBag(options, what, false);
      this.#bytes = join(list, bag);
      this.#type = bag.type;
    }
    static {
      internals.isBlob = (value) => internals.isObject(value) && #bytes in value;
      internals.blobBytes = (blob) => blob.#bytes;
      internals.blobType = (blob) => blob.#type;
      internals.newTypedBlob = (bytes, type) => new Blob(key, { __proto__: null, bytes, type });
      internals.newBlob = (bytes, type) => internals.newTypedBlob(bytes, normalType(type));
    }
    get size() { return P.TypedArrayGetLength(this.#bytes); }
    get type() { return this.#type; }
    slice(start = undefined, end = undefined, contentType = undefined) {
      const size = P.TypedArrayGetLength(this.#bytes);
      const place = (value, absent) => {
        if (value === undefined) return absent;
        const at = internals.toLongLong(value, true);
        return at < 0 ? P.MathMax(size + at, 0) : P.MathMin(at, size);
      };
      const from = place(start, 0);
      const to = place(end, size);
      const type = contentType === undefined ? '' : `${contentType}`;
      return internals.newBlob(P.TypedArraySlice(this.#bytes, from, P.MathMax(from, to)), type);
    }
    stream() { return internals.streamFrom(this.#bytes, { __proto__: null, source: null }); }
    async text() { return internals.decode(this.#bytes); }
    async arrayBuffer() { return P.TypedArrayGetBuffer(P.TypedArraySlice(this.#bytes)); }
    async bytes() { return P.TypedArraySlice(this.#bytes); }
  }
  internals.define('Blob', Blob);
  internals.Blob = Blob;

  class File extends Blob {
    #name;
    #lastModified;
    constructor(parts, name, options = undefined) {
      if (parts === key) {
        super(key, options);
        this.#name = name;
        this.#lastModified = options.lastModified;
        return;
      }
      const what = "Failed to construct 'File'";
      internals.need(arguments.length, 2, what);
      const list = internals.sequence(parts, what, readPart);
      name = internals.toUsv(name);
      const bag = readBag(options, what, true);
      super(key, { __proto__: null, bytes: join(list, bag), type: bag.type });
      this.#name = name;
      this.#lastModified = bag.lastModified === undefined ? now() : bag.lastModified;
    }
    static {
      internals.isFile = (value) => internals.isObject(value) && #name in value;
      internals.newFile = (bytes, name, type, lastModified = now()) =>
        new File(key, name, { __proto__: null, bytes, type: normalType(type), lastModified });
      internals.copyBlob = (blob) => {
        const bytes = internals.blobBytes(blob);
        const type = internals.blobType(blob);
        return internals.isFile(blob) ? internals.newFile(bytes, blob.#name, type, blob.#lastModified)
          : internals.newTypedBlob(bytes, type);
      };
      internals.fileName = (file) => file.#name;
      internals.fileTime = (file) => file.#lastModified;
    }
    get name() { return this.#name; }
    get lastModified() { return this.#lastModified; }
    get webkitRelativePath() {
      this.#name;
      return '';
    }
  }
  internals.define('File', File);
})
