// Bodies (Fetch, section 5.2) of requests and responses. A body is { bytes, stream, used, source }: `bytes` where the
// content is known as a whole, `stream` once script asked for one or gave one, `source` where it comes from (as
// `Source` in facts.rs, without a prototype), or null when that is to be found by its bytes.
// Adds to internals: newBody(bytes, source), extractBody(init), cloneBody, isUsed, consume(body, done, failed), which
// calls one of the two in a microtask, with the Uint8Array or the error; takeBytes(body) -> Uint8Array or null at once, sourceOf(body, bytes), mixBody(class, access),
// bytesOfView, concat.
(function (host, internals) {
  'use strict';
  const { P, append } = internals;

  internals.newBody = (bytes, source) => ({ __proto__: null, bytes, stream: null, used: false, source });

  // The bytes of an ArrayBuffer or a view on one, copied.
  internals.bytesOfView = (view) => {
    if (P.isView(view)) {
      return P.TypedArraySlice(new P.Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    }
    return new P.Uint8Array(P.ArrayBufferSlice(view, 0));
  };
  internals.isBuffer = (value) => {
    if (!internals.isObject(value)) return false;
    if (P.isView(value)) return true;
    try {
      P.ArrayBufferGetByteLength(value);
      return true;
    } catch {
      return false;
    }
  };
  internals.concat = (chunks) => {
    let length = 0;
    for (let at = 0; at < chunks.length; at++) length += P.TypedArrayGetLength(chunks[at]);
    const whole = new P.Uint8Array(length);
    let offset = 0;
    for (let at = 0; at < chunks.length; at++) {
      P.TypedArraySet(whole, chunks[at], offset);
      offset += P.TypedArrayGetLength(chunks[at]);
    }
    return whole;
  };

  // Fetch, "extract a body": the body and its type.
  internals.extractBody = (init) => {
    if (internals.isStream(init)) {
      if (internals.isDisturbed(init) || internals.isLocked(init)) {
        throw new P.TypeError('The stream is locked or was read from.');
      }
      return { __proto__: null, type: null, body: { __proto__: null, bytes: null, stream: init, used: false, source: null } };
    }
    let bytes;
    let type = null;
    let source = null;
    if (internals.isBlob(init)) {
      bytes = internals.blobBytes(init);
      type = internals.blobType(init) === '' ? null : internals.blobType(init);
    } else if (internals.isBuffer(init)) {
      bytes = internals.bytesOfView(init);
    } else if (internals.isForm(init)) {
      const boundary = '----TealkeepFormBoundary' + P.StringSlice(P.NumberToString(host.random(), 36), 2, 18);
      bytes = internals.encodeForm(init, boundary);
      type = 'multipart/form-data; boundary=' + boundary;
    } else if (internals.isParams(init)) {
      bytes = host.encode(internals.writeParams(init));
      type = 'application/x-www-form-urlencoded;charset=UTF-8';
    } else {
      bytes = host.encode(`${init}`);
      type = 'text/plain;charset=UTF-8';
    }
    return { __proto__: null, type, body: internals.newBody(bytes, source) };
  };

  internals.isUsed = (body) => body !== null && (body.used || (body.stream !== null && internals.isDisturbed(body.stream)));
  internals.isUnusable = (body) => internals.isUsed(body)
    || (body !== null && body.stream !== null && internals.isLocked(body.stream));

  // Fetch, "fully read": the reader that reads a body to its end is never released.
  const { getReader } = globalThis.ReadableStream.prototype;
  const lock = (stream) => {
    if (!internals.isLocked(stream)) P.apply(getReader, stream, []);
  };

  // The stream of a body, made when it is first asked for.
  internals.streamOf = (body) => {
    if (body.stream === null) {
      body.stream = internals.streamFrom(body.bytes, body);
      if (body.used) {
        internals.exhaust(body.stream);
        lock(body.stream);
      }
    }
    return body.stream;
  };

  // What a stream that nobody has read from yet will give, if it is one of our own.
  internals.takeBytes = (body) => {
    if (body === null) return new P.Uint8Array(0);
    if (body.stream === null) return body.bytes;
    const origin = internals.originOf(body.stream);
    if (origin !== undefined && !internals.isDisturbed(body.stream)) return origin.bytes;
    return null;
  };
  // Reads a body to its end; it is used from now on. What is read never goes through a promise: resolving one asks an
  // object for its `then`, which script can give to all objects.
  internals.consume = (body, done, failed) => {
    const soon = (act, value) => { internals.hear(P.Promise_resolve(undefined), () => { act(value); }); };
    if (body === null) {
      soon(done, new P.Uint8Array(0));
      return;
    }
    if (internals.isUnusable(body)) {
      soon(failed, new P.TypeError('The body was used already, or its stream is locked.'));
      return;
    }
    const bytes = internals.takeBytes(body);
    body.used = true;
    if (bytes === null) {
      internals.drain(body.stream, done, failed);
      return;
    }
    if (body.stream !== null) {
      const origin = internals.originOf(body.stream);
      if (body.source === null) body.source = origin.source;
      internals.exhaust(body.stream);
      lock(body.stream);
    }
    soon(done, bytes);
  };

  internals.cloneBody = (body) => {
    if (body === null) return null;
    const bytes = internals.takeBytes(body);
    if (bytes !== null) {
      if (body.stream !== null) {
        const origin = internals.originOf(body.stream);
        return internals.newBody(bytes, body.source === null ? origin.source : body.source);
      }
      return internals.newBody(bytes, body.source);
    }
    const pair = internals.tee(body.stream);
    body.stream = pair[0];
    return { __proto__: null, bytes: null, stream: pair[1], used: false, source: body.source };
  };

  // Where a body's content comes from, once it is known.
  internals.sourceOf = (body, bytes) => {
    if (body !== null && body.source !== null) return body.source;
    const fetch = host.recognise(bytes);
    return fetch ? { __proto__: null, from: 'network', fetch } : { __proto__: null, from: 'script' };
  };

  const decode = (bytes) => host.decode('utf-8', bytes, false, false);
  internals.decode = decode;
  // The methods that requests and responses share; `access` gives the body and the Content-Type of one.
  internals.mixBody = (constructor, access) => {
    const prototype = constructor.prototype;
    const method = (name, convert) => {
      const value = {
        [name]() {
          return new P.Promise((resolve, reject) => {
            const { body, type } = access(this);
            internals.consume(body, (bytes) => {
              try {
                resolve(convert(bytes, type));
              } catch (error) {
                reject(error);
              }
            }, reject);
          });
        },
      }[name];
      P.WeakSetAdd(internals.promising, value);
      P.defineProperty(prototype, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    };
    method('text', (bytes) => decode(bytes));
    method('json', (bytes) => P.JSON_parse(decode(bytes)));
    method('arrayBuffer', (bytes) => P.TypedArrayGetBuffer(P.TypedArraySlice(bytes)));
    method('bytes', (bytes) => P.TypedArraySlice(bytes));
    // Fetch, "get the MIME type": what its header says, as MIME Sniffing writes it.
    method('blob', (bytes, type) => {
      const mime = type === null ? null : internals.extractMime(type);
      return internals.newTypedBlob(bytes, mime === null ? '' : internals.writeMime(mime));
    });
    method('formData', (bytes, type) => internals.decodeForm(bytes, type));
    const getter = (name, get) => P.defineProperty(prototype, name, {
      __proto__: null, get, enumerable: true, configurable: true,
    });
    getter('bodyUsed', function bodyUsed() { return internals.isUsed(access(this).body); });
    getter('body', function body() {
      const own = access(this).body;
      return own === null ? null : internals.streamOf(own);
    });
  };
})
