// Streams (Streams Standard): readable, writable and transform streams with their default controllers, tee and
// pipes. A byte stream (`type: 'bytes'`) behaves as a default one that takes views alone; there is no BYOB reader.
// Adds to internals: isStream, isDisturbed, isLocked, streamFrom(bytes, origin), originOf(stream) -> origin of one of
// our own, exhaust, drain(stream) -> promise of a Uint8Array, tee(stream), deferred.
(function (host, internals) {
  'use strict';
  const { P, append, define } = internals;
  const hear = internals.hear;
  const key = {};

  const deferred = () => {
    const later = { __proto__: null };
    later.promise = new P.Promise((resolve, reject) => {
      later.resolve = resolve;
      later.reject = reject;
    });
    hear(later.promise);
    return later;
  };
  internals.deferred = deferred;
  // A callback of an underlying source or sink, as a promise.
  const run = (callback, self, args) => {
    if (callback === undefined) return P.Promise_resolve(undefined);
    try {
      return P.Promise_resolve(P.apply(callback, self, args));
    } catch (error) {
      return P.Promise_reject(error);
    }
  };
  const method = (object, name) => {
    const value = object?.[name];
    if (value === undefined) return undefined;
    if (typeof value !== 'function') throw new P.TypeError(`${name} is not a function`);
    return value;
  };
  const strategyOf = (strategy, normal) => {
    const size = method(strategy, 'size');
    const mark = strategy?.highWaterMark === undefined ? normal : +strategy.highWaterMark;
    if (!(mark >= 0)) throw new P.RangeError('Invalid highWaterMark');
    return { __proto__: null, size: size === undefined ? () => 1 : (chunk) => +P.apply(size, undefined, [chunk]), mark };
  };

  let readable;
  const desired = (state) =>
    (state.status === 'errored' ? null : state.status === 'closed' ? 0 : state.mark - state.size);
  const close = (state) => {
    if (state.status !== 'readable') return;
    state.status = 'closed';
    const requests = state.requests;
    state.requests = [];
    for (let at = 0; at < requests.length; at++) requests[at].close();
    if (state.reader !== null) state.reader.closed.resolve(undefined);
  };
  const fail = (state, error) => {
    if (state.status !== 'readable') return;
    state.status = 'errored';
    state.error = error;
    state.queue = [];
    const requests = state.requests;
    state.requests = [];
    for (let at = 0; at < requests.length; at++) requests[at].fail(error);
    if (state.reader !== null) state.reader.closed.reject(error);
  };
  const shouldPull = (state) => state.started && state.status === 'readable' && !state.closing
    && (state.requests.length > 0 || desired(state) > 0);
  const pull = (state) => {
    if (!shouldPull(state)) return;
    if (state.pulling) {
      state.again = true;
      return;
    }
    state.pulling = true;
    hear(state.pull(), () => {
      state.pulling = false;
      if (state.again) {
        state.again = false;
        pull(state);
      }
    }, (error) => fail(state, error));
  };
  const enqueue = (state, chunk) => {
    if (state.closing || state.status !== 'readable') throw new P.TypeError('The stream is not in a state that permits enqueue');
    if (state.requests.length > 0) {
      const request = state.requests[0];
      state.requests = internals.filter(state.requests, (other) => other !== request);
      request.chunk(chunk);
    } else {
      let size;
      try {
        size = state.sizeOf(chunk);
        if (!(size >= 0) || size === Infinity) throw new P.RangeError('Invalid chunk size');
      } catch (error) {
        fail(state, error);
        throw error;
      }
      append(state.queue, { __proto__: null, chunk, size });
      state.size += size;
    }
    pull(state);
  };
  const requestClose = (state) => {
    if (state.closing || state.status !== 'readable') throw new P.TypeError('The stream is not in a state that permits close');
    state.closing = true;
    if (state.queue.length === state.head) close(state);
  };
  // A read: one of the three of `request` is called.
  const read = (state, request) => {
    state.disturbed = true;
    if (state.status === 'closed') {
      request.close();
    } else if (state.status === 'errored') {
      request.fail(state.error);
    } else if (state.head < state.queue.length) {
      const item = state.queue[state.head];
      state.queue[state.head++] = null;
      if (state.head === state.queue.length) {
        state.queue = [];
        state.head = 0;
      }
      state.size -= item.size;
      if (state.closing && state.head === state.queue.length) close(state);
      else pull(state);
      request.chunk(item.chunk);
    } else {
      append(state.requests, request);
      pull(state);
    }
  };
  const cancel = (state, reason) => {
    state.disturbed = true;
    if (state.status === 'closed') return P.Promise_resolve(undefined);
    if (state.status === 'errored') return P.Promise_reject(state.error);
    state.queue = [];
    state.head = 0;
    close(state);
    return hear(state.cancel(reason), () => undefined, (error) => { throw error; });
  };

  class ReadableStreamDefaultController {
    #state;
    constructor(given, state) {
      if (given !== key) throw new P.TypeError('Illegal constructor');
      this.#state = state;
    }
    get desiredSize() { return desired(this.#state); }
    get byobRequest() { return null; }
    close() { requestClose(this.#state); }
    enqueue(chunk) {
      if (this.#state.isBytes && !P.isView(chunk)) throw new P.TypeError('enqueue: a byte stream takes views');
      enqueue(this.#state, chunk);
    }
    error(error) { fail(this.#state, error); }
  }
  define('ReadableStreamDefaultController', ReadableStreamDefaultController);

  const start = (state, begin) => {
    hear(P.Promise_resolve(begin), () => {
      state.started = true;
      pull(state);
    }, (error) => fail(state, error));
  };
  const newState = (mark, sizeOf) => ({
    __proto__: null, status: 'readable', error: undefined, queue: [], head: 0, size: 0, mark, sizeOf, requests: [],
    reader: null, disturbed: false, closing: false, started: false, pulling: false, again: false, isBytes: false,
    pull: () => P.Promise_resolve(undefined), cancel: () => P.Promise_resolve(undefined),
  });
  // A stream of our own, without a source of script's.
  const make = (onPull, onCancel, mark = 0) => {
    const state = newState(mark, () => 1);
    state.pull = onPull;
    state.cancel = onCancel;
    state.started = true;
    return new ReadableStream(undefined, undefined, key, state);
  };

  class ReadableStream {
    #state;
    constructor(source, strategy, given, state) {
      if (given === key) {
        this.#state = state;
        return;
      }
      if (source === null) throw new P.TypeError('ReadableStream: the source is null');
      const type = source?.type;
      if (type !== undefined && `${type}` !== 'bytes') throw new P.TypeError('ReadableStream: invalid type');
      const onPull = method(source, 'pull');
      const onCancel = method(source, 'cancel');
      const onStart = method(source, 'start');
      const { size, mark } = strategyOf(strategy, type === undefined ? 1 : 0);
      const own = newState(mark, type === undefined ? size : (chunk) => chunk.byteLength);
      own.isBytes = type !== undefined;
      this.#state = own;
      const controller = new ReadableStreamDefaultController(key, own);
      own.pull = () => run(onPull, source, [controller]);
      own.cancel = (reason) => run(onCancel, source, [reason]);
      start(own, onStart === undefined ? undefined : P.apply(onStart, source, [controller]));
    }
    static {
      readable = (stream) => stream.#state;
      internals.isStream = (value) => internals.isObject(value) && #state in value;
    }
    static from(iterable) {
      const async = iterable[P.asyncIterator];
      const iterator = P.apply(async === undefined || async === null ? iterable[P.iterator] : async, iterable, []);
      let stream;
      const onPull = async () => {
        const step = await iterator.next();
        if (step.done) close(readable(stream));
        else enqueue(readable(stream), await step.value);
      };
      stream = make(onPull, async (reason) => { await iterator.return?.(reason); });
      return stream;
    }
    get locked() { return this.#state.reader !== null; }
    cancel(reason) {
      if (this.#state.reader !== null) return P.Promise_reject(new P.TypeError('The stream is locked'));
      return cancel(this.#state, reason);
    }
    getReader(options) {
      if (options?.mode !== undefined) throw new P.TypeError('getReader: there is no BYOB reader');
      return new ReadableStreamDefaultReader(this);
    }
    tee() { return tee(this); }
    pipeTo(target, options) {
      if (!internals.isObject(target) || !isWritable(target)) return P.Promise_reject(new P.TypeError('pipeTo: no WritableStream'));
      if (this.#state.reader !== null || writable(target).writer !== null) {
        return P.Promise_reject(new P.TypeError('pipeTo: a stream is locked'));
      }
      return pipe(this, target, options);
    }
    pipeThrough(pair, options) {
      const target = pair.writable;
      const result = pair.readable;
      if (!internals.isStream(result) || !isWritable(target)) throw new P.TypeError('pipeThrough: not a pair of streams');
      if (this.#state.reader !== null || writable(target).writer !== null) throw new P.TypeError('pipeThrough: a stream is locked');
      hear(pipe(this, target, options));
      return result;
    }
    values(options) {
      const reader = new ReadableStreamDefaultReader(this);
      const keep = !!options?.preventCancel;
      let isDone = false;
      return P.Object_create(asyncIteratorPrototype, {
        __proto__: null,
        next: { __proto__: null, writable: true, value: async () => {
          if (isDone) return { value: undefined, done: true };
          const step = await readOnce(reader);
          if (step.done) {
            isDone = true;
            release(reader);
          }
          return { value: step.value, done: step.done };
        } },
        return: { __proto__: null, writable: true, value: async (value) => {
          if (!isDone) {
            isDone = true;
            const state = this.#state;
            release(reader);
            if (!keep) await cancel(state, value);
          }
          return { value, done: true };
        } },
      });
    }
  }
  const asyncIteratorPrototype = P.getPrototypeOf(P.getPrototypeOf((async function* () {}).prototype));
  P.defineProperty(ReadableStream.prototype, P.asyncIterator, {
    __proto__: null, value: ReadableStream.prototype.values, writable: true, configurable: true,
  });
  define('ReadableStream', ReadableStream);

  let readOnce;
  let release;
  class ReadableStreamDefaultReader {
    #own;
    constructor(stream) {
      if (!internals.isStream(stream)) throw new P.TypeError('ReadableStreamDefaultReader: no ReadableStream');
      const state = readable(stream);
      if (state.reader !== null) throw new P.TypeError('The stream is locked');
      this.#own = { __proto__: null, state, closed: deferred() };
      state.reader = this.#own;
      if (state.status === 'closed') this.#own.closed.resolve(undefined);
      if (state.status === 'errored') this.#own.closed.reject(state.error);
    }
    static {
      readOnce = (reader) => new P.Promise((resolve, reject) => {
        if (reader.#own.state === null) {
          reject(new P.TypeError('The reader was released'));
          return;
        }
        read(reader.#own.state, {
          __proto__: null,
          chunk: (value) => resolve({ value, done: false }),
          close: () => resolve({ value: undefined, done: true }),
          fail: reject,
        });
      });
      release = (reader) => {
        const own = reader.#own;
        if (own.state === null) return;
        const requests = own.state.requests;
        own.state.requests = [];
        for (let at = 0; at < requests.length; at++) requests[at].fail(new P.TypeError('The reader was released'));
        own.state.reader = null;
        if (own.state.status !== 'readable') own.closed = deferred();
        own.closed.reject(new P.TypeError('The reader was released'));
        own.state = null;
      };
    }
    get closed() { return this.#own.closed.promise; }
    read() { return readOnce(this); }
    releaseLock() { release(this); }
    cancel(reason) {
      if (this.#own.state === null) return P.Promise_reject(new P.TypeError('The reader was released'));
      return cancel(this.#own.state, reason);
    }
  }
  define('ReadableStreamDefaultReader', ReadableStreamDefaultReader);

  // Streams, "ReadableStreamDefaultTee". A branch of one of our own stays one.
  const tee = (stream) => {
    const reader = new ReadableStreamDefaultReader(stream);
    const branches = [];
    const reasons = [];
    const cancelled = deferred();
    let reading = false;
    let again = false;
    const onPull = () => {
      if (reading) {
        again = true;
        return P.Promise_resolve(undefined);
      }
      reading = true;
      const state = readable(stream);
      read(state, {
        __proto__: null,
        chunk: (value) => {
          hear(P.Promise_resolve(undefined), () => {
            again = false;
            for (let at = 0; at < 2; at++) {
              const branch = readable(branches[at]);
              const copy = at === 1 && P.isView(value) ? internals.bytesOfView(value) : value;
              if (branch.status === 'readable' && !branch.closing) enqueue(branch, copy);
            }
            reading = false;
            if (again) onPull();
          });
        },
        close: () => {
          reading = false;
          for (let at = 0; at < 2; at++) {
            if (readable(branches[at]).status === 'readable' && !readable(branches[at]).closing) requestClose(readable(branches[at]));
          }
          cancelled.resolve(undefined);
        },
        fail: (error) => {
          for (let at = 0; at < 2; at++) fail(readable(branches[at]), error);
        },
      });
      return P.Promise_resolve(undefined);
    };
    const onCancel = (at) => (reason) => {
      reasons[at] = reason;
      if (0 in reasons && 1 in reasons) cancelled.resolve(cancel(readable(stream), reasons));
      return cancelled.promise;
    };
    branches[0] = make(onPull, onCancel(0));
    branches[1] = make(onPull, onCancel(1));
    hear(reader.closed, undefined, (error) => {
      for (let at = 0; at < 2; at++) fail(readable(branches[at]), error);
    });
    return branches;
  };
  internals.tee = tee;

  let writable;
  let isWritable;
  const failWrite = (state, error) => {
    if (state.status === 'closed' || state.status === 'errored') return;
    state.status = 'errored';
    state.error = error;
    const queue = state.queue;
    state.queue = [];
    for (let at = 0; at < queue.length; at++) queue[at].done.reject(error);
    state.closed.reject(error);
    state.ready.reject(error);
    if (state.abort !== null) state.abort(error);
  };
  const advance = (state) => {
    if (!state.started || state.busy || state.status !== 'writable' || state.queue.length === 0) return;
    const item = state.queue[0];
    state.queue = internals.filter(state.queue, (other) => other !== item);
    state.busy = true;
    const work = item.isClose ? state.onClose() : state.onWrite(item.chunk);
    hear(work, () => {
      state.busy = false;
      state.size -= item.size;
      item.done.resolve(undefined);
      if (item.isClose) {
        state.status = 'closed';
        state.closed.resolve(undefined);
      } else {
        if (state.size < state.mark) state.ready.resolve(undefined);
        advance(state);
      }
    }, (error) => {
      state.busy = false;
      item.done.reject(error);
      failWrite(state, error);
    });
  };
  const write = (state, chunk, isClose) => {
    if (state.status === 'errored') return P.Promise_reject(state.error);
    if (state.closing || state.status === 'closed') return P.Promise_reject(new P.TypeError('The stream is closing or closed'));
    let size = 0;
    if (!isClose) {
      try {
        size = state.sizeOf(chunk);
      } catch (error) {
        failWrite(state, error);
        return P.Promise_reject(error);
      }
    }
    const done = deferred();
    if (isClose) state.closing = true;
    state.size += size;
    if (state.size >= state.mark) state.ready = deferred();
    if (isClose) state.ready.resolve(undefined);
    append(state.queue, { __proto__: null, chunk, size, isClose, done });
    advance(state);
    return done.promise;
  };
  const abortWrite = (state, reason) => {
    if (state.status === 'closed' || state.status === 'errored') return P.Promise_resolve(undefined);
    failWrite(state, reason);
    return state.onAbort(reason);
  };

  class WritableStreamDefaultController {
    #state;
    #controller = new AbortController();
    constructor(given, state) {
      if (given !== key) throw new P.TypeError('Illegal constructor');
      this.#state = state;
      state.abort = (reason) => this.#controller.abort(reason);
    }
    get signal() { return this.#controller.signal; }
    error(error) { failWrite(this.#state, error); }
  }
  const AbortController = globalThis.AbortController;
  define('WritableStreamDefaultController', WritableStreamDefaultController);

  class WritableStream {
    #state;
    constructor(sink, strategy) {
      const { size, mark } = strategyOf(strategy, 1);
      const state = {
        __proto__: null, status: 'writable', error: undefined, queue: [], size: 0, mark, sizeOf: size, busy: false,
        started: false, closing: false, writer: null, closed: deferred(), ready: deferred(), abort: null,
      };
      this.#state = state;
      if (mark > 0) state.ready.resolve(undefined);
      const onStart = method(sink, 'start');
      const onWrite = method(sink, 'write');
      const onClose = method(sink, 'close');
      const onAbort = method(sink, 'abort');
      const controller = new WritableStreamDefaultController(key, state);
      state.onWrite = (chunk) => run(onWrite, sink, [chunk, controller]);
      state.onClose = () => run(onClose, sink, []);
      state.onAbort = (reason) => run(onAbort, sink, [reason]);
      hear(P.Promise_resolve(onStart === undefined ? undefined : P.apply(onStart, sink, [controller])), () => {
        state.started = true;
        advance(state);
      }, (error) => failWrite(state, error));
    }
    static {
      writable = (stream) => stream.#state;
      isWritable = (value) => internals.isObject(value) && #state in value;
    }
    get locked() { return this.#state.writer !== null; }
    abort(reason) {
      if (this.#state.writer !== null) return P.Promise_reject(new P.TypeError('The stream is locked'));
      return abortWrite(this.#state, reason);
    }
    close() {
      if (this.#state.writer !== null) return P.Promise_reject(new P.TypeError('The stream is locked'));
      return write(this.#state, undefined, true);
    }
    getWriter() { return new WritableStreamDefaultWriter(this); }
  }
  define('WritableStream', WritableStream);

  class WritableStreamDefaultWriter {
    #state;
    constructor(stream) {
      if (!isWritable(stream)) throw new P.TypeError('WritableStreamDefaultWriter: no WritableStream');
      const state = writable(stream);
      if (state.writer !== null) throw new P.TypeError('The stream is locked');
      state.writer = this;
      this.#state = state;
    }
    get closed() { return this.#state.closed.promise; }
    get ready() { return this.#state.ready.promise; }
    get desiredSize() {
      if (this.#state.status === 'errored') return null;
      return this.#state.status === 'closed' ? 0 : this.#state.mark - this.#state.size;
    }
    write(chunk) { return this.#check() || write(this.#state, chunk, false); }
    close() { return this.#check() || write(this.#state, undefined, true); }
    abort(reason) { return this.#check() || abortWrite(this.#state, reason); }
    releaseLock() { if (this.#state.writer === this) this.#state.writer = null; }
    #check() {
      return this.#state.writer === this ? null : P.Promise_reject(new P.TypeError('The writer was released'));
    }
  }
  define('WritableStreamDefaultWriter', WritableStreamDefaultWriter);

  // Streams, "ReadableStreamPipeTo".
  const pipe = async (source, target, options) => {
    const reader = new ReadableStreamDefaultReader(source);
    const state = writable(target);
    state.writer = reader;
    const signal = options?.signal;
    try {
      for (;;) {
        if (signal !== undefined && internals.isAborted(signal)) {
          const reason = internals.abortReason(signal);
          if (!options.preventAbort) hear(abortWrite(state, reason));
          if (!options.preventCancel) hear(cancel(readable(source), reason));
          throw reason;
        }
        await state.ready.promise;
        let step;
        try {
          step = await readOnce(reader);
        } catch (error) {
          if (!options?.preventAbort) await abortWrite(state, error);
          throw error;
        }
        if (step.done) {
          if (!options?.preventClose) await write(state, undefined, true);
          return undefined;
        }
        hear(write(state, step.value, false));
      }
    } catch (error) {
      if (state.status === 'errored' && !options?.preventCancel) hear(cancel(readable(source), state.error));
      throw error;
    } finally {
      state.writer = null;
      release(reader);
    }
  };

  class TransformStreamDefaultController {
    #out;
    #end;
    constructor(given, out, end) {
      if (given !== key) throw new P.TypeError('Illegal constructor');
      this.#out = out;
      this.#end = end;
    }
    get desiredSize() { return desired(this.#out); }
    enqueue(chunk) { enqueue(this.#out, chunk); }
    error(error) {
      fail(this.#out, error);
      this.#end(error);
    }
    terminate() {
      if (this.#out.status === 'readable' && !this.#out.closing) requestClose(this.#out);
      this.#end(new P.TypeError('The stream was terminated'));
    }
  }
  define('TransformStreamDefaultController', TransformStreamDefaultController);

  class TransformStream {
    #readable;
    #writable;
    constructor(transformer, writableStrategy, readableStrategy) {
      const { size, mark } = strategyOf(readableStrategy, 0);
      const transform = method(transformer, 'transform');
      const flush = method(transformer, 'flush');
      const begin = method(transformer, 'start');
      const onCancel = method(transformer, 'cancel');
      const out = newState(mark, size);
      let demand = deferred();
      out.pull = () => {
        demand.resolve(undefined);
        return P.Promise_resolve(undefined);
      };
      let sink = null;
      out.cancel = (reason) => {
        demand.resolve(undefined);
        failWrite(sink, reason);
        return run(onCancel, transformer, [reason]);
      };
      out.started = true;
      this.#readable = new ReadableStream(undefined, undefined, key, out);
      const controller = new TransformStreamDefaultController(key, out, (error) => {
        demand.resolve(undefined);
        if (sink !== null) failWrite(sink, error);
      });
      this.#writable = new WritableStream({
        start: () => (begin === undefined ? undefined : P.apply(begin, transformer, [controller])),
        write: async (chunk) => {
          // Backpressure: a chunk waits until somebody wants one.
          while (out.status === 'readable' && out.requests.length === 0 && !(desired(out) > 0)) {
            demand = deferred();
            await demand.promise;
          }
          if (out.status === 'errored') throw out.error;
          if (transform === undefined) {
            enqueue(out, chunk);
            return;
          }
          try {
            await P.apply(transform, transformer, [chunk, controller]);
          } catch (error) {
            fail(out, error);
            throw error;
          }
        },
        close: async () => {
          try {
            if (flush !== undefined) await P.apply(flush, transformer, [controller]);
          } catch (error) {
            fail(out, error);
            throw error;
          }
          if (out.status === 'errored') throw out.error;
          if (out.status === 'readable' && !out.closing) requestClose(out);
        },
        abort: (reason) => { fail(out, reason); },
      }, writableStrategy);
      sink = writable(this.#writable);
    }
    get readable() { return this.#readable; }
    get writable() { return this.#writable; }
  }
  define('TransformStream', TransformStream);

  const strategy = (name, size) => {
    const made = { [name]: class {
      #mark;
      constructor(init) { this.#mark = +init.highWaterMark; }
      get highWaterMark() { return this.#mark; }
      get size() { return size; }
    } }[name];
    define(name, made);
  };
  strategy('CountQueuingStrategy', () => 1);
  strategy('ByteLengthQueuingStrategy', (chunk) => chunk.byteLength);

  // Streams of our own.
  const origins = new P.WeakMap();
  internals.originOf = (stream) => P.WeakMapGet(origins, stream);
  internals.isDisturbed = (stream) => readable(stream).disturbed;
  internals.isLocked = (stream) => readable(stream).reader !== null;
  internals.exhaust = (stream) => {
    const state = readable(stream);
    state.disturbed = true;
    close(state);
  };
  internals.streamFrom = (bytes, origin) => {
    const stream = make(() => {
      const state = readable(stream);
      if (P.TypedArrayGetLength(bytes) > 0) enqueue(state, P.TypedArraySlice(bytes));
      if (state.status === 'readable') requestClose(state);
      return P.Promise_resolve(undefined);
    }, () => P.Promise_resolve(undefined));
    P.WeakMapSet(origins, stream, { __proto__: null, bytes, source: origin.source });
    return stream;
  };
  // Fetch, "fully read": chunks that are no Uint8Array are an error.
  internals.drain = (stream) => new P.Promise((resolve, reject) => {
    const state = readable(stream);
    const reader = new ReadableStreamDefaultReader(stream);
    const chunks = [];
    const next = () => read(state, {
      __proto__: null,
      chunk: (value) => {
        if (!isBytes(value)) {
          reject(new P.TypeError('A chunk of the body is no Uint8Array'));
          return;
        }
        append(chunks, P.TypedArraySlice(value));
        hear(P.Promise_resolve(undefined), next);
      },
      close: () => {
        release(reader);
        resolve(internals.concat(chunks));
      },
      fail: (error) => {
        release(reader);
        reject(error);
      },
    });
    next();
  });
  internals.defineTextStreams();
  const isBytes = (value) => {
    try {
      return P.TypedArrayGet_tag(value) === 'Uint8Array';
    } catch {
      return false;
    }
  };
})
