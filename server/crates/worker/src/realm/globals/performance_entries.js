// PerformanceEntry (Performance Timeline, section 4), PerformanceMark and PerformanceMeasure (User Timing Level 3).
// Adds to internals: PerformanceMark, newMeasure(name, startTime, duration, detail), entryOf(entry) -> { name, type,
// startTime }, selectEntries(list, name, type), where null selects any, readDetail(options).
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const key = {};

  class PerformanceEntry {
    #name;
    #type;
    #startTime;
    #duration;
    constructor(given = undefined, name = undefined, type = undefined, startTime = 0, duration = 0) {
      if (given !== key) internals.illegal();
      this.#name = name;
      this.#type = type;
      this.#startTime = startTime;
      this.#duration = duration;
    }
    static {
      internals.entryOf = (entry) => ({
        __proto__: null, name: entry.#name, type: entry.#type, startTime: entry.#startTime, duration: entry.#duration,
      });
    }
    get name() { return this.#name; }
    get entryType() { return this.#type; }
    get startTime() { return this.#startTime; }
    get duration() { return this.#duration; }
    toJSON() {
      const json = { name: this.#name, entryType: this.#type, startTime: this.#startTime, duration: this.#duration };
      const detail = detailOf(this);
      if (detail !== undefined) json.detail = detail;
      return json;
    }
  }
  internals.define('PerformanceEntry', PerformanceEntry);

  // What a mark or a measure carries is a copy: null unless something was given.
  const cloneDetail = (detail) => (detail === undefined || detail === null ? null : internals.clone(detail));
  let markDetail;
  let measureDetail;
  class PerformanceMark extends PerformanceEntry {
    #detail;
    constructor(markName, markOptions = undefined) {
      const what = "Failed to construct 'PerformanceMark'";
      internals.need(arguments.length, 1, what);
      const name = `${markName}`;
      const options = internals.dictionary(markOptions, what);
      const { detail } = options;
      let { startTime } = options;
      if (startTime !== undefined) startTime = internals.toDouble(startTime, what);
      if (startTime === undefined) startTime = host.elapsed();
      else if (startTime < 0) throw new P.TypeError(`${what}: the start time is negative.`);
      const copy = cloneDetail(detail);
      super(key, name, 'mark', startTime, 0);
      this.#detail = copy;
    }
    static { markDetail = (entry) => (#detail in entry ? entry.#detail : undefined); }
    get detail() { return this.#detail; }
  }
  internals.PerformanceMark = PerformanceMark;
  internals.define('PerformanceMark', PerformanceMark);

  class PerformanceMeasure extends PerformanceEntry {
    #detail;
    constructor(given = undefined, name = undefined, startTime = 0, duration = 0, detail = undefined) {
      if (given !== key) internals.illegal();
      super(key, name, 'measure', startTime, duration);
      this.#detail = detail;
    }
    static {
      measureDetail = (entry) => (#detail in entry ? entry.#detail : undefined);
      internals.newMeasure = (name, startTime, duration, detail) =>
        new PerformanceMeasure(key, name, startTime, duration, cloneDetail(detail));
    }
    get detail() { return this.#detail; }
  }
  internals.define('PerformanceMeasure', PerformanceMeasure);
  const detailOf = (entry) => {
    const detail = markDetail(entry);
    return detail === undefined ? measureDetail(entry) : detail;
  };

  // "Filter buffer by name and type", in the order of their start.
  internals.selectEntries = (list, name, type) => {
    const found = internals.filter(list, (entry) => {
      const of = internals.entryOf(entry);
      return (name === null || of.name === name) && (type === null || of.type === type);
    });
    P.ArraySort(found, (one, other) => internals.entryOf(one).startTime - internals.entryOf(other).startTime);
    return found;
  };
})
