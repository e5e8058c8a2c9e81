// CountQueuingStrategy and ByteLengthQueuingStrategy (Streams Standard, section 7).
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const S = internals.streams;
  // One function for all strategies of a kind; methods are no constructors.
  const count = { size() { return 1; } }.size;
  const byteLength = { size(chunk) { return chunk.byteLength; } }.size;

  // The dictionary QueuingStrategyInit.
  const markOf = (init) => {
    const mark = internals.dictionary(init, 'The strategy').highWaterMark;
    if (mark === undefined) throw new P.TypeError('highWaterMark is required.');
    return +mark;
  };

  class CountQueuingStrategy {
    #mark;
    constructor(init) { this.#mark = markOf(init); }
    get highWaterMark() { return this.#mark; }
    get size() { return this.#mark === undefined ? undefined : count; }
  }
  internals.define('CountQueuingStrategy', CountQueuingStrategy);

  class ByteLengthQueuingStrategy {
    #mark;
    constructor(init) { this.#mark = markOf(init); }
    get highWaterMark() { return this.#mark; }
    get size() { return this.#mark === undefined ? undefined : byteLength; }
  }
  internals.define('ByteLengthQueuingStrategy', ByteLengthQueuingStrategy);
})
