// WritableStreamDefaultController (Streams Standard, sections 5.4 and 5.5.4).
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;
  // What the queue holds for `close`.
  const CLOSE = {};

  const clearAlgorithms = (controller) => {
    controller.write = undefined;
    controller.close = undefined;
    controller.abort = undefined;
    controller.size = undefined;
  };
  const updateBackpressure = (stream) => {
    if (S.isCloseRequested(stream) || stream.state !== 'writable') return;
    S.updateBackpressure(stream, S.desiredWriteSize(stream) <= 0);
  };
  // WritableStreamDefaultControllerError
  const fail = (controller, error) => {
    clearAlgorithms(controller);
    S.startErroring(controller.stream, error);
  };
  S.failSinkIfNeeded = (controller, error) => {
    if (controller.stream.state === 'writable') fail(controller, error);
  };

  // WritableStreamDefaultControllerGetChunkSize
  S.sizeOfWrite = (controller, chunk) => {
    const { size } = controller;
    if (size === undefined) return 1;
    try {
      return size(chunk);
    } catch (error) {
      S.failSinkIfNeeded(controller, error);
      return 1;
    }
  };
  S.writeSink = (controller, chunk, size) => {
    try {
      S.enqueueWithSize(controller, chunk, size);
    } catch (error) {
      S.failSinkIfNeeded(controller, error);
      return;
    }
    updateBackpressure(controller.stream);
    advance(controller);
  };
  S.closeSink = (controller) => {
    S.enqueueWithSize(controller, CLOSE, 0);
    advance(controller);
  };
  S.abortSink = (controller, reason) => {
    const { abort } = controller;
    const done = abort(reason);
    clearAlgorithms(controller);
    return done;
  };

  // WritableStreamDefaultControllerAdvanceQueueIfNeeded
  const advance = (controller) => {
    const { stream } = controller;
    if (!controller.isStarted || stream.writeInFlight !== undefined) return;
    if (stream.state === 'erroring') {
      S.finishErroring(stream);
      return;
    }
    if (S.count(controller.queue) === 0) return;
    const chunk = S.first(controller.queue).value;
    if (chunk === CLOSE) processClose(controller);
    else processWrite(controller, chunk);
  };
  const processClose = (controller) => {
    const { stream, close } = controller;
    stream.closeInFlight = stream.closeRequest;
    stream.closeRequest = undefined;
    S.dequeue(controller);
    const done = close();
    clearAlgorithms(controller);
    S.react(done, () => { S.finishClose(stream); }, (error) => { S.failClose(stream, error); });
  };
  const processWrite = (controller, chunk) => {
    const { stream, write } = controller;
    stream.writeInFlight = S.shift(stream.writeRequests);
    S.react(write(chunk), () => {
      S.finishWrite(stream);
      S.dequeue(controller);
      updateBackpressure(stream);
      advance(controller);
    }, (error) => {
      if (stream.state === 'writable') clearAlgorithms(controller);
      S.failWrite(stream, error);
    });
  };

  // SetUpWritableStreamDefaultController
  const newController = (stream, mark, size) => {
    const controller = {
      __proto__: null, stream, queue: undefined, total: 0, mark, size, write: undefined, close: undefined,
      abort: undefined, signal: internals.newSignal(), isStarted: false,
    };
    S.resetQueue(controller);
    stream.controller = controller;
    return controller;
  };
  const startSink = (controller, start) => {
    const { stream } = controller;
    updateBackpressure(stream);
    S.react(S.promiseOf(start()), () => {
      controller.isStarted = true;
      advance(controller);
    }, (error) => {
      controller.isStarted = true;
      S.dealWithRejection(stream, error);
    });
  };
  S.setUpSink = (stream, start, write, close, abort, mark, size) => {
    const controller = newController(stream, mark, size);
    controller.write = write;
    controller.close = close;
    controller.abort = abort;
    startSink(controller, start);
  };
  S.setUpSinkFromScript = (stream, sink, members, mark, size) => {
    const controller = newController(stream, mark, size);
    const object = new WritableStreamDefaultController(S.KEY, controller);
    const write = S.algorithm(members.write, sink);
    controller.write = (chunk) => write(chunk, object);
    controller.close = S.algorithm(members.close, sink);
    controller.abort = S.algorithm(members.abort, sink);
    startSink(controller, () => (
      members.start === undefined ? undefined : P.apply(members.start, sink, [object])));
  };

  class WritableStreamDefaultController {
    #controller;
    constructor() {
      S.guard(arguments[0]);
      this.#controller = arguments[1];
    }
    get signal() { return this.#controller.signal; }
    error(error = undefined) { S.failSinkIfNeeded(this.#controller, error); }
  }
  internals.define('WritableStreamDefaultController', WritableStreamDefaultController);
})
