// ProgressEvent (XMLHttpRequest Standard, section 6). Adds it to internals.
(function (host, internals) {
  'use strict';
  class ProgressEvent extends internals.Event {
    #lengthComputable = false;
    #loaded = 0;
    #total = 0;
    constructor(type, init = undefined) {
      const what = "Failed to construct 'ProgressEvent'";
      internals.need(arguments.length, 1, what);
      const given = internals.dictionary(init, what);
      super(type, init);
      const { lengthComputable } = given;
      this.#lengthComputable = !!lengthComputable;
      const { loaded } = given;
      if (loaded !== undefined) this.#loaded = internals.toDouble(loaded, what);
      const { total } = given;
      if (total !== undefined) this.#total = internals.toDouble(total, what);
    }
    get lengthComputable() { return this.#lengthComputable; }
    get loaded() { return this.#loaded; }
    get total() { return this.#total; }
  }
  internals.ProgressEvent = ProgressEvent;
  internals.define('ProgressEvent', ProgressEvent);
})
