// What the stream files share: promises as the Streams Standard handles them (its section 8.2), queues with sizes
// (section 8.1), and queuing strategies.
//
// Adds to internals: streams, the object through which the stream files offer operations to each other. Streams,
// readers, writers and controllers are records without a prototype there; `record.object` is what script holds.
(function (host, internals) {
  'use strict';
  const { P, append, hear } = internals;
  const S = { __proto__: null };
  internals.streams = S;

  // The last argument of a constructor that our own code calls.
  S.KEY = {};

  // A promise with what settles it. `isPending` is the state that script can not ask for.
  S.pending = () => {
    const later = { __proto__: null, promise: undefined, isPending: true, resolve: undefined, reject: undefined };
    later.promise = new P.Promise((resolve, reject) => {
      later.resolve = (value) => {
        later.isPending = false;
        resolve(value);
      };
      later.reject = (error) => {
        later.isPending = false;
        reject(error);
      };
    });
    return later;
  };
  S.resolved = () => {
    const later = S.pending();
    later.resolve(undefined);
    return later;
  };
  // A rejected promise of a `closed` or `ready` attribute: nobody has to handle it.
  S.rejected = (error) => {
    const later = S.pending();
    later.reject(error);
    S.markHandled(later.promise);
    return later;
  };
  S.markHandled = (promise) => { hear(promise); };

  // Web IDL, "a promise resolved with": always a new promise.
  S.promiseOf = (value) => new P.Promise((resolve) => { resolve(value); });
  S.nothing = () => P.Promise_resolve(undefined);
  S.refuse = (message) => P.Promise_reject(new P.TypeError(message));
  // Web IDL, "react". A reaction that is left out passes the value or the error on.
  S.react = (promise, done, failed) => hear(
    promise, done ?? ((value) => value), failed ?? ((error) => { throw error; }));
  S.microtask = (act) => { hear(S.nothing(), act); };
  // Web IDL, "invoke a callback function" whose return type is a promise: what it throws is a rejection.
  S.invoke = (callback, self, args) => {
    let value;
    try {
      value = P.apply(callback, self, args);
    } catch (error) {
      return P.Promise_reject(error);
    }
    return S.promiseOf(value);
  };
  // The algorithm of a member of an underlying source, sink or transformer.
  S.algorithm = (callback, self) => (callback === undefined ? S.nothing
    : (...args) => S.invoke(callback, self, args));

  // A list that is read from its front.
  S.list = () => ({ __proto__: null, items: [], head: 0 });
  S.count = (list) => list.items.length - list.head;
  S.first = (list) => list.items[list.head];
  S.push = (list, item) => { append(list.items, item); };
  S.shift = (list) => {
    const item = list.items[list.head];
    list.items[list.head] = undefined;
    list.head += 1;
    if (list.head === list.items.length) {
      list.items = [];
      list.head = 0;
    } else if (list.head >= 1024 && list.head * 2 > list.items.length) {
      const kept = [];
      for (let at = list.head; at < list.items.length; at++) append(kept, list.items[at]);
      list.items = kept;
      list.head = 0;
    }
    return item;
  };
  // Empties a list; the items that were in it.
  S.takeAll = (list) => {
    const taken = [];
    for (let at = list.head; at < list.items.length; at++) append(taken, list.items[at]);
    list.items = [];
    list.head = 0;
    return taken;
  };

  S.resetQueue = (container) => {
    container.queue = S.list();
    container.total = 0;
  };
  S.enqueueWithSize = (container, value, size) => {
    if (!(size >= 0) || size === Infinity) {
      throw new P.RangeError('The size of a chunk must be a finite, non-negative number.');
    }
    S.push(container.queue, { __proto__: null, value, size });
    container.total += size;
  };
  S.dequeue = (container) => {
    const { value, size } = S.shift(container.queue);
    container.total = P.MathMax(container.total - size, 0);
    return value;
  };

  // The dictionary QueuingStrategy. Which mark is valid is judged later, by S.highWaterMark.
  S.strategy = (strategy) => {
    const given = internals.dictionary(strategy, 'The strategy');
    const mark = given.highWaterMark;
    return {
      __proto__: null,
      mark: mark === undefined ? undefined : +mark,
      size: internals.callback(given, 'size', 'The strategy'),
    };
  };
  S.highWaterMark = (strategy, normal) => {
    if (strategy.mark === undefined) return normal;
    if (!(strategy.mark >= 0)) throw new P.RangeError('Invalid highWaterMark.');
    return strategy.mark;
  };
  S.sizeAlgorithm = ({ size }) => (size === undefined ? () => 1 : (chunk) => +P.apply(size, undefined, [chunk]));

  // What script may not construct.
  S.guard = (given) => {
    if (given !== S.KEY) throw new P.TypeError('Illegal constructor');
  };
})
