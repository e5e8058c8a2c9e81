// FileReader (File API, section 6). What is read is in memory: each read is one chunk, in tasks of its own.
(function (host, internals) {
  'use strict';
  const { P, DOMException } = internals;
  const EMPTY = 0;
  const LOADING = 1;
  const DONE = 2;
  const types = ['loadstart', 'progress', 'load', 'abort', 'error', 'loadend'];

  // "Package data" as text: the label, else the type's charset, else UTF-8; a byte order mark is stronger than all.
  const toText = (bytes, type, label) => {
    let name = label === undefined ? null : host.encodingName(label);
    if (!name) {
      const mime = internals.parseMime(type);
      const charset = mime === null ? null : internals.mimeParameter(mime, 'charset');
      name = (charset !== null && host.encodingName(charset)) || 'utf-8';
    }
    if (bytes[0] === 0xfe && bytes[1] === 0xff) name = 'utf-16be';
    else if (bytes[0] === 0xff && bytes[1] === 0xfe) name = 'utf-16le';
    else if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) name = 'utf-8';
    return host.decode(name, bytes, false, false);
  };
  const toDataUrl = (bytes, type) => `data:${type || 'application/octet-stream'};base64,${host.toBase64(bytes)}`;

  class FileReader extends internals.EventTarget {
    #state = EMPTY;
    #result = null;
    #error = null;
    // Counts the reads: a task of one that was aborted does nothing.
    #read = 0;

    #fire(type, loaded, total, dispatch = internals.dispatchFirst) {
      dispatch(this, new internals.ProgressEvent(type, { __proto__: null, lengthComputable: total > 0, loaded, total }));
    }
    #begin(method, args, pack) {
      const what = `Failed to execute '${method}' on 'FileReader'`;
      internals.need(args.length, 1, what);
      const blob = args[0];
      if (!internals.isBlob(blob)) throw new P.TypeError(`${what}: parameter 1 is not of type 'Blob'.`);
      const label = method === 'readAsText' && args[1] !== undefined ? `${args[1]}` : undefined;
      if (this.#state === LOADING) {
        throw new DOMException(`${what}: the reader is already reading.`, 'InvalidStateError');
      }
      this.#state = LOADING;
      this.#result = null;
      this.#error = null;
      this.#read += 1;
      const read = this.#read;
      const bytes = internals.blobBytes(blob);
      const type = internals.blobType(blob);
      const total = P.TypedArrayGetLength(bytes);
      internals.later(0, () => {
        if (this.#read !== read) return;
        this.#fire('loadstart', 0, total);
        internals.later(0, () => {
          if (this.#read !== read) return;
          if (total > 0) this.#fire('progress', total, total);
          if (this.#read !== read) return;
          this.#state = DONE;
          this.#result = pack(bytes, type, label);
          this.#fire('load', total, total);
          if (this.#state !== LOADING) this.#fire('loadend', total, total);
        });
      });
    }
    readAsArrayBuffer(blob) {
      this.#begin('readAsArrayBuffer', arguments, (bytes) => P.TypedArrayGetBuffer(P.TypedArraySlice(bytes)));
    }
    readAsBinaryString(blob) {
      this.#begin('readAsBinaryString', arguments, (bytes) => host.binaryString(bytes));
    }
    readAsText(blob) { this.#begin('readAsText', arguments, toText); }
    readAsDataURL(blob) { this.#begin('readAsDataURL', arguments, toDataUrl); }
    abort() {
      const isLoading = this.#state === LOADING;
      this.#result = null;
      if (!isLoading) return;
      this.#state = DONE;
      this.#read += 1;
      this.#fire('abort', 0, 0, internals.dispatch);
      if (this.#state !== LOADING) this.#fire('loadend', 0, 0, internals.dispatch);
    }
    get readyState() { return this.#state; }
    get result() { return this.#result; }
    get error() { return this.#error; }
  }
  for (let at = 0, names = ['EMPTY', 'LOADING', 'DONE']; at < names.length; at++) {
    const property = { __proto__: null, value: at, enumerable: true };
    P.defineProperty(FileReader, names[at], property);
    P.defineProperty(FileReader.prototype, names[at], property);
  }
  for (let at = 0; at < types.length; at++) internals.attribute(FileReader.prototype, types[at]);
  internals.define('FileReader', FileReader);
})
