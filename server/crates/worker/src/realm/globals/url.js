// URL (URL Standard, section 6.1) over the natives' URL parser. Adds objectUrl, which finds none, to internals.
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const parts = ['protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'hash'];
  const resolve = (url, base) => {
    const text = internals.toUsv(url);
    return host.resolveUrl(text, base === undefined ? null : internals.toUsv(base)) || null;
  };
  const query = (href) => {
    const search = host.urlPart(href, 'search');
    return search === '' ? '' : P.StringSlice(search, 1);
  };

  class URL {
    #href;
    #params = null;
    constructor(url, base = undefined) {
      internals.need(arguments.length, 1, "Failed to construct 'URL'");
      const href = resolve(url, base);
      if (href === null) throw new P.TypeError("Failed to construct 'URL': Invalid URL");
      this.#href = href;
    }
    static {
      internals.urlGet = (url, part) => host.urlPart(url.#href, part);
      internals.urlSet = (url, part, value) => { url.#href = host.withUrlPart(url.#href, part, internals.toUsv(value)); };
    }
    static parse(url, base = undefined) {
      internals.need(arguments.length, 1, "Failed to execute 'parse' on 'URL'");
      const href = resolve(url, base);
      return href === null ? null : new URL(href);
    }
    static canParse(url, base = undefined) {
      internals.need(arguments.length, 1, "Failed to execute 'canParse' on 'URL'");
      return resolve(url, base) !== null;
    }
    get href() { return this.#href; }
    set href(value) {
      this.#href;
      const href = resolve(value, undefined);
      if (href === null) throw new P.TypeError("Failed to set the 'href' property on 'URL': Invalid URL");
      this.#href = href;
      this.#refresh();
    }
    get origin() { return host.urlPart(this.#href, 'origin'); }
    get search() { return host.urlPart(this.#href, 'search'); }
    set search(value) {
      internals.urlSet(this, 'search', value);
      this.#refresh();
    }
    get searchParams() {
      if (this.#params === null) {
        this.#params = internals.newParams((text) => { this.#href = host.withUrlPart(this.#href, 'search', text); });
        this.#refresh();
      }
      return this.#params;
    }
    #refresh() { if (this.#params !== null) internals.readParams(this.#params, query(this.#href)); }
    toString() { return this.#href; }
    toJSON() { return this.#href; }
  }
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at];
    P.defineProperty(URL.prototype, part, P.Object_getOwnPropertyDescriptor({
      get [part]() { return internals.urlGet(this, part); },
      set [part](value) { internals.urlSet(this, part, value); },
    }, part));
  }
  // Service workers make no object URLs (File API, section 8.4): `createObjectURL` is not exposed there.
  internals.objectUrl = () => undefined;
  internals.define('URL', URL);
})
