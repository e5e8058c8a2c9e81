// Cache and CacheStorage (Service Workers, section 5). What is stored lies in Rust, which notes each change as it
// makes it: script may replace every method here and still can't write unseen.
(function (host, internals) {
  'use strict';
  const { P, append, hear, fail, publish, provide } = internals;
  const fetch = globalThis.fetch;
  const key = {};
  const isStorable = (url) => P.StringStartsWith(url, 'http:') || P.StringStartsWith(url, 'https:');

  // A method of a promise type rejects where another would throw (Web IDL, section 3.7.7).
  const needArguments = (count, needed, name) => {
    if (count < needed) throw new P.TypeError(`${name}: ${needed} argument(s) required, but only ${count} present.`);
  };

  // Section 5.4, CacheQueryOptions; `cacheName` is MultiCacheQueryOptions'.
  const readOptions = (options) => {
    if (options !== undefined && options !== null && !internals.isObject(options)) {
      throw new P.TypeError('CacheQueryOptions: not an object');
    }
    return {
      __proto__: null,
      ignoreSearch: !!options?.ignoreSearch,
      ignoreMethod: !!options?.ignoreMethod,
      ignoreVary: !!options?.ignoreVary,
      cacheName: options?.cacheName === undefined ? null : toStored(options.cacheName),
    };
  };

  // A name is any text, what Rust holds is well-formed: lone surrogates are written down after a mark.
  const MARK = '\u{10ffff}';
  const toStored = (value) => {
    const name = P.String(value);
    if (P.StringIsWellFormed(name) && !P.StringStartsWith(name, MARK)) return name;
    let stored = MARK;
    for (let at = 0; at < name.length; at++) stored += (at === 0 ? '' : ' ') + P.NumberToString(P.StringCharCodeAt(name, at), 16);
    return stored;
  };
  const fromStored = (stored) => {
    if (!P.StringStartsWith(stored, MARK)) return stored;
    const codes = P.StringSplit(P.StringSlice(stored, MARK.length), ' ');
    let name = '';
    for (let at = 0; at < codes.length; at++) name += P.String_fromCharCode(+`0x${codes[at]}`);
    return name;
  };

  // A RequestInfo as the state of a request.
  const toRequest = (input) => (internals.isRequest(input) ? input : internals.toRequest(input));
  const readRequest = (input) => internals.requestState(toRequest(input));
  const queryOf = (request) => ({
    __proto__: null, url: internals.stripFragment(request.url), method: request.method, headers: request.headers,
  });

  // The field names of a response's Vary, in lower case.
  const varyOf = (response) => {
    const value = internals.getHeader(internals.trueState(response).headers, 'vary');
    if (value === null) return [];
    const names = P.StringSplit(P.StringToLowerCase(value), ',');
    const vary = [];
    for (let at = 0; at < names.length; at++) {
      const name = internals.trim(names[at]);
      if (name !== '') append(vary, name);
    }
    return vary;
  };

  // What is kept of a request and of a response besides the body: plain values, which Rust holds as JSON.
  const flatRequest = (state) => ({
    __proto__: null, url: state.url, method: state.method, headers: state.headers, mode: state.mode,
    credentials: state.credentials, cache: state.cache, redirect: state.redirect, referrer: state.referrer,
    referrerPolicy: state.referrerPolicy, integrity: state.integrity, destination: state.destination,
  });
  const flatResponse = (state) => ({
    __proto__: null, type: state.type, urls: state.urls, status: state.status, statusText: state.statusText,
    headers: state.headers, hasBody: state.body !== null,
    hidden: state.hidden === null ? null : flatResponse(state.hidden),
  });
  const wholeResponse = (flat, bytes, source) => {
    const state = internals.emptyResponse();
    state.type = flat.type;
    state.urls = flat.urls;
    state.status = flat.status;
    state.statusText = flat.statusText;
    state.headers = flat.headers;
    state.hidden = flat.hidden === null ? null : wholeResponse(flat.hidden, bytes, source);
    state.body = flat.hasBody ? internals.newBody(bytes, source) : null;
    return state;
  };

  // Each match gives a response of its own, whose body nobody has read.
  const readEntry = (cache, entry) => {
    const { response, source, body } = host.cacheResponse(cache, entry);
    return internals.newResponse(wholeResponse(response, body, source), 'immutable');
  };
  const readKey = (cache, entry) => {
    const state = P.Object_assign(internals.emptyRequest(), host.cacheRequest(cache, entry));
    return internals.newRequest(state, 'immutable');
  };

  // Section 5.4.5, put, the steps before the body is read.
  const needStorable = (request, response) => {
    if (!isStorable(request.url)) throw new P.TypeError(`Cache: the scheme of '${request.url}' is unsupported`);
    if (request.method !== 'GET') throw new P.TypeError(`Cache: the method '${request.method}' is unsupported`);
    const real = internals.trueState(response);
    if (real.status === 206) throw new P.TypeError('Cache: a partial response (status code 206) is unsupported');
    if (P.ArrayIncludes(varyOf(response), '*')) throw new P.TypeError('Cache: the Vary header contains *');
    if (internals.isUnusable(real.body)) throw new P.TypeError('Cache: the response body is already used');
  };

  const write = (cache, how, request, response, bytes, place) => {
    const entry = {
      __proto__: null, query: queryOf(request), vary: varyOf(response), request: flatRequest(request),
      response: flatResponse(response), seen: internals.seen(response, bytes),
    };
    if (!host.cachePut(cache, how, entry, bytes, place)) throw fail('QuotaExceededError', 'Quota exceeded.');
  };

  // `await` asks a promise for its constructor and its `then`, which are script's to replace: what leads to a write
  // goes without.
  const attempt = (act, reject) => (value) => {
    try {
      act(value);
    } catch (error) {
      reject(error);
    }
  };
  const promise = (act) => new P.Promise((resolve, reject) => attempt(() => act(resolve, reject), reject)());
  // Web IDL, a sequence: through its iterator, unless that of arrays was replaced.
  const listOf = (requests) => {
    if (!P.Array_isArray(requests)) return P.Array_from(requests);
    const list = [];
    for (let at = 0; at < requests.length; at++) append(list, requests[at]);
    return list;
  };

  // Section 5.4.3 and 5.4.4: everything is fetched and read to its end, then all is written, or nothing.
  const fetchAll = (cache, how, inputs, place, resolve, reject) => {
    const requests = [];
    for (let at = 0; at < inputs.length; at++) {
      const request = toRequest(inputs[at]);
      const { url, method } = internals.requestState(request);
      if (!isStorable(url)) throw new P.TypeError(`Cache: the scheme of '${url}' is unsupported`);
      if (method !== 'GET') throw new P.TypeError(`Cache: the method '${method}' is unsupported`);
      append(requests, request);
    }
    const got = [];
    let missing = requests.length;
    if (missing === 0) resolve();
    const finish = () => {
      needDistinct(got);
      for (let at = 0; at < got.length; at++) {
        write(cache, how, got[at].request, got[at].response, got[at].bytes, place);
      }
      resolve();
    };
    for (let at = 0; at < requests.length; at++) {
      const request = internals.requestState(requests[at]);
      const one = { __proto__: null, request, response: null, bytes: null };
      append(got, one);
      hear(fetch(requests[at]), attempt((fetched) => {
        one.response = internals.responseState(fetched);
        // An opaque response has the status 0 and is refused here too.
        if (one.response.status < 200 || one.response.status > 299) {
          throw new P.TypeError(`Cache.${how}: the request of ${request.url} failed (status ${one.response.status})`);
        }
        needStorable(request, one.response);
        internals.consume(internals.trueState(one.response).body, attempt((bytes) => {
          one.bytes = bytes;
          missing -= 1;
          if (missing === 0) finish();
        }, reject), reject);
      }, reject), reject);
    }
  };

  // "Batch cache operations": two entries of one batch may not match each other.
  const needDistinct = (got) => {
    const byUrl = new P.Map();
    for (let at = 0; at < got.length; at++) {
      const { url } = queryOf(got[at].request);
      const same = P.MapGet(byUrl, url);
      if (same === undefined) {
        P.MapSet(byUrl, url, [got[at]]);
        continue;
      }
      for (let of = 0; of < same.length; of++) {
        if (varyOf(same[of].response).length === 0 || hasSameVary(same[of], got[at])) {
          throw fail('InvalidStateError', `Cache.addAll: duplicate requests (${url}).`);
        }
      }
      append(same, got[at]);
    }
  };
  const hasSameVary = (one, other) => {
    const vary = varyOf(one.response);
    for (let at = 0; at < vary.length; at++) {
      const name = vary[at];
      if (internals.getHeader(one.request.headers, name) !== internals.getHeader(other.request.headers, name)) return false;
    }
    return true;
  };

  class Cache {
    #id;
    constructor(given, id) {
      if (given !== key) throw new P.TypeError('Illegal constructor');
      this.#id = id;
    }
    async match(request, options = undefined) {
      const id = this.#id;
      needArguments(arguments.length, 1, 'Cache.match');
      const found = host.cacheMatch(id, queryOf(readRequest(request)), readOptions(options));
      return found.length === 0 ? undefined : readEntry(id, found[0]);
    }
    async matchAll(request = undefined, options = undefined) {
      const id = this.#id;
      const query = request === undefined ? null : queryOf(readRequest(request));
      const found = host.cacheMatch(id, query, readOptions(options));
      const responses = [];
      for (let at = 0; at < found.length; at++) append(responses, readEntry(id, found[at]));
      return P.Object_freeze(responses);
    }
    add(request) {
      const place = internals.place();
      const given = arguments.length;
      return promise((resolve, reject) => {
        const id = this.#id;
        needArguments(given, 1, 'Cache.add');
        fetchAll(id, 'add', [request], place, resolve, reject);
      });
    }
    addAll(requests) {
      const place = internals.place();
      const given = arguments.length;
      return promise((resolve, reject) => {
        const id = this.#id;
        needArguments(given, 1, 'Cache.addAll');
        fetchAll(id, 'addAll', listOf(requests), place, resolve, reject);
      });
    }
    put(request, response) {
      const place = internals.place();
      const given = arguments.length;
      return promise((resolve, reject) => {
        const id = this.#id;
        needArguments(given, 2, 'Cache.put');
        const wanted = readRequest(request);
        if (!internals.isResponse(response)) throw new P.TypeError("Cache.put: parameter 2 is not of type 'Response'.");
        const state = internals.responseState(response);
        needStorable(wanted, state);
        internals.consume(internals.trueState(state).body, attempt((bytes) => {
          write(id, 'put', wanted, state, bytes, place);
          resolve();
        }, reject), reject);
      });
    }
    async delete(request, options = undefined) {
      const id = this.#id;
      needArguments(arguments.length, 1, 'Cache.delete');
      return host.cacheDelete(id, queryOf(readRequest(request)), readOptions(options));
    }
    async keys(request = undefined, options = undefined) {
      const id = this.#id;
      const query = request === undefined ? null : queryOf(readRequest(request));
      const found = host.cacheMatch(id, query, readOptions(options));
      const requests = [];
      for (let at = 0; at < found.length; at++) append(requests, readKey(id, found[at]));
      return P.Object_freeze(requests);
    }
  }

  class CacheStorage {
    #own = true;
    constructor(given) {
      if (given !== key) throw new P.TypeError('Illegal constructor');
    }
    // Section 5.5.1.
    async match(request, options = undefined) {
      this.#own;
      needArguments(arguments.length, 1, 'CacheStorage.match');
      const query = queryOf(readRequest(request));
      const read = readOptions(options);
      const names = read.cacheName === null ? host.cacheNames() : [read.cacheName];
      for (let at = 0; at < names.length; at++) {
        const id = host.cacheFind(names[at]);
        if (id === undefined || id === null) continue;
        const found = host.cacheMatch(id, query, read);
        if (found.length > 0) return readEntry(id, found[0]);
      }
      return undefined;
    }
    async has(name) {
      this.#own;
      needArguments(arguments.length, 1, 'CacheStorage.has');
      const id = host.cacheFind(toStored(name));
      return id !== undefined && id !== null;
    }
    async open(name) {
      this.#own;
      needArguments(arguments.length, 1, 'CacheStorage.open');
      return new Cache(key, host.cacheOpen(toStored(name)));
    }
    async delete(name) {
      this.#own;
      needArguments(arguments.length, 1, 'CacheStorage.delete');
      return host.cacheDrop(toStored(name));
    }
    async keys() {
      this.#own;
      const stored = host.cacheNames();
      const names = [];
      for (let at = 0; at < stored.length; at++) append(names, fromStored(stored[at]));
      return names;
    }
  }

  publish({ __proto__: null, Cache, CacheStorage });
  const caches = new CacheStorage(key);
  provide('caches', () => caches);
})
