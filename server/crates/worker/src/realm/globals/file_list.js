// FileList (File API, section 5). Forms and drops make lists, which a worker has not: the interface is there to ask for.
(function (host, internals) {
  'use strict';
  class FileList {
    #files = [];
    constructor() { internals.illegal(); }
    get length() { return this.#files.length; }
    item(index) {
      const files = this.#files;
      internals.need(arguments.length, 1, "Failed to execute 'item' on 'FileList'");
      return files[index >>> 0] ?? null;
    }
  }
  internals.define('FileList', FileList);
})
