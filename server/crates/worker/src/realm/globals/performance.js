// Performance (High Resolution Time, section 7; Performance Timeline, section 3; User Timing Level 3, section 3) on the
// worker's own clock.
(function (host, internals) {
  'use strict';
  const { P, DOMException } = internals;
  const key = {};
  // The attributes of PerformanceTiming, which name times of a document.
  const documentTimes = ['navigationStart', 'unloadEventStart', 'unloadEventEnd', 'redirectStart', 'redirectEnd',
    'fetchStart', 'domainLookupStart', 'domainLookupEnd', 'connectStart', 'connectEnd', 'secureConnectionStart',
    'requestStart', 'responseStart', 'responseEnd', 'domLoading', 'domInteractive', 'domContentLoadedEventStart',
    'domContentLoadedEventEnd', 'domComplete', 'loadEventStart', 'loadEventEnd'];

  // "Convert a mark to a timestamp", of a number or a mark's name.
  const toTime = (mark, what) => {
    if (typeof mark === 'number') {
      if (mark < 0) throw new P.TypeError(`${what}: the time ${mark} is negative.`);
      return mark;
    }
    for (let at = internals.entryBuffer.length - 1; at >= 0; at--) {
      const { name, type, startTime } = internals.entryOf(internals.entryBuffer[at]);
      if (type === 'mark' && name === mark) return startTime;
    }
    if (P.ArrayIncludes(documentTimes, mark)) {
      throw new P.TypeError(`${what}: '${mark}' is a time of a document, and this is a worker.`);
    }
    throw new DOMException(`${what}: the mark '${mark}' does not exist.`, 'SyntaxError');
  };
  const readTime = (value, what) => {
    if (value === undefined) return undefined;
    return typeof value === 'number' ? internals.toDouble(value, what) : `${value}`;
  };
  const readMeasure = (given, what) => {
    const read = { __proto__: null, detail: undefined, duration: undefined, end: undefined, start: undefined };
    const { detail } = given;
    read.detail = detail;
    const { duration } = given;
    if (duration !== undefined) read.duration = internals.toDouble(duration, what);
    const { end } = given;
    read.end = readTime(end, what);
    const { start } = given;
    read.start = readTime(start, what);
    return read;
  };
  const measure = (name, options, startMark, endMark, what) => {
    const { detail, duration, end, start } = options;
    const isEmpty = detail === undefined && duration === undefined && end === undefined && start === undefined;
    if (!isEmpty) {
      if (endMark !== undefined) throw new P.TypeError(`${what}: an end goes with no options.`);
      if (start === undefined && end === undefined) throw new P.TypeError(`${what}: neither start nor end is given.`);
      if (start !== undefined && end !== undefined && duration !== undefined) {
        throw new P.TypeError(`${what}: start, duration and end can not all be given.`);
      }
    }
    const timeOf = (value) => toTime(value, what);
    let endTime;
    if (endMark !== undefined) endTime = timeOf(endMark);
    else if (end !== undefined) endTime = timeOf(end);
    else if (start !== undefined && duration !== undefined) endTime = timeOf(start) + timeOf(duration);
    else endTime = host.elapsed();
    let startTime = 0;
    if (start !== undefined) startTime = timeOf(start);
    else if (duration !== undefined && end !== undefined) startTime = timeOf(end) - timeOf(duration);
    else if (startMark !== undefined) startTime = timeOf(startMark);
    return internals.newMeasure(name, startTime, endTime - startTime, detail);
  };
  const noOptions = { __proto__: null };

  class Performance extends internals.EventTarget {
    #own = true;
    constructor(given = undefined) {
      if (given !== key) internals.illegal();
      super();
    }
    get timeOrigin() {
      this.#own;
      return host.startMs;
    }
    now() {
      this.#own;
      return host.elapsed();
    }
    toJSON() {
      this.#own;
      return { timeOrigin: host.startMs };
    }
    getEntries() {
      this.#own;
      return internals.selectEntries(internals.entryBuffer, null, null);
    }
    getEntriesByType(type) {
      this.#own;
      internals.need(arguments.length, 1, "Failed to execute 'getEntriesByType' on 'Performance'");
      return internals.selectEntries(internals.entryBuffer, null, `${type}`);
    }
    getEntriesByName(name, type = undefined) {
      this.#own;
      internals.need(arguments.length, 1, "Failed to execute 'getEntriesByName' on 'Performance'");
      name = `${name}`;
      return internals.selectEntries(internals.entryBuffer, name, type === undefined ? null : `${type}`);
    }
    mark(markName, markOptions = undefined) {
      this.#own;
      internals.need(arguments.length, 1, "Failed to execute 'mark' on 'Performance'");
      const entry = new internals.PerformanceMark(markName, markOptions);
      internals.queueEntry(entry);
      return entry;
    }
    measure(measureName, startOrMeasureOptions = undefined, endMark = undefined) {
      this.#own;
      const what = "Failed to execute 'measure' on 'Performance'";
      internals.need(arguments.length, 1, what);
      const name = `${measureName}`;
      let options = noOptions;
      let startMark;
      if (internals.isObject(startOrMeasureOptions)) options = readMeasure(startOrMeasureOptions, what);
      else if (startOrMeasureOptions !== undefined && startOrMeasureOptions !== null) startMark = `${startOrMeasureOptions}`;
      const end = endMark === undefined ? undefined : `${endMark}`;
      const entry = measure(name, options, startMark, end, what);
      internals.queueEntry(entry);
      return entry;
    }
    #clear(type, name) {
      name = name === undefined ? null : `${name}`;
      internals.entryBuffer = internals.filter(internals.entryBuffer, (entry) => {
        const of = internals.entryOf(entry);
        return of.type !== type || (name !== null && of.name !== name);
      });
    }
    clearMarks(markName = undefined) { this.#clear('mark', markName); }
    clearMeasures(measureName = undefined) { this.#clear('measure', measureName); }
    // Resource Timing: no resource of a worker is timed here, so its buffer is empty and never full.
    clearResourceTimings() { this.#own; }
    setResourceTimingBufferSize(maxSize) {
      this.#own;
      internals.need(arguments.length, 1, "Failed to execute 'setResourceTimingBufferSize' on 'Performance'");
      +maxSize;
    }
  }
  internals.attribute(Performance.prototype, 'resourcetimingbufferfull');
  internals.define('Performance', Performance);
  const performance = new Performance(key);
  internals.replaceable('performance', () => performance);
})
