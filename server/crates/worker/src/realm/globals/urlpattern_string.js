// Constructor strings of URL patterns (URL Pattern Standard, section 1.6): where the components of
// `https://*.example.com/:path` begin and end. Adds parsePatternString(text) -> init, without a prototype, to internals;
// needs patternProtocol(text) -> component and isSpecialPattern(component) of urlpattern.js when it is called.
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const order = ['protocol', 'authority', 'username', 'password', 'hostname', 'port', 'pathname', 'search', 'hash'];
  const isBefore = (state, other) => P.ArrayIndexOf(order, state) < P.ArrayIndexOf(order, other);

  internals.parsePatternString = (text) => {
    const tokens = internals.patternTokens(text, true);
    const points = internals.codePoints(text);
    const init = { __proto__: null };
    let state = 'init';
    let at = 0;
    let step = 1;
    let start = 0;
    let depth = 0;
    let brackets = 0;
    let isSpecial = false;

    const tokenAt = (index) => tokens[P.MathMin(index, tokens.length - 1)];
    const is = (value, index = at) => {
      const token = tokenAt(index);
      return token.value === value
        && (token.type === 'char' || token.type === 'escaped-char' || token.type === 'invalid-char');
    };
    // A `?` is a modifier after what it can modify, else the search begins.
    const isSearch = () => {
      if (is('?')) return true;
      if (tokens[at].value !== '?') return false;
      if (at === 0) return true;
      const { type } = tokenAt(at - 1);
      return type !== 'name' && type !== 'regexp' && type !== 'close' && type !== 'asterisk';
    };
    const component = () => {
      let result = '';
      for (let of = tokenAt(start).index; of < tokens[at].index; of++) result += points[of];
      return result;
    };
    const rewind = () => {
      at = start;
      step = 0;
    };
    const rewindTo = (next) => {
      rewind();
      state = next;
    };
    const change = (next, skip) => {
      if (state !== 'init' && state !== 'authority' && state !== 'done') init[state] = component();
      if (state !== 'init' && next !== 'done') {
        if (isBefore(state, 'hostname') && isBefore('hostname', next) && init.hostname === undefined) init.hostname = '';
        if (isBefore(state, 'pathname') && isBefore('pathname', next) && init.pathname === undefined) {
          init.pathname = isSpecial ? '/' : '';
        }
        if (isBefore(state, 'search') && next === 'hash' && init.search === undefined) init.search = '';
      }
      state = next;
      at += skip;
      start = at;
      step = 0;
    };
    // What a path's beginning or a later component's ends: the hostname, the port, the path.
    const endAt = (isPath) => {
      if (isPath && is('/')) change('pathname', 0);
      else if (isSearch()) change('search', 1);
      else if (is('#')) change('hash', 1);
    };
    const states = {
      __proto__: null,
      init() { if (is(':')) rewindTo('protocol'); },
      protocol() {
        if (!is(':')) return;
        isSpecial = internals.isSpecialPattern(internals.patternProtocol(component()));
        if (is('/', at + 1) && is('/', at + 2)) change('authority', 3);
        else change(isSpecial ? 'authority' : 'pathname', 1);
      },
      authority() {
        if (is('@')) rewindTo('username');
        else if (is('/') || isSearch() || is('#')) rewindTo('hostname');
      },
      username() {
        if (is(':')) change('password', 1);
        else if (is('@')) change('hostname', 1);
      },
      password() { if (is('@')) change('hostname', 1); },
      hostname() {
        if (is('[')) brackets += 1;
        else if (is(']')) brackets -= 1;
        else if (is(':') && brackets === 0) change('port', 1);
        else endAt(true);
      },
      port() { endAt(true); },
      pathname() { endAt(false); },
      search() { if (is('#')) change('hash', 1); },
      hash() {},
    };

    for (; at < tokens.length; at += step) {
      step = 1;
      const { type } = tokens[at];
      if (type === 'end') {
        if (state === 'init') {
          rewind();
          if (is('#')) change('hash', 1);
          else if (isSearch()) change('search', 1);
          else change('pathname', 0);
          continue;
        }
        if (state === 'authority') {
          rewindTo('hostname');
          continue;
        }
        change('done', 0);
        break;
      }
      // Nothing within braces ends a component.
      if (type === 'open') {
        depth += 1;
        continue;
      }
      if (depth > 0) {
        if (type !== 'close') continue;
        depth -= 1;
      }
      states[state]();
    }
    if (init.hostname !== undefined && init.port === undefined) init.port = '';
    return init;
  };
})
