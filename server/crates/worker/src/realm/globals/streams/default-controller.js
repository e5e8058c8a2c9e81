// ReadableStreamDefaultController (Streams Standard, sections 4.6 and 4.9.4).
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;

  const canCloseOrEnqueue = (controller) => !controller.isCloseRequested && controller.stream.state === 'readable';
  S.canCloseOrEnqueue = canCloseOrEnqueue;
  S.desiredSize = (controller) => {
    if (controller.stream.state === 'errored') return null;
    return controller.stream.state === 'closed' ? 0 : controller.mark - controller.total;
  };
  const shouldPull = (controller) => {
    if (!canCloseOrEnqueue(controller) || !controller.isStarted) return false;
    return S.countRequests(controller.stream, false) > 0 || S.desiredSize(controller) > 0;
  };
  S.hasBackpressure = (controller) => !shouldPull(controller);

  // …CallPullIfNeeded, for both kinds of controllers.
  S.callPullIfNeeded = (controller) => {
    if (!controller.shouldPull()) return;
    if (controller.isPulling) {
      controller.pullsAgain = true;
      return;
    }
    controller.isPulling = true;
    S.react(controller.pull(), () => {
      controller.isPulling = false;
      if (controller.pullsAgain) {
        controller.pullsAgain = false;
        S.callPullIfNeeded(controller);
      }
    }, (error) => { controller.fail(error); });
  };
  // The end of setting up a controller: `start` runs at once, pulls come after it.
  S.startController = (controller, start) => {
    const begun = start();
    S.react(S.promiseOf(begun), () => {
      controller.isStarted = true;
      S.callPullIfNeeded(controller);
    }, (error) => { controller.fail(error); });
  };
  const clearAlgorithms = (controller) => {
    controller.pull = undefined;
    controller.cancel = undefined;
    controller.size = undefined;
  };

  // ReadableStreamDefaultControllerClose
  S.closeDefault = (controller) => {
    if (!canCloseOrEnqueue(controller)) return;
    controller.isCloseRequested = true;
    if (S.count(controller.queue) > 0) return;
    clearAlgorithms(controller);
    S.closeReadable(controller.stream);
  };
  // ReadableStreamDefaultControllerError
  S.errorDefault = (controller, error) => {
    if (controller.stream.state !== 'readable') return;
    S.resetQueue(controller);
    clearAlgorithms(controller);
    S.errorReadable(controller.stream, error);
  };
  // ReadableStreamDefaultControllerEnqueue
  S.enqueueDefault = (controller, chunk) => {
    if (!canCloseOrEnqueue(controller)) return;
    if (S.countRequests(controller.stream, false) > 0) {
      S.fulfillRequest(controller.stream, chunk, false);
    } else {
      try {
        const { size } = controller;
        S.enqueueWithSize(controller, chunk, size(chunk));
      } catch (error) {
        S.errorDefault(controller, error);
        throw error;
      }
    }
    S.callPullIfNeeded(controller);
  };

  const pullSteps = (controller, request) => {
    const { stream } = controller;
    if (S.count(controller.queue) === 0) {
      S.push(stream.reader.requests, request);
      S.callPullIfNeeded(controller);
      return;
    }
    const chunk = S.dequeue(controller);
    if (controller.isCloseRequested && S.count(controller.queue) === 0) {
      clearAlgorithms(controller);
      S.closeReadable(stream);
    } else {
      S.callPullIfNeeded(controller);
    }
    request.chunk(chunk);
  };
  const cancelSteps = (controller, reason) => {
    S.resetQueue(controller);
    const { cancel } = controller;
    const result = cancel(reason);
    clearAlgorithms(controller);
    return result;
  };

  // SetUpReadableStreamDefaultController
  const setUp = (stream, pull, cancel, mark, size) => {
    const controller = {
      __proto__: null, object: undefined, isBytes: false, stream, queue: undefined, total: 0, mark, size, pull, cancel,
      isCloseRequested: false, isPulling: false, pullsAgain: false, isStarted: false,
      shouldPull: () => shouldPull(controller),
      fail: (error) => S.errorDefault(controller, error),
      cancelSteps: (reason) => cancelSteps(controller, reason),
      pullSteps: (request) => pullSteps(controller, request),
      releaseSteps: () => {},
    };
    S.resetQueue(controller);
    stream.controller = controller;
    return controller;
  };
  S.setUpDefaultController = (stream, start, pull, cancel, mark, size) => {
    S.startController(setUp(stream, pull, cancel, mark, size), start);
  };
  S.setUpDefaultControllerFromSource = (stream, source, members, mark, size) => {
    const controller = setUp(stream, undefined, S.algorithm(members.cancel, source), mark, size);
    const object = new ReadableStreamDefaultController(S.KEY, controller);
    const pull = S.algorithm(members.pull, source);
    controller.pull = () => pull(object);
    S.startController(controller, () => (
      members.start === undefined ? undefined : P.apply(members.start, source, [object])));
  };

  const makeSure = (controller, what) => {
    if (!canCloseOrEnqueue(controller)) throw new P.TypeError(`${what}: the stream is closing, closed or errored.`);
  };
  class ReadableStreamDefaultController {
    #controller;
    constructor() {
      S.guard(arguments[0]);
      this.#controller = arguments[1];
      arguments[1].object = this;
    }
    get desiredSize() { return S.desiredSize(this.#controller); }
    close() {
      makeSure(this.#controller, 'close');
      S.closeDefault(this.#controller);
    }
    enqueue(chunk = undefined) {
      makeSure(this.#controller, 'enqueue');
      S.enqueueDefault(this.#controller, chunk);
    }
    error(error = undefined) { S.errorDefault(this.#controller, error); }
  }
  internals.define('ReadableStreamDefaultController', ReadableStreamDefaultController);
})
