// The asynchronous iterator of a stream (Streams Standard, section 4.2.5; Web IDL, section 3.7.10) and
// ReadableStream.from (section 4.9.1: ReadableStreamFromIterable).
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;
  const asyncIteratorPrototype = P.getPrototypeOf(P.getPrototypeOf((async function* () {}).prototype));
  const iterators = new P.WeakMap();
  const END = {};

  // The next chunk, or END.
  const readNext = (state) => {
    const later = S.pending();
    S.read(state.reader, {
      __proto__: null,
      chunk: (chunk) => { later.resolve(chunk); },
      close: () => {
        S.releaseReader(state.reader);
        later.resolve(END);
      },
      error: (error) => {
        S.releaseReader(state.reader);
        later.reject(error);
      },
    });
    return later.promise;
  };
  const next = (state) => {
    if (state.isFinished) return S.promiseOf({ value: undefined, done: true });
    return S.react(readNext(state), (value) => {
      state.ongoing = null;
      if (value !== END) return { value, done: false };
      state.isFinished = true;
      return { value: undefined, done: true };
    }, (error) => {
      state.ongoing = null;
      state.isFinished = true;
      throw error;
    });
  };
  const finish = (state, value) => {
    if (state.isFinished) return S.promiseOf(undefined);
    state.isFinished = true;
    if (state.keeps) {
      S.releaseReader(state.reader);
      return S.promiseOf(undefined);
    }
    const done = S.cancelReader(state.reader, value);
    S.releaseReader(state.reader);
    return done;
  };
  // Steps run one after the other.
  const queue = (state, steps) => {
    state.ongoing = state.ongoing === null ? steps() : S.react(state.ongoing, steps, steps);
    return state.ongoing;
  };
  const find = (iterator) => {
    const state = internals.isObject(iterator) ? P.WeakMapGet(iterators, iterator) : undefined;
    if (state === undefined) throw new P.TypeError('Illegal invocation');
    return state;
  };
  const prototype = P.Object_create(asyncIteratorPrototype);
  const methods = {
    next() {
      try {
        const state = find(this);
        return queue(state, () => next(state));
      } catch (error) {
        return P.Promise_reject(error);
      }
    },
    return(value) {
      try {
        const state = find(this);
        const done = queue(state, () => finish(state, value));
        return S.react(done, () => ({ value, done: true }));
      } catch (error) {
        return P.Promise_reject(error);
      }
    },
  };
  for (let at = 0, names = ['next', 'return']; at < names.length; at++) {
    P.defineProperty(prototype, names[at], P.Object_getOwnPropertyDescriptor(methods, names[at]));
  }
  P.defineProperty(prototype, P.toStringTag, {
    __proto__: null, value: 'ReadableStream AsyncIterator', writable: false, enumerable: false, configurable: true,
  });
  S.iterate = (stream, keeps) => {
    const reader = S.acquireReader(stream);
    const iterator = P.Object_create(prototype);
    P.WeakMapSet(iterators, iterator, { __proto__: null, reader, keeps, ongoing: null, isFinished: false });
    return iterator;
  };

  // ECMAScript, GetMethod
  const methodOf = (object, key) => {
    const method = object[key];
    if (method === undefined || method === null) return undefined;
    if (typeof method !== 'function') throw new P.TypeError(`${P.String(key)} is not a function.`);
    return method;
  };
  const makeSure = (result) => {
    if (!internals.isObject(result)) throw new P.TypeError('The result of an iterator is not an object.');
    return result;
  };
  // ECMAScript, GetIterator(iterable, async): { next, return }, both giving promises.
  const iteratorOf = (iterable) => {
    if (iterable === undefined || iterable === null) throw new P.TypeError('The value is not iterable.');
    let method = methodOf(iterable, P.asyncIterator);
    const isSync = method === undefined;
    if (isSync) method = methodOf(iterable, P.iterator);
    if (method === undefined) throw new P.TypeError('The value is not iterable.');
    const iterator = P.apply(method, iterable, []);
    if (!internals.isObject(iterator)) throw new P.TypeError('The iterator is not an object.');
    const step = iterator.next;
    // The values of a synchronous iterator are awaited (ECMAScript, section 27.1.6).
    const settle = (result, done) => (isSync
      ? S.react(P.Promise_resolve(result.value), (value) => ({ __proto__: null, value, done })) : result);
    return {
      __proto__: null,
      next: () => {
        try {
          const result = P.apply(step, iterator, []);
          if (!isSync) return S.promiseOf(result);
          makeSure(result);
          return settle(result, !!result.done);
        } catch (error) {
          return P.Promise_reject(error);
        }
      },
      cancel: (reason) => {
        try {
          const end = methodOf(iterator, 'return');
          if (end === undefined) return S.nothing();
          const result = P.apply(end, iterator, [reason]);
          return S.react(isSync ? settle(makeSure(result), true) : S.promiseOf(result), (given) => { makeSure(given); });
        } catch (error) {
          return P.Promise_reject(error);
        }
      },
    };
  };
  S.fromIterable = (iterable) => {
    const iterator = iteratorOf(iterable);
    const stream = S.createReadable(() => undefined, () => S.react(iterator.next(), (result) => {
      makeSure(result);
      if (result.done) S.closeDefault(stream.controller);
      else S.enqueueDefault(stream.controller, result.value);
    }), (reason) => iterator.cancel(reason), 0, () => 1);
    return stream;
  };
})
