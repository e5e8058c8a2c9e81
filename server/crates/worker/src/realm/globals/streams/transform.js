// TransformStream (Streams Standard, sections 6.2 and 6.4): a writable side whose sink feeds the source of a readable
// side, through a transformer.
//
// Adds to internals.streams: createTransform(transform, flush), a stream of our own for GenericTransformStream.
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;

  // InitializeTransformStream
  const initialize = (stream, started, writableMark, writableSize, readableMark, readableSize) => {
    stream.writable = S.createWritable(() => started, (chunk) => sinkWrite(stream, chunk), () => sinkClose(stream),
      (reason) => sinkAbort(stream, reason), writableMark, writableSize);
    stream.readable = S.createReadable(() => started, () => sourcePull(stream), (reason) => sourceCancel(stream, reason),
      readableMark, readableSize);
    setBackpressure(stream, true);
  };
  const newTransform = () => ({
    __proto__: null, writable: undefined, readable: undefined, controller: undefined, hasBackpressure: undefined,
    backpressureChange: undefined,
  });
  // TransformStreamSetBackpressure
  const setBackpressure = (stream, hasBackpressure) => {
    if (stream.backpressureChange !== undefined) stream.backpressureChange.resolve(undefined);
    stream.backpressureChange = S.pending();
    stream.hasBackpressure = hasBackpressure;
  };
  const unblockWrite = (stream) => { if (stream.hasBackpressure) setBackpressure(stream, false); };
  // TransformStreamErrorWritableAndUnblockWrite
  const failWritable = (stream, error) => {
    clearAlgorithms(stream.controller);
    S.failSinkIfNeeded(stream.writable.controller, error);
    unblockWrite(stream);
  };
  // TransformStreamError
  const fail = (stream, error) => {
    S.errorDefault(stream.readable.controller, error);
    failWritable(stream, error);
  };
  const clearAlgorithms = (controller) => {
    controller.transform = undefined;
    controller.flush = undefined;
    controller.cancel = undefined;
  };

  // TransformStreamDefaultSinkWriteAlgorithm
  const sinkWrite = (stream, chunk) => {
    const perform = () => S.react(stream.controller.transform(chunk), undefined, (error) => {
      fail(stream, error);
      throw error;
    });
    if (!stream.hasBackpressure) return perform();
    return S.react(stream.backpressureChange.promise, () => {
      if (stream.writable.state === 'erroring') throw stream.writable.error;
      return perform();
    });
  };
  // What the end of one side does once the transformer's callback has settled. Only the first end counts.
  const end = (stream, act, done, failed) => {
    const { controller } = stream;
    if (controller.finish !== undefined) return controller.finish.promise;
    const later = S.pending();
    controller.finish = later;
    const ended = act(controller);
    clearAlgorithms(controller);
    S.react(ended, () => {
      const error = done();
      if (error === null) later.resolve(undefined);
      else later.reject(error.value);
    }, (error) => {
      failed(error);
      later.reject(error);
    });
    return later.promise;
  };
  // The error that a side has, or null.
  const errorOf = (side) => (side.state === 'errored' ? { __proto__: null, value: side.error } : null);
  // TransformStreamDefaultSinkAbortAlgorithm
  const sinkAbort = (stream, reason) => end(stream, (controller) => controller.cancel(reason), () => {
    const error = errorOf(stream.readable);
    if (error === null) S.errorDefault(stream.readable.controller, reason);
    return error;
  }, (error) => { S.errorDefault(stream.readable.controller, error); });
  // TransformStreamDefaultSinkCloseAlgorithm
  const sinkClose = (stream) => end(stream, (controller) => controller.flush(), () => {
    const error = errorOf(stream.readable);
    if (error === null) S.closeDefault(stream.readable.controller);
    return error;
  }, (error) => { S.errorDefault(stream.readable.controller, error); });
  // TransformStreamDefaultSourceCancelAlgorithm
  const sourceCancel = (stream, reason) => {
    const stop = (error) => {
      S.failSinkIfNeeded(stream.writable.controller, error);
      unblockWrite(stream);
    };
    return end(stream, (controller) => controller.cancel(reason), () => {
      const error = errorOf(stream.writable);
      if (error === null) stop(reason);
      return error;
    }, stop);
  };
  // TransformStreamDefaultSourcePullAlgorithm
  const sourcePull = (stream) => {
    setBackpressure(stream, false);
    return stream.backpressureChange.promise;
  };

  // TransformStreamDefaultControllerEnqueue
  const enqueue = (controller, chunk) => {
    const { stream } = controller;
    const { readable } = stream;
    if (!S.canCloseOrEnqueue(readable.controller)) {
      throw new P.TypeError('enqueue: the readable side is closing, closed or errored.');
    }
    try {
      S.enqueueDefault(readable.controller, chunk);
    } catch (error) {
      failWritable(stream, error);
      throw readable.error;
    }
    if (S.hasBackpressure(readable.controller) !== stream.hasBackpressure) setBackpressure(stream, true);
  };
  // TransformStreamDefaultControllerTerminate
  const terminate = (controller) => {
    S.closeDefault(controller.stream.readable.controller);
    failWritable(controller.stream, new P.TypeError('The stream was terminated.'));
  };
  const newController = (stream) => {
    const controller = {
      __proto__: null, stream, transform: undefined, flush: undefined, cancel: undefined, finish: undefined,
    };
    stream.controller = controller;
    return controller;
  };

  S.createTransform = (transform, flush, cancel) => {
    const stream = newTransform();
    initialize(stream, S.nothing(), 1, () => 1, 0, () => 1);
    const controller = newController(stream);
    const put = (chunk) => { enqueue(controller, chunk); };
    const run = (act, chunk) => {
      try {
        act(put, chunk);
        return S.nothing();
      } catch (error) {
        return P.Promise_reject(error);
      }
    };
    controller.transform = (chunk) => run(transform, chunk);
    controller.flush = () => run(flush, undefined);
    controller.cancel = () => run(cancel ?? (() => {}), undefined);
    return { __proto__: null, readable: stream.readable.object, writable: stream.writable.object };
  };

  // The dictionary Transformer, its members in the order in which Web IDL reads them.
  const transformerOf = (transformer) => {
    const given = internals.dictionary(transformer, 'The transformer');
    const members = {
      __proto__: null,
      cancel: internals.callback(given, 'cancel', 'The transformer'),
      flush: internals.callback(given, 'flush', 'The transformer'),
      isReadableTyped: given.readableType !== undefined,
      start: internals.callback(given, 'start', 'The transformer'),
      transform: internals.callback(given, 'transform', 'The transformer'),
      isWritableTyped: given.writableType !== undefined,
    };
    if (members.isReadableTyped || members.isWritableTyped) throw new P.RangeError('A TransformStream has no types.');
    return members;
  };

  let find;
  class TransformStream {
    #stream;
    constructor(transformer = undefined, writableStrategy = undefined, readableStrategy = undefined) {
      internals.optionalObject(transformer, 'The transformer');
      const write = S.strategy(writableStrategy);
      const read = S.strategy(readableStrategy);
      const members = transformerOf(transformer);
      const readMark = S.highWaterMark(read, 0);
      const writeMark = S.highWaterMark(write, 1);
      const stream = newTransform();
      const started = S.pending();
      this.#stream = stream;
      initialize(stream, started.promise, writeMark, S.sizeAlgorithm(write), readMark, S.sizeAlgorithm(read));
      const controller = newController(stream);
      const object = new TransformStreamDefaultController(S.KEY, controller);
      const transform = S.algorithm(members.transform, transformer);
      const flush = S.algorithm(members.flush, transformer);
      controller.transform = members.transform === undefined ? (chunk) => passOn(controller, chunk)
        : (chunk) => transform(chunk, object);
      controller.flush = () => flush(object);
      controller.cancel = S.algorithm(members.cancel, transformer);
      started.resolve(members.start === undefined ? undefined : P.apply(members.start, transformer, [object]));
    }
    static {
      find = (stream) => stream.#stream;
      internals.isTransformStream = (value) => internals.isObject(value) && #stream in value;
      S.transformOf = (value) => (internals.isTransformStream(value) ? value.#stream : undefined);
      // A stream that arrives by a transfer.
      S.adoptTransform = (readable, writable) => {
        const stream = new TransformStream();
        stream.#stream.readable = readable;
        stream.#stream.writable = writable;
        return stream;
      };
    }
    get readable() { return find(this).readable.object; }
    get writable() { return find(this).writable.object; }
  }
  internals.define('TransformStream', TransformStream);
  const passOn = (controller, chunk) => {
    try {
      enqueue(controller, chunk);
      return S.nothing();
    } catch (error) {
      return P.Promise_reject(error);
    }
  };

  class TransformStreamDefaultController {
    #controller;
    constructor() {
      S.guard(arguments[0]);
      this.#controller = arguments[1];
    }
    get desiredSize() { return S.desiredSize(this.#controller.stream.readable.controller); }
    enqueue(chunk = undefined) { enqueue(this.#controller, chunk); }
    error(reason = undefined) { fail(this.#controller.stream, reason); }
    terminate() { terminate(this.#controller); }
  }
  internals.define('TransformStreamDefaultController', TransformStreamDefaultController);
})
