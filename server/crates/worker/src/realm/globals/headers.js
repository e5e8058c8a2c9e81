// Headers with their guards (Fetch, sections 2.2 and 5.1). A header list is an array of [name in lower case, value].
// Adds newHeaders(list, guard), headerList(headers), fillHeaders, isHeaders, getHeader(list, name), setHeader,
// copyHeaders(headers, list), which leaves script's iterators alone, and trim to internals.
(function (host, internals) {
  'use strict';
  const { P, append, define, filter } = internals;
  const key = {};
  const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
  const badValue = /[\0\r\n]|[^\0-\xff]/;
  const edges = /^[\t\n\r ]*((?:[^]*[^\t\n\r ])?)[\t\n\r ]*$/;
  const matches = (pattern, text) => P.RegExpExec(pattern, text) !== null;
  internals.matches = matches;

  internals.trim = (text) => P.RegExpExec(edges, text)[1];
  internals.getHeader = (list, name) => {
    let value = null;
    for (let at = 0; at < list.length; at++) {
      if (list[at][0] === name) value = value === null ? list[at][1] : value + ', ' + list[at][1];
    }
    return value;
  };
  internals.setHeader = (list, name, value) => {
    let found = false;
    for (let at = 0; at < list.length; at++) {
      if (list[at][0] !== name) continue;
      if (!found) list[at] = [name, value];
      else list[at] = null;
      found = true;
    }
    if (!found) append(list, [name, value]);
    else removeNulls(list);
  };
  const removeNulls = (list) => {
    const kept = filter(list, (pair) => pair !== null);
    list.length = 0;
    for (let at = 0; at < kept.length; at++) append(list, kept[at]);
  };

  const forbidden = {
    __proto__: null, 'accept-charset': 1, 'accept-encoding': 1, 'access-control-request-headers': 1,
    'access-control-request-method': 1, connection: 1, 'content-length': 1, cookie: 1, cookie2: 1, date: 1, dnt: 1,
    expect: 1, host: 1, 'keep-alive': 1, origin: 1, referer: 1, 'set-cookie': 1, te: 1, trailer: 1,
    'transfer-encoding': 1, upgrade: 1, via: 1,
  };
  const isForbidden = (name) => forbidden[name] === 1
    || P.StringStartsWith(name, 'proxy-') || P.StringStartsWith(name, 'sec-');
  const simple = { __proto__: null, accept: 1, 'accept-language': 1, 'content-language': 1, 'content-type': 1 };
  const simpleType = /^[\t ]*(?:application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)[\t ]*(?:;|$)/i;
  // Fetch, "CORS-unsafe request-header byte", and what a list of languages is made of.
  const unsafeByte = /[\0-\x08\x0a-\x1f"():<>?@[\\\]{}\x7f]/;
  const languages = /^[0-9A-Za-z *,\-.;=]*$/;
  const simpleRange = /^bytes=\d+-\d*$/i;
  // Fetch, "CORS-safelisted request-header".
  internals.isSimpleHeader = (name, value) => {
    if (value.length > 128) return false;
    if (name === 'range') return matches(simpleRange, value);
    if (simple[name] !== 1) return false;
    if (name === 'accept') return !matches(unsafeByte, value);
    if (name === 'content-type') return !matches(unsafeByte, value) && matches(simpleType, value);
    return matches(languages, value);
  };
  const methodNames = /^x-(?:http-method(?:-override)?|method-override)$/;
  const isForbiddenMethod = (value) => {
    const methods = P.StringSplit(value, ',');
    for (let at = 0; at < methods.length; at++) {
      if (matches(/^(?:connect|trace|track)$/i, internals.trim(methods[at]))) return true;
    }
    return false;
  };

  const isCookie = (name) => name === 'set-cookie' || name === 'set-cookie2';
  // Fetch, "validate": whether a change goes on.
  const validate = (guard, name, value) => {
    if (!matches(token, name)) throw new P.TypeError(`Headers: ${name} is not a legal HTTP header name`);
    if (matches(badValue, value)) throw new P.TypeError('Headers: not a legal HTTP header value');
    if (guard === 'immutable') throw new P.TypeError('Headers are immutable');
    const lower = P.StringToLowerCase(name);
    if (guard !== 'request' && guard !== 'request-no-cors') return guard !== 'response' || !isCookie(lower);
    if (isForbidden(lower) || (matches(methodNames, lower) && isForbiddenMethod(value))) return false;
    return true;
  };

  const sorted = (list) => {
    const names = [];
    for (let at = 0; at < list.length; at++) {
      if (!P.ArrayIncludes(names, list[at][0])) append(names, list[at][0]);
    }
    P.ArraySort(names);
    const pairs = [];
    for (let at = 0; at < names.length; at++) {
      if (names[at] === 'set-cookie') {
        for (let of = 0; of < list.length; of++) {
          if (list[of][0] === 'set-cookie') append(pairs, ['set-cookie', list[of][1]]);
        }
      } else {
        append(pairs, [names[at], internals.getHeader(list, names[at])]);
      }
    }
    return pairs;
  };

  class Headers {
    #list = [];
    #guard = 'none';
    constructor(init, given, list, guard) {
      if (given === key) {
        this.#list = list;
        this.#guard = guard;
      } else if (init !== undefined) {
        this.#fill(init);
      }
    }
    static {
      internals.isHeaders = (value) => internals.isObject(value) && #list in value;
      internals.headerList = (headers) => headers.#list;
      internals.newHeaders = (list, guard) => new Headers(undefined, key, list, guard);
      internals.fillHeaders = (headers, init) => headers.#fill(init);
      internals.copyHeaders = (headers, list) => headers.#copy(list);
      internals.setGuard = (headers, guard) => { headers.#guard = guard; };
    }
    #fill(init) {
      const what = "Failed to construct 'Headers'";
      if (!internals.isObject(init)) throw new P.TypeError(`${what}: the init is neither a sequence nor a record.`);
      this.#copy(internals.pairs(init, what, internals.toByteString));
    }
    #copy(pairs) {
      for (let at = 0; at < pairs.length; at++) this.#append(pairs[at][0], pairs[at][1]);
    }
    #append(name, value) {
      value = internals.trim(value);
      if (!validate(this.#guard, name, value)) return;
      const lower = P.StringToLowerCase(name);
      if (this.#guard === 'request-no-cors') {
        const before = internals.getHeader(this.#list, lower);
        const whole = before === null ? value : before + ', ' + value;
        if (simple[lower] !== 1 || !internals.isSimpleHeader(lower, whole)) return;
      }
      append(this.#list, [lower, value]);
    }
    append(name, value) {
      internals.need(arguments.length, 2, "Failed to execute 'append' on 'Headers'");
      this.#append(internals.toByteString(name), internals.toByteString(value));
    }
    set(name, value) {
      internals.need(arguments.length, 2, "Failed to execute 'set' on 'Headers'");
      name = internals.toByteString(name);
      value = internals.trim(internals.toByteString(value));
      if (!validate(this.#guard, name, value)) return;
      name = P.StringToLowerCase(name);
      if (this.#guard === 'request-no-cors' && (simple[name] !== 1 || !internals.isSimpleHeader(name, value))) return;
      internals.setHeader(this.#list, name, value);
    }
    delete(name) {
      internals.need(arguments.length, 1, "Failed to execute 'delete' on 'Headers'");
      name = internals.toByteString(name);
      if (!validate(this.#guard, name, '')) return;
      name = P.StringToLowerCase(name);
      if (this.#guard === 'request-no-cors' && simple[name] !== 1 && name !== 'range') return;
      const kept = filter(this.#list, (pair) => pair[0] !== name);
      this.#list.length = 0;
      for (let at = 0; at < kept.length; at++) append(this.#list, kept[at]);
    }
    get(name) {
      name = `${name}`;
      if (!matches(token, name)) throw new P.TypeError(`Headers: ${name} is not a legal HTTP header name`);
      return internals.getHeader(this.#list, P.StringToLowerCase(name));
    }
    has(name) {
      name = `${name}`;
      if (!matches(token, name)) throw new P.TypeError(`Headers: ${name} is not a legal HTTP header name`);
      return internals.getHeader(this.#list, P.StringToLowerCase(name)) !== null;
    }
    getSetCookie() {
      const cookies = [];
      for (let at = 0; at < this.#list.length; at++) {
        if (this.#list[at][0] === 'set-cookie') append(cookies, this.#list[at][1]);
      }
      return cookies;
    }
    forEach(callback, self) {
      if (typeof callback !== 'function') throw new P.TypeError('Headers.forEach: not a function');
      const pairs = sorted(this.#list);
      for (let at = 0; at < pairs.length; at++) P.apply(callback, self, [pairs[at][1], pairs[at][0], this]);
    }
    entries() {
      this.#list;
      return internals.iterate('Headers', () => sorted(this.#list), (pair) => [pair[0], pair[1]]);
    }
    keys() {
      this.#list;
      return internals.iterate('Headers', () => sorted(this.#list), (pair) => pair[0]);
    }
    values() {
      this.#list;
      return internals.iterate('Headers', () => sorted(this.#list), (pair) => pair[1]);
    }
  }
  P.defineProperty(Headers.prototype, P.iterator, {
    __proto__: null, value: Headers.prototype.entries, writable: true, configurable: true,
  });
  define('Headers', Headers);
})
