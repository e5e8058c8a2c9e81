// Reads into a view that script brought (Streams Standard, section 4.9.5): the descriptors that wait for bytes, filled
// from the queue or by the source itself.
//
// A descriptor: { buffer, bufferLength, byteOffset, byteLength, filled, minimum, elementSize, type, reader }, `reader`
// being 'default', 'byob', or 'none' once the reader that asked was released.
(function (host, internals) {
  'use strict';
  const { P, append } = internals;
  const S = internals.streams;

  S.clearPullIntos = (controller) => {
    S.invalidateByobRequest(controller);
    S.takeAll(controller.pendingPullIntos);
  };
  S.invalidateByobRequest = (controller) => {
    const request = controller.byobRequest;
    if (request === null) return;
    request.controller = undefined;
    request.view = null;
    controller.byobRequest = null;
  };

  // ReadableByteStreamControllerConvertPullIntoDescriptor
  const toView = (descriptor) => {
    const { type } = descriptor;
    const buffer = S.transfer(descriptor.buffer);
    return new type(buffer, descriptor.byteOffset, descriptor.filled / descriptor.elementSize);
  };
  // ReadableByteStreamControllerCommitPullIntoDescriptor
  const commit = (stream, descriptor) => {
    S.fulfillRequest(stream, toView(descriptor), stream.state === 'closed');
  };
  S.commitAll = (stream, descriptors) => {
    for (let at = 0; at < descriptors.length; at++) commit(stream, descriptors[at]);
  };

  // ReadableByteStreamControllerFillPullIntoDescriptorFromQueue; whether the view holds enough now.
  const fill = (controller, descriptor) => {
    const most = descriptor.filled + P.MathMin(controller.total, descriptor.byteLength - descriptor.filled);
    const aligned = most - most % descriptor.elementSize;
    const isReady = aligned >= descriptor.minimum;
    let rest = (isReady ? aligned : most) - descriptor.filled;
    while (rest > 0) {
      const head = S.first(controller.queue);
      const count = P.MathMin(rest, head.byteLength);
      P.TypedArraySet(S.bytes(descriptor.buffer, descriptor.byteOffset + descriptor.filled, count),
        S.bytes(head.buffer, head.byteOffset, count), 0);
      if (head.byteLength === count) {
        S.shift(controller.queue);
      } else {
        head.byteOffset += count;
        head.byteLength -= count;
      }
      controller.total -= count;
      descriptor.filled += count;
      rest -= count;
    }
    return isReady;
  };
  // ReadableByteStreamControllerProcessPullIntoDescriptorsUsingQueue: those that are full now.
  S.servePullIntos = (controller) => {
    const full = [];
    while (S.count(controller.pendingPullIntos) > 0 && controller.total > 0) {
      const descriptor = S.first(controller.pendingPullIntos);
      if (fill(controller, descriptor)) append(full, S.shift(controller.pendingPullIntos));
    }
    return full;
  };

  // ReadableByteStreamControllerEnqueueDetachedPullIntoToQueue
  S.pushDetachedPullInto = (controller, descriptor) => {
    if (descriptor.filled > 0) {
      S.pushCopiedBytes(controller, descriptor.buffer, descriptor.byteOffset, descriptor.filled);
    }
    S.shift(controller.pendingPullIntos);
  };

  // ReadableByteStreamControllerPullInto
  S.pullInto = (controller, view, min, request) => {
    const { stream } = controller;
    const shape = S.viewOf(view);
    let buffer;
    try {
      buffer = S.transfer(shape.buffer);
    } catch (error) {
      request.error(error);
      return;
    }
    const descriptor = {
      __proto__: null, buffer, bufferLength: P.ArrayBufferGetByteLength(buffer), byteOffset: shape.byteOffset,
      byteLength: shape.byteLength, filled: 0, minimum: min * shape.elementSize, elementSize: shape.elementSize,
      type: shape.type, reader: 'byob',
    };
    const wait = () => {
      S.push(controller.pendingPullIntos, descriptor);
      S.push(stream.reader.requests, request);
    };
    if (S.count(controller.pendingPullIntos) > 0) {
      wait();
      return;
    }
    if (stream.state === 'closed') {
      const { type } = descriptor;
      request.close(new type(buffer, descriptor.byteOffset, 0));
      return;
    }
    if (controller.total > 0) {
      if (fill(controller, descriptor)) {
        const filled = toView(descriptor);
        S.drainByteQueue(controller);
        request.chunk(filled);
        return;
      }
      if (controller.isCloseRequested) {
        const error = new P.TypeError('The stream ended in the middle of an element of the view.');
        S.errorBytes(controller, error);
        request.error(error);
        return;
      }
    }
    wait();
    S.callPullIfNeeded(controller);
  };

  // ReadableByteStreamControllerRespond
  S.respond = (controller, count) => {
    const first = S.first(controller.pendingPullIntos);
    if (controller.stream.state === 'closed') {
      if (count !== 0) throw new P.TypeError('respond: the stream is closed, so bytesWritten must be 0.');
    } else {
      if (count === 0) throw new P.TypeError('respond: bytesWritten must be greater than 0.');
      if (first.filled + count > first.byteLength) throw new P.RangeError('respond: bytesWritten is greater than the view.');
    }
    first.buffer = S.transfer(first.buffer);
    respondInternal(controller, first, count);
  };
  // ReadableByteStreamControllerRespondWithNewView
  S.respondWithNewView = (controller, shape) => {
    const first = S.first(controller.pendingPullIntos);
    if (controller.stream.state === 'closed') {
      if (shape.byteLength !== 0) throw new P.TypeError('The stream is closed, so the view must be empty.');
    } else if (shape.byteLength === 0) {
      throw new P.TypeError('The view must not be empty.');
    }
    if (first.byteOffset + first.filled !== shape.byteOffset) throw new P.RangeError('The view begins elsewhere.');
    if (first.bufferLength !== P.ArrayBufferGetByteLength(shape.buffer)) {
      throw new P.RangeError("The view's buffer has another length.");
    }
    if (first.filled + shape.byteLength > first.byteLength) throw new P.RangeError('The view is too long.');
    first.buffer = S.transfer(shape.buffer);
    respondInternal(controller, first, shape.byteLength);
  };
  const respondInternal = (controller, first, count) => {
    S.invalidateByobRequest(controller);
    if (controller.stream.state === 'closed') respondWhenClosed(controller, first);
    else respondWhenReadable(controller, first, count);
    S.callPullIfNeeded(controller);
  };
  const respondWhenClosed = (controller, first) => {
    const { stream } = controller;
    if (first.reader === 'none') S.shift(controller.pendingPullIntos);
    if (!S.hasReader(stream, true)) return;
    const full = [];
    while (full.length < S.countRequests(stream, true)) append(full, S.shift(controller.pendingPullIntos));
    S.commitAll(stream, full);
  };
  const respondWhenReadable = (controller, descriptor, count) => {
    const { stream } = controller;
    descriptor.filled += count;
    if (descriptor.reader === 'none') {
      S.pushDetachedPullInto(controller, descriptor);
      S.commitAll(stream, S.servePullIntos(controller));
      return;
    }
    if (descriptor.filled < descriptor.minimum) return;
    S.shift(controller.pendingPullIntos);
    const remainder = descriptor.filled % descriptor.elementSize;
    if (remainder > 0) {
      const end = descriptor.byteOffset + descriptor.filled;
      S.pushCopiedBytes(controller, descriptor.buffer, end - remainder, remainder);
      descriptor.filled -= remainder;
    }
    const full = S.servePullIntos(controller);
    commit(stream, descriptor);
    S.commitAll(stream, full);
  };
})
