// URLPattern (URL Pattern Standard, sections 1.2 to 1.5 and 3). Adds isSpecialPattern and patternProtocol, which
// urlpattern_string.js needs, to internals.
(function (host, internals) {
  'use strict';
  const { P, append } = internals;
  const components = ['protocol', 'username', 'password', 'hostname', 'port', 'pathname', 'search', 'hash'];
  const members = ['baseURL', 'hash', 'hostname', 'password', 'pathname', 'port', 'protocol', 'search', 'username'];
  const defaultPorts = { __proto__: null, ftp: '21', file: '', http: '80', https: '443', ws: '80', wss: '443' };
  const specials = P.ownKeys(defaultPorts);
  const refuse = (why) => { throw new P.TypeError(`URLPattern: ${why}`); };

  const canonicalize = (component, value, protocol = '') => {
    const canonical = host.canonicalize(component, value, protocol);
    if (typeof canonical !== 'string') refuse(`'${value}' is not a valid ${component === 'opaque' ? 'pathname' : component}`);
    return canonical;
  };
  const encoder = (component) => (value) => canonicalize(component, value);
  const encodeAddress = (value) => {
    if (!internals.matches(/^[0-9a-fA-F:[\]]*$/, value)) refuse(`'${value}' is not part of an IPv6 address`);
    return P.StringToLowerCase(value);
  };
  const optionsOf = (delimiter, prefix, ignoreCase) => ({ __proto__: null, delimiter, prefix, ignoreCase });
  const plain = optionsOf('', '', false);

  internals.patternProtocol = (text) => internals.compilePattern(text, encoder('protocol'), plain);
  internals.isSpecialPattern = (component) => {
    for (let at = 0; at < specials.length; at++) {
      if (P.RegExpExec(component.regexp, specials[at]) !== null) return true;
    }
    return false;
  };

  const isAbsolute = (path, isPattern) => P.StringStartsWith(path, '/')
    || (isPattern && (P.StringStartsWith(path, '\\/') || P.StringStartsWith(path, '{/')));
  // What of an init takes the place of a base URL's component: that one and the ones before it.
  const lineage = {
    __proto__: null, protocol: [], hostname: ['protocol'], port: ['protocol', 'hostname'],
    username: ['protocol', 'hostname', 'port'], password: ['protocol', 'hostname', 'port', 'username'],
    pathname: ['protocol', 'hostname', 'port'], search: ['protocol', 'hostname', 'port', 'pathname'],
    hash: ['protocol', 'hostname', 'port', 'pathname', 'search'],
  };
  const inherits = (init, component) => {
    if (init[component] !== undefined) return false;
    for (let at = 0; at < lineage[component].length; at++) if (init[lineage[component][at]] !== undefined) return false;
    return true;
  };

  // "Process a URLPatternInit": for a pattern, or for a URL, whose components are canonicalised.
  const process = (init, isPattern) => {
    const result = { __proto__: null };
    for (let at = 0; at < components.length && !isPattern; at++) result[components[at]] = '';
    let base = null;
    const fromBase = (text) => (isPattern ? internals.escapePattern(text) : text);
    if (init.baseURL !== undefined) {
      base = host.urlRecord(init.baseURL);
      if (base === null) refuse(`the base URL '${init.baseURL}' is not valid`);
      for (let at = 0; at < components.length; at++) {
        const component = components[at];
        if (isPattern && (component === 'username' || component === 'password')) continue;
        if (inherits(init, component)) result[component] = fromBase(base[component]);
      }
    }
    const set = (component, value, kind, protocol) => {
      result[component] = isPattern ? value : canonicalize(kind ?? component, value, protocol);
    };
    if (init.protocol !== undefined) {
      set('protocol', P.StringEndsWith(init.protocol, ':') ? P.StringSlice(init.protocol, 0, -1) : init.protocol);
    }
    if (init.username !== undefined) set('username', init.username);
    if (init.password !== undefined) set('password', init.password);
    if (init.hostname !== undefined) set('hostname', init.hostname);
    const protocol = result.protocol ?? '';
    if (init.port !== undefined) set('port', init.port, 'port', protocol);
    if (init.pathname !== undefined) {
      let path = init.pathname;
      if (base !== null && !base.isOpaque && !isAbsolute(path, isPattern)) {
        const before = fromBase(base.pathname);
        path = P.StringSlice(before, 0, P.StringLastIndexOf(before, '/') + 1) + path;
      }
      set('pathname', path, protocol === '' || defaultPorts[protocol] !== undefined ? 'pathname' : 'opaque');
    }
    const unmarked = (text, mark) => (P.StringStartsWith(text, mark) ? P.StringSlice(text, 1) : text);
    if (init.search !== undefined) set('search', unmarked(init.search, '?'));
    if (init.hash !== undefined) set('hash', unmarked(init.hash, '#'));
    return result;
  };

  // "Create": the eight compiled components.
  const create = (input, baseURL, ignoreCase) => {
    let init = input;
    if (typeof input === 'string') {
      init = internals.parsePatternString(input);
      if (baseURL === null && init.protocol === undefined) refuse(`'${input}' is relative, and there is no base URL`);
      if (baseURL !== null) init.baseURL = baseURL;
    } else if (baseURL !== null) {
      refuse('a base URL can not go with an object');
    }
    const texts = process(init, true);
    for (let at = 0; at < components.length; at++) texts[components[at]] ??= '*';
    if (texts.port !== '' && defaultPorts[texts.protocol] === internals.trim(texts.port)) texts.port = '';
    const compiled = { __proto__: null };
    const compile = (component, encode, options) => {
      compiled[component] = internals.compilePattern(texts[component], encode, options);
    };
    compile('protocol', encoder('protocol'), plain);
    compile('username', encoder('username'), plain);
    compile('password', encoder('password'), plain);
    compile('hostname', internals.matches(/^[{\\]?\[/, texts.hostname) && texts.hostname.length > 1
      ? encodeAddress : encoder('hostname'), optionsOf('.', '', false));
    compile('port', encoder('port'), plain);
    const loose = optionsOf('', '', ignoreCase);
    if (internals.isSpecialPattern(compiled.protocol)) {
      compile('pathname', encoder('pathname'), optionsOf('/', '/', ignoreCase));
    } else {
      compile('pathname', encoder('opaque'), loose);
    }
    compile('search', encoder('search'), loose);
    compile('hash', encoder('hash'), loose);
    return compiled;
  };

  // Web IDL's union of USVString and URLPatternInit.
  const readInput = (input) => {
    if (input !== undefined && input !== null && !internals.isObject(input)) return internals.toUsv(input);
    const init = { __proto__: null };
    for (let at = 0; at < members.length && internals.isObject(input); at++) {
      const value = input[members[at]];
      if (value !== undefined) init[members[at]] = internals.toUsv(value);
    }
    return init;
  };
  const readOptions = (options) => {
    const given = internals.dictionary(options, "Failed to construct 'URLPattern'");
    return !!given.ignoreCase;
  };
  const put = (object, name, value) => {
    P.defineProperty(object, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  };
  const copyInput = (input) => {
    if (typeof input === 'string') return input;
    const copy = {};
    for (let at = 0; at < members.length; at++) {
      if (input[members[at]] !== undefined) put(copy, members[at], input[members[at]]);
    }
    return copy;
  };

  // "Match": the components of a URL that is looked at, or null.
  const readUrl = (input, baseURL) => {
    if (typeof input === 'string') return host.urlRecord(input, baseURL);
    if (baseURL !== null) refuse('a base URL can not go with an object');
    try {
      return process(input, false);
    } catch {
      return null;
    }
  };
  const match = (compiled, input, baseURL) => {
    const url = readUrl(input, baseURL);
    if (url === null) return null;
    const found = { __proto__: null };
    for (let at = 0; at < components.length; at++) {
      const component = components[at];
      const { regexp, names } = compiled[component];
      const values = P.RegExpExec(regexp, url[component]);
      if (values === null) return null;
      const groups = {};
      for (let of = 0; of < names.length; of++) put(groups, names[of], values[of + 1]);
      found[component] = { groups, input: url[component] };
    }
    const inputs = [];
    append(inputs, copyInput(input));
    if (baseURL !== null) append(inputs, baseURL);
    const { hash, hostname, password, pathname, port, protocol, search, username } = found;
    return { hash, hostname, inputs, password, pathname, port, protocol, search, username };
  };
  const readBase = (baseURL) => (baseURL === undefined ? null : internals.toUsv(baseURL));

  class URLPattern {
    #components;
    constructor(input = undefined, second = undefined, third = undefined) {
      const pattern = readInput(input);
      // Two overloads: (input, baseURL, options) and (input, options).
      const hasBase = arguments.length > 2
        || (second !== undefined && second !== null && !internals.isObject(second));
      const baseURL = hasBase ? internals.toUsv(second) : null;
      const ignoreCase = readOptions(hasBase ? third : second);
      this.#components = create(pattern, baseURL, ignoreCase);
    }
    static { internals.patternText = (pattern, component) => pattern.#components[component].text; }
    get hasRegExpGroups() {
      for (let at = 0; at < components.length; at++) if (this.#components[components[at]].hasRegexp) return true;
      return false;
    }
    test(input = undefined, baseURL = undefined) {
      const compiled = this.#components;
      return match(compiled, readInput(input), readBase(baseURL)) !== null;
    }
    exec(input = undefined, baseURL = undefined) {
      const compiled = this.#components;
      return match(compiled, readInput(input), readBase(baseURL));
    }
  }
  for (let at = 0; at < components.length; at++) {
    const component = components[at];
    P.defineProperty(URLPattern.prototype, component, {
      __proto__: null,
      get: P.Object_getOwnPropertyDescriptor({
        get [component]() { return internals.patternText(this, component); },
      }, component).get,
      enumerable: true,
      configurable: true,
    });
  }
  internals.define('URLPattern', URLPattern);
})
