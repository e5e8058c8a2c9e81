// URL and URLSearchParams (URL Standard, section 6) over the `url` crate. Adds isParams and writeParams to internals.
(function (host, internals) {
  'use strict';
  const { P, append, define } = internals;
  const parts = ['protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'hash'];
  let adopt;
  let listOf;

  class URLSearchParams {
    // Pairs of [name, value].
    #list = [];
    #changed = null;
    constructor(init = '') {
      if (internals.isObject(init)) {
        const pairs = internals.pairsOf(init, 'URLSearchParams');
        for (let at = 0; at < pairs.length; at++) append(this.#list, [`${pairs[at][0]}`, `${pairs[at][1]}`]);
      } else {
        const text = `${init}`;
        this.#parse(P.StringStartsWith(text, '?') ? P.StringSlice(text, 1) : text);
      }
    }
    static {
      internals.isParams = (value) => internals.isObject(value) && #list in value;
      listOf = (params) => params.#list;
      adopt = (params, query, changed) => {
        params.#changed = changed;
        params.#parse(query);
      };
    }
    #parse(text) {
      this.#list = [];
      const flat = host.parseForm(text);
      for (let at = 0; at + 1 < flat.length; at += 2) append(this.#list, [flat[at], flat[at + 1]]);
    }
    #update() { if (this.#changed !== null) this.#changed(write(this.#list)); }
    get size() { return this.#list.length; }
    append(name, value) {
      append(this.#list, [`${name}`, `${value}`]);
      this.#update();
    }
    delete(name, value) {
      name = `${name}`;
      const any = value === undefined;
      value = `${value}`;
      this.#list = internals.filter(this.#list, (pair) => pair[0] !== name || (!any && pair[1] !== value));
      this.#update();
    }
    get(name) {
      name = `${name}`;
      for (let at = 0; at < this.#list.length; at++) if (this.#list[at][0] === name) return this.#list[at][1];
      return null;
    }
    getAll(name) {
      name = `${name}`;
      const values = [];
      for (let at = 0; at < this.#list.length; at++) if (this.#list[at][0] === name) append(values, this.#list[at][1]);
      return values;
    }
    has(name, value) {
      name = `${name}`;
      const any = value === undefined;
      value = `${value}`;
      return internals.filter(this.#list, (pair) => pair[0] === name && (any || pair[1] === value)).length > 0;
    }
    set(name, value) {
      name = `${name}`;
      value = `${value}`;
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
    forEach(callback, self) {
      if (typeof callback !== 'function') throw new P.TypeError('URLSearchParams.forEach: not a function');
      for (let at = 0; at < this.#list.length; at++) {
        P.apply(callback, self, [this.#list[at][1], this.#list[at][0], this]);
      }
    }
    entries() { return internals.iterate('URLSearchParams', () => this.#list, (pair) => [pair[0], pair[1]]); }
    keys() { return internals.iterate('URLSearchParams', () => this.#list, (pair) => pair[0]); }
    values() { return internals.iterate('URLSearchParams', () => this.#list, (pair) => pair[1]); }
    toString() { return write(this.#list); }
  }
  P.defineProperty(URLSearchParams.prototype, P.iterator, {
    __proto__: null, value: URLSearchParams.prototype.entries, writable: true, configurable: true,
  });
  const write = (list) => {
    const flat = [];
    for (let at = 0; at < list.length; at++) {
      append(flat, list[at][0]);
      append(flat, list[at][1]);
    }
    return host.writeForm(flat);
  };
  internals.writeParams = (params) => write(listOf(params));
  define('URLSearchParams', URLSearchParams);

  const query = (href) => {
    const search = host.urlPart(href, 'search');
    return search === '' ? '' : P.StringSlice(search, 1);
  };
  class URL {
    #href;
    #params = null;
    constructor(url, base) {
      if (arguments.length === 0) throw new P.TypeError('URL: 1 argument required');
      const href = host.resolveUrl(`${url}`, base === undefined ? null : `${base}`);
      if (!href) throw new P.TypeError(`Failed to construct 'URL': Invalid URL '${url}'`);
      this.#href = href;
    }
    static {
      internals.urlGet = (url, part) => host.urlPart(url.#href, part);
      internals.urlSet = (url, part, value) => { url.#href = host.withUrlPart(url.#href, part, value); };
    }
    static canParse(url, base) { return !!host.resolveUrl(`${url}`, base === undefined ? null : `${base}`); }
    static parse(url, base) { return URL.canParse(url, base) ? new URL(url, base) : null; }
    static createObjectURL(blob) { return internals.createObjectUrl(blob); }
    static revokeObjectURL(url) { internals.revokeObjectUrl(`${url}`); }
    get href() { return this.#href; }
    set href(value) {
      const href = host.resolveUrl(`${value}`, null);
      if (!href) throw new P.TypeError(`Invalid URL '${value}'`);
      this.#href = href;
      this.#refresh();
    }
    get origin() { return host.urlPart(this.#href, 'origin'); }
    get search() { return host.urlPart(this.#href, 'search'); }
    set search(value) {
      this.#href = host.withUrlPart(this.#href, 'search', `${value}`);
      this.#refresh();
    }
    get searchParams() {
      if (this.#params === null) {
        this.#params = new URLSearchParams();
        this.#refresh();
      }
      return this.#params;
    }
    #refresh() {
      if (this.#params === null) return;
      adopt(this.#params, query(this.#href), (text) => {
        this.#href = host.withUrlPart(this.#href, 'search', text);
      });
    }
    toString() { return this.#href; }
    toJSON() { return this.#href; }
  }
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at];
    P.defineProperty(URL.prototype, part, {
      __proto__: null,
      enumerable: true,
      configurable: true,
      get() { return internals.urlGet(this, part); },
      set(value) { internals.urlSet(this, part, `${value}`); },
    });
  }
  // Service workers have no object URLs to make (File API, section 8.3: not exposed there).
  delete URL.createObjectURL;
  delete URL.revokeObjectURL;
  internals.objectUrl = () => undefined;
  define('URL', URL);
})
