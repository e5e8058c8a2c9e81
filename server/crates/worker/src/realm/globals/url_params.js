// URLSearchParams (URL Standard, section 6.2). Adds to internals: isParams, writeParams(params), newParams(changed),
// whose list goes to `changed` in its written form whenever script changes it, and readParams(params, query).
(function (host, internals) {
  'use strict';
  const { P, append } = internals;
  const key = {};
  let listOf;
  const write = (list) => {
    const flat = [];
    for (let at = 0; at < list.length; at++) {
      append(flat, list[at][0]);
      append(flat, list[at][1]);
    }
    return host.writeForm(flat);
  };
  const read = (text) => {
    const list = [];
    const flat = host.parseForm(text);
    for (let at = 0; at + 1 < flat.length; at += 2) append(list, [flat[at], flat[at + 1]]);
    return list;
  };
  // Web IDL's union of a sequence of pairs, a record and a text.
  const readInit = (init) => {
    const what = "Failed to construct 'URLSearchParams'";
    if (!internals.isObject(init)) {
      const text = internals.toUsv(init);
      return read(P.StringStartsWith(text, '?') ? P.StringSlice(text, 1) : text);
    }
    return internals.pairs(init, what, internals.toUsv);
  };

  class URLSearchParams {
    // Pairs of [name, value].
    #list;
    #changed = null;
    constructor(init = '') {
      if (init === key) this.#list = [];
      else this.#list = readInit(init);
    }
    static {
      internals.isParams = (value) => internals.isObject(value) && #list in value;
      listOf = (params) => params.#list;
      internals.newParams = (changed) => {
        const params = new URLSearchParams(key);
        params.#changed = changed;
        return params;
      };
      internals.readParams = (params, query) => { params.#list = read(query); };
    }
    #update() { if (this.#changed !== null) this.#changed(write(this.#list)); }
    #need(method, count, least) { internals.need(count, least, `Failed to execute '${method}' on 'URLSearchParams'`); }
    get size() { return this.#list.length; }
    append(name, value) {
      this.#need('append', arguments.length, 2);
      append(this.#list, [internals.toUsv(name), internals.toUsv(value)]);
      this.#update();
    }
    #matches(name, value) {
      name = internals.toUsv(name);
      const any = value === undefined;
      if (!any) value = internals.toUsv(value);
      return (pair) => pair[0] === name && (any || pair[1] === value);
    }
    delete(name, value = undefined) {
      this.#need('delete', arguments.length, 1);
      const matches = this.#matches(name, value);
      this.#list = internals.filter(this.#list, (pair) => !matches(pair));
      this.#update();
    }
    get(name) {
      this.#need('get', arguments.length, 1);
      const found = internals.filter(this.#list, this.#matches(name, undefined));
      return found.length === 0 ? null : found[0][1];
    }
    getAll(name) {
      this.#need('getAll', arguments.length, 1);
      const found = internals.filter(this.#list, this.#matches(name, undefined));
      const values = [];
      for (let at = 0; at < found.length; at++) append(values, found[at][1]);
      return values;
    }
    has(name, value = undefined) {
      this.#need('has', arguments.length, 1);
      return internals.filter(this.#list, this.#matches(name, value)).length > 0;
    }
    set(name, value) {
      this.#need('set', arguments.length, 2);
      name = internals.toUsv(name);
      value = internals.toUsv(value);
      let found = false;
      this.#list = internals.filter(this.#list, (pair) => {
        if (pair[0] !== name) return true;
        if (found) return false;
        found = true;
        pair[1] = value;
        return true;
      });
      if (!found) append(this.#list, [name, value]);
      this.#update();
    }
    sort() {
      P.ArraySort(this.#list, (one, other) => (one[0] < other[0] ? -1 : one[0] > other[0] ? 1 : 0));
      this.#update();
    }
    toString() { return write(this.#list); }
    forEach(callback, thisArg = undefined) {
      this.#need('forEach', arguments.length, 1);
      if (typeof callback !== 'function') throw new P.TypeError('URLSearchParams.forEach: the callback is not a function.');
      for (let at = 0; at < this.#list.length; at++) {
        P.apply(callback, thisArg, [this.#list[at][1], this.#list[at][0], this]);
      }
    }
    entries() {
      this.#list;
      return internals.iterate('URLSearchParams', () => this.#list, (pair) => [pair[0], pair[1]]);
    }
    keys() {
      this.#list;
      return internals.iterate('URLSearchParams', () => this.#list, (pair) => pair[0]);
    }
    values() {
      this.#list;
      return internals.iterate('URLSearchParams', () => this.#list, (pair) => pair[1]);
    }
  }
  internals.define('URLSearchParams', URLSearchParams);
  P.defineProperty(URLSearchParams.prototype, P.iterator, {
    __proto__: null, value: URLSearchParams.prototype.entries, writable: true, configurable: true,
  });
  internals.writeParams = (params) => write(listOf(params));
})
