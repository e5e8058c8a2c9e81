// FormData (XMLHttpRequest Standard, section 5). Adds isForm, formList(form), an array of [name, text or File], and
// newForm(list) to internals.
(function (host, internals) {
  'use strict';
  const { P, append } = internals;
  const key = {};

  // "Create an entry", with the conversions of the two overloads of `append` and `set`.
  const entryOf = (method, args) => {
    const what = `Failed to execute '${method}' on 'FormData'`;
    internals.need(args.length, 2, what);
    const name = internals.toUsv(args[0]);
    const value = args[1];
    if (!internals.isBlob(value)) {
      if (args.length > 2) throw new P.TypeError(`${what}: parameter 2 is not of type 'Blob'.`);
      return [name, internals.toUsv(value)];
    }
    const filename = args[2] === undefined ? undefined : internals.toUsv(args[2]);
    if (internals.isFile(value) && filename === undefined) return [name, value];
    return [name, internals.newFile(internals.blobBytes(value), filename === undefined ? 'blob' : filename,
      internals.blobType(value), internals.isFile(value) ? internals.fileTime(value) : undefined)];
  };

  class FormData {
    #list = [];
    constructor(form = undefined, submitter = undefined) {
      if (form === key) this.#list = submitter;
      else if (form !== undefined) throw new P.TypeError("Failed to construct 'FormData': there are no forms in a worker.");
    }
    static {
      internals.isForm = (value) => internals.isObject(value) && #list in value;
      internals.formList = (form) => form.#list;
      internals.newForm = (list) => new FormData(key, list);
    }
    append(name, value) {
      const list = this.#list;
      append(list, entryOf('append', arguments));
    }
    set(name, value) {
      const list = this.#list;
      const entry = entryOf('set', arguments);
      let found = false;
      this.#list = internals.filter(list, (pair) => {
        if (pair[0] !== entry[0]) return true;
        if (found) return false;
        found = true;
        pair[1] = entry[1];
        return true;
      });
      if (!found) append(this.#list, entry);
    }
    #find(method, count, name) {
      const list = this.#list;
      internals.need(count, 1, `Failed to execute '${method}' on 'FormData'`);
      name = internals.toUsv(name);
      return internals.filter(list, (pair) => pair[0] === name);
    }
    delete(name) {
      const found = this.#find('delete', arguments.length, name);
      if (found.length > 0) this.#list = internals.filter(this.#list, (pair) => pair[0] !== found[0][0]);
    }
    get(name) {
      const found = this.#find('get', arguments.length, name);
      return found.length === 0 ? null : found[0][1];
    }
    getAll(name) {
      const found = this.#find('getAll', arguments.length, name);
      const values = [];
      for (let at = 0; at < found.length; at++) append(values, found[at][1]);
      return values;
    }
    has(name) { return this.#find('has', arguments.length, name).length > 0; }
    forEach(callback, thisArg = undefined) {
      this.#list;
      internals.need(arguments.length, 1, "Failed to execute 'forEach' on 'FormData'");
      if (typeof callback !== 'function') throw new P.TypeError('FormData.forEach: the callback is not a function.');
      for (let at = 0; at < this.#list.length; at++) {
        P.apply(callback, thisArg, [this.#list[at][1], this.#list[at][0], this]);
      }
    }
    entries() {
      this.#list;
      return internals.iterate('FormData', () => this.#list, (pair) => [pair[0], pair[1]]);
    }
    keys() {
      this.#list;
      return internals.iterate('FormData', () => this.#list, (pair) => pair[0]);
    }
    values() {
      this.#list;
      return internals.iterate('FormData', () => this.#list, (pair) => pair[1]);
    }
  }
  internals.define('FormData', FormData);
  P.defineProperty(FormData.prototype, P.iterator, {
    __proto__: null, value: FormData.prototype.entries, writable: true, configurable: true,
  });
})
