// The queue of a byte stream's controller (Streams Standard, section 4.9.5): entries of bytes, each with the buffer
// that it owns.
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;

  S.shouldPullBytes = (controller) => {
    const { stream } = controller;
    if (stream.state !== 'readable' || controller.isCloseRequested || !controller.isStarted) return false;
    return S.countRequests(stream, false) > 0 || S.countRequests(stream, true) > 0 || S.desiredSize(controller) > 0;
  };
  S.clearByteAlgorithms = (controller) => {
    controller.pull = undefined;
    controller.cancel = undefined;
  };

  // ReadableByteStreamControllerClose
  S.closeBytes = (controller) => {
    if (!S.canCloseOrEnqueue(controller)) return;
    if (controller.total > 0) {
      controller.isCloseRequested = true;
      return;
    }
    if (S.count(controller.pendingPullIntos) > 0) {
      const first = S.first(controller.pendingPullIntos);
      if (first.filled % first.elementSize !== 0) {
        const error = new P.TypeError('The stream was closed in the middle of an element of a view.');
        S.errorBytes(controller, error);
        throw error;
      }
    }
    S.clearByteAlgorithms(controller);
    S.closeReadable(controller.stream);
  };
  // ReadableByteStreamControllerError
  S.errorBytes = (controller, error) => {
    if (controller.stream.state !== 'readable') return;
    S.clearPullIntos(controller);
    S.resetQueue(controller);
    S.clearByteAlgorithms(controller);
    S.errorReadable(controller.stream, error);
  };

  S.pushBytes = (controller, buffer, byteOffset, byteLength) => {
    S.push(controller.queue, { __proto__: null, buffer, byteOffset, byteLength });
    controller.total += byteLength;
  };
  // ReadableByteStreamControllerEnqueueClonedChunkToQueue
  S.pushCopiedBytes = (controller, buffer, byteOffset, byteLength) => {
    let copy;
    try {
      copy = S.copyBuffer(buffer, byteOffset, byteLength);
    } catch (error) {
      S.errorBytes(controller, error);
      throw error;
    }
    S.pushBytes(controller, copy, 0, byteLength);
  };

  // ReadableByteStreamControllerEnqueue
  S.enqueueBytes = (controller, { buffer, byteOffset, byteLength }) => {
    const { stream } = controller;
    if (!S.canCloseOrEnqueue(controller)) return;
    if (S.isDetached(buffer)) throw new P.TypeError("The chunk's buffer is detached.");
    const own = S.transfer(buffer);
    if (S.count(controller.pendingPullIntos) > 0) {
      const first = S.first(controller.pendingPullIntos);
      if (S.isDetached(first.buffer)) throw new P.TypeError('The buffer of the BYOB request is detached.');
      S.invalidateByobRequest(controller);
      first.buffer = S.transfer(first.buffer);
      if (first.reader === 'none') S.pushDetachedPullInto(controller, first);
    }
    if (S.hasReader(stream, false)) {
      serveRequests(controller);
      if (S.countRequests(stream, false) === 0) {
        S.pushBytes(controller, own, byteOffset, byteLength);
      } else {
        if (S.count(controller.pendingPullIntos) > 0) S.shift(controller.pendingPullIntos);
        S.fulfillRequest(stream, S.bytes(own, byteOffset, byteLength), false);
      }
    } else {
      S.pushBytes(controller, own, byteOffset, byteLength);
      if (S.hasReader(stream, true)) S.commitAll(stream, S.servePullIntos(controller));
    }
    S.callPullIfNeeded(controller);
  };
  // ReadableByteStreamControllerProcessReadRequestsUsingQueue
  const serveRequests = (controller) => {
    const { requests } = controller.stream.reader;
    while (S.count(requests) > 0 && controller.total > 0) S.fillRequestFromQueue(controller, S.shift(requests));
  };
  // ReadableByteStreamControllerFillReadRequestFromQueue
  S.fillRequestFromQueue = (controller, request) => {
    const entry = S.shift(controller.queue);
    controller.total -= entry.byteLength;
    S.drainByteQueue(controller);
    request.chunk(S.bytes(entry.buffer, entry.byteOffset, entry.byteLength));
  };
  // ReadableByteStreamControllerHandleQueueDrain
  S.drainByteQueue = (controller) => {
    if (controller.total === 0 && controller.isCloseRequested) {
      S.clearByteAlgorithms(controller);
      S.closeReadable(controller.stream);
    } else {
      S.callPullIfNeeded(controller);
    }
  };
})
