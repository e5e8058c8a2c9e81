// ReadableByteStreamController and ReadableStreamBYOBRequest (Streams Standard, sections 4.7 and 4.8): what script
// sees of them. The operations are in byte-queue.js and pull-into.js.
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;

  // SetUpReadableByteStreamController
  const setUp = (stream, pull, cancel, mark, chunkSize) => {
    const controller = {
      __proto__: null, object: undefined, isBytes: true, stream, queue: undefined, total: 0, mark, pull, cancel, chunkSize,
      byobRequest: null, pendingPullIntos: S.list(), isCloseRequested: false, isPulling: false, pullsAgain: false,
      isStarted: false,
      shouldPull: () => S.shouldPullBytes(controller),
      fail: (error) => S.errorBytes(controller, error),
      cancelSteps: (reason) => cancelSteps(controller, reason),
      pullSteps: (request) => pullSteps(controller, request),
      releaseSteps: () => releaseSteps(controller),
    };
    S.resetQueue(controller);
    stream.controller = controller;
    return controller;
  };
  S.setUpByteController = (stream, start, pull, cancel, mark, chunkSize) => {
    S.startController(setUp(stream, pull, cancel, mark, chunkSize), start);
  };
  S.setUpByteControllerFromSource = (stream, source, members, mark) => {
    if (members.chunkSize === 0) throw new P.TypeError('autoAllocateChunkSize must be greater than 0.');
    const controller = setUp(stream, undefined, S.algorithm(members.cancel, source), mark, members.chunkSize);
    const object = new ReadableByteStreamController(S.KEY, controller);
    const pull = S.algorithm(members.pull, source);
    controller.pull = () => pull(object);
    S.startController(controller, () => (
      members.start === undefined ? undefined : P.apply(members.start, source, [object])));
  };

  const cancelSteps = (controller, reason) => {
    S.clearPullIntos(controller);
    S.resetQueue(controller);
    const { cancel } = controller;
    const result = cancel(reason);
    S.clearByteAlgorithms(controller);
    return result;
  };
  const pullSteps = (controller, request) => {
    if (controller.total > 0) {
      S.fillRequestFromQueue(controller, request);
      return;
    }
    const { chunkSize } = controller;
    if (chunkSize !== undefined) {
      let buffer;
      try {
        buffer = new P.ArrayBuffer(chunkSize);
      } catch (error) {
        request.error(error);
        return;
      }
      S.push(controller.pendingPullIntos, {
        __proto__: null, buffer, bufferLength: chunkSize, byteOffset: 0, byteLength: chunkSize, filled: 0, minimum: 1,
        elementSize: 1, type: P.Uint8Array, reader: 'default',
      });
    }
    S.push(controller.stream.reader.requests, request);
    S.callPullIfNeeded(controller);
  };
  const releaseSteps = (controller) => {
    if (S.count(controller.pendingPullIntos) === 0) return;
    const first = S.first(controller.pendingPullIntos);
    first.reader = 'none';
    S.takeAll(controller.pendingPullIntos);
    S.push(controller.pendingPullIntos, first);
  };

  // ReadableByteStreamControllerGetBYOBRequest; a record, or null.
  S.byobRequestOf = (controller) => {
    if (controller.byobRequest === null && S.count(controller.pendingPullIntos) > 0) {
      const first = S.first(controller.pendingPullIntos);
      const request = {
        __proto__: null, object: undefined, controller,
        view: S.bytes(first.buffer, first.byteOffset + first.filled, first.byteLength - first.filled),
      };
      request.object = new ReadableStreamBYOBRequest(S.KEY, request);
      controller.byobRequest = request;
    }
    return controller.byobRequest;
  };

  class ReadableByteStreamController {
    #controller;
    constructor() {
      S.guard(arguments[0]);
      this.#controller = arguments[1];
      arguments[1].object = this;
    }
    get byobRequest() {
      const request = S.byobRequestOf(this.#controller);
      return request === null ? null : request.object;
    }
    get desiredSize() { return S.desiredSize(this.#controller); }
    close() {
      const controller = this.#controller;
      if (!S.canCloseOrEnqueue(controller)) throw new P.TypeError('close: the stream is closing, closed or errored.');
      S.closeBytes(controller);
    }
    enqueue(chunk) {
      const controller = this.#controller;
      const shape = S.viewOf(chunk);
      if (shape.byteLength === 0) throw new P.TypeError('enqueue: the chunk is empty.');
      if (P.ArrayBufferGetByteLength(shape.buffer) === 0) throw new P.TypeError("enqueue: the chunk's buffer is empty.");
      if (!S.canCloseOrEnqueue(controller)) throw new P.TypeError('enqueue: the stream is closing, closed or errored.');
      S.enqueueBytes(controller, shape);
    }
    error(error = undefined) { S.errorBytes(this.#controller, error); }
  }
  internals.define('ReadableByteStreamController', ReadableByteStreamController);

  const makeSure = (request) => {
    if (request.controller === undefined) throw new P.TypeError('The request was answered already.');
  };
  class ReadableStreamBYOBRequest {
    #request;
    constructor() {
      S.guard(arguments[0]);
      this.#request = arguments[1];
    }
    get view() { return this.#request.view; }
    respond(bytesWritten) {
      const request = this.#request;
      if (arguments.length === 0) throw new P.TypeError('respond: 1 argument required');
      const count = internals.toUnsigned(bytesWritten, 'bytesWritten');
      makeSure(request);
      if (S.isDetached(P.TypedArrayGetBuffer(request.view))) throw new P.TypeError("The view's buffer is detached.");
      S.respond(request.controller, count);
    }
    respondWithNewView(view) {
      const request = this.#request;
      const shape = S.viewOf(view);
      makeSure(request);
      if (S.isDetached(shape.buffer)) throw new P.TypeError("The view's buffer is detached.");
      S.respondWithNewView(request.controller, shape);
    }
  }
  internals.define('ReadableStreamBYOBRequest', ReadableStreamBYOBRequest);
})
