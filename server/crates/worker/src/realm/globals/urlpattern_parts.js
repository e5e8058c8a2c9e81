// Pattern strings (URL Pattern Standard, section 2): tokens, parts, the regular expression and the normalised string.
// Adds to internals: patternTokens(text, isLenient), compilePattern(text, encode, options) -> component,
// escapePattern(text).
(function (host, internals) {
  'use strict';
  const { P, append } = internals;
  const nameStart = /^[$_\p{ID_Start}]$/u;
  const nameRest = /^[$\u200c\u200d\p{ID_Continue}]$/u;
  const isName = (point, isFirst) => P.RegExpExec(isFirst ? nameStart : nameRest, point) !== null;
  const isDigit = (point) => point >= '0' && point <= '9';
  const isAscii = (point) => point <= '\x7f';
  const refuse = (why) => { throw new P.TypeError(`URLPattern: ${why}`); };
  const join = (points, from, to) => {
    let text = '';
    for (let at = from; at < to; at++) text += points[at];
    return text;
  };

  // Where a group's regular expression ends, after its bracket, or -1.
  const endOfRegexp = (points, start) => {
    let depth = 1;
    for (let at = start; at < points.length; at++) {
      const point = points[at];
      if (!isAscii(point) || (at === start && point === '?')) return -1;
      if (point === '\\') {
        at += 1;
        if (at === points.length || !isAscii(points[at])) return -1;
      } else if (point === ')') {
        depth -= 1;
        if (depth === 0) return at === start ? -1 : at + 1;
      } else if (point === '(') {
        depth += 1;
        if (points[at + 1] !== '?') return -1;
      }
    }
    return -1;
  };

  const simple = { __proto__: null, '*': 'asterisk', '+': 'other-modifier', '?': 'other-modifier', '{': 'open', '}': 'close' };
  internals.patternTokens = (text, isLenient) => {
    const points = internals.codePoints(text);
    const tokens = [];
    let at = 0;
    const add = (type, next, from, to) => {
      append(tokens, { __proto__: null, type, index: at, value: join(points, from, to) });
      at = next;
    };
    const fail = (what) => {
      if (!isLenient) refuse(`${what} at position ${at} of '${text}'`);
      add('invalid-char', at + 1, at, at + 1);
    };
    while (at < points.length) {
      const point = points[at];
      if (simple[point] !== undefined) {
        add(simple[point], at + 1, at, at + 1);
      } else if (point === '\\') {
        if (at === points.length - 1) fail('nothing to escape');
        else add('escaped-char', at + 2, at + 1, at + 2);
      } else if (point === ':') {
        let end = at + 1;
        while (end < points.length && isName(points[end], end === at + 1)) end += 1;
        if (end === at + 1) fail('a name is missing');
        else add('name', end, at + 1, end);
      } else if (point === '(') {
        const end = endOfRegexp(points, at + 1);
        if (end < 0) fail('an invalid regular expression group');
        else add('regexp', end, at + 1, end - 1);
      } else {
        add('char', at + 1, at, at + 1);
      }
    }
    add('end', at, at, at);
    return tokens;
  };

  const escape = (special) => (text) => {
    let result = '';
    for (let at = 0; at < text.length; at++) {
      if (P.StringIncludes(special, text[at])) result += '\\';
      result += text[at];
    }
    return result;
  };
  const escapeRegexp = escape('.+*?^${}()[]|/\\');
  const escapePattern = escape('+*?:{}()\\');
  internals.escapePattern = escapePattern;
  const wildcard = '.*';
  const segmentOf = (options) => `[^${escapeRegexp(options.delimiter)}]+?`;

  const parse = (text, encode, options) => {
    const tokens = internals.patternTokens(text, false);
    const parts = [];
    const segment = segmentOf(options);
    let at = 0;
    let pending = '';
    let number = 0;
    const take = (type) => (tokens[at].type === type ? tokens[at++] : null);
    const takeModifier = () => (take('other-modifier') ?? take('asterisk'));
    const takeGroup = (name) => take('regexp') ?? (name === null ? take('asterisk') : null);
    const takeText = () => {
      let taken = '';
      for (;;) {
        const token = take('char') ?? take('escaped-char');
        if (token === null) return taken;
        taken += token.value;
      }
    };
    const push = (type, value, modifier, name, prefix, suffix) => {
      append(parts, { __proto__: null, type, value, modifier, name, prefix, suffix });
    };
    const flush = () => {
      if (pending === '') return;
      const fixed = encode(pending);
      pending = '';
      push('fixed-text', fixed, '', '', '', '');
    };
    const addPart = (prefix, name, group, suffix, modifierToken) => {
      const modifier = modifierToken === null ? '' : modifierToken.value;
      if (name === null && group === null && modifier === '') {
        pending += prefix;
        return;
      }
      flush();
      if (name === null && group === null) {
        if (prefix !== '') push('fixed-text', encode(prefix), modifier, '', '', '');
        return;
      }
      let type = 'regexp';
      let value = group === null ? segment : group.type === 'asterisk' ? wildcard : group.value;
      if (value === segment) type = 'segment-wildcard';
      else if (value === wildcard) type = 'full-wildcard';
      if (type !== 'regexp') value = '';
      const label = name === null ? P.String(number++) : name.value;
      for (let of = 0; of < parts.length; of++) if (parts[of].name === label) refuse(`the name '${label}' stands twice`);
      push(type, value, modifier, label, encode(prefix), encode(suffix));
    };
    while (at < tokens.length) {
      const char = take('char');
      let name = take('name');
      let group = takeGroup(name);
      if (name !== null || group !== null) {
        let prefix = char === null ? '' : char.value;
        if (prefix !== '' && prefix !== options.prefix) {
          pending += prefix;
          prefix = '';
        }
        flush();
        addPart(prefix, name, group, '', takeModifier());
        continue;
      }
      const fixed = char ?? take('escaped-char');
      if (fixed !== null) {
        pending += fixed.value;
        continue;
      }
      if (take('open') !== null) {
        const prefix = takeText();
        name = take('name');
        group = takeGroup(name);
        const suffix = takeText();
        if (take('close') === null) refuse(`'${text}' has a group that is not closed`);
        addPart(prefix, name, group, suffix, takeModifier());
        continue;
      }
      flush();
      if (take('end') === null) refuse(`'${tokens[at].value}' is not expected in '${text}'`);
    }
    return parts;
  };

  const regexpOf = (parts, options) => {
    const names = [];
    let source = '^';
    for (let at = 0; at < parts.length; at++) {
      const { type, modifier, name } = parts[at];
      if (type === 'fixed-text') {
        const text = escapeRegexp(parts[at].value);
        source += modifier === '' ? text : `(?:${text})${modifier}`;
        continue;
      }
      append(names, name);
      const value = type === 'segment-wildcard' ? segmentOf(options) : type === 'full-wildcard' ? wildcard : parts[at].value;
      const prefix = escapeRegexp(parts[at].prefix);
      const suffix = escapeRegexp(parts[at].suffix);
      const repeats = modifier === '*' || modifier === '+';
      if (prefix === '' && suffix === '') {
        source += repeats ? `((?:${value})${modifier})` : `(${value})${modifier}`;
      } else if (!repeats) {
        source += `(?:${prefix}(${value})${suffix})${modifier}`;
      } else {
        source += `(?:${prefix}((?:${value})(?:${suffix}${prefix}(?:${value}))*)${suffix})${modifier === '*' ? '?' : ''}`;
      }
    }
    return { __proto__: null, source: source + '$', names };
  };

  const firstOf = (text) => P.String_fromCodePoint(P.StringCodePointAt(text, 0));
  // Whether a part must stand in braces to be read back as it is.
  const needsGroup = (part, before, after, isCustom, options) => {
    if (part.suffix !== '' || (part.prefix !== '' && part.prefix !== options.prefix)) return true;
    if (isCustom && part.type === 'segment-wildcard' && part.modifier === '' && after !== null
      && after.prefix === '' && after.suffix === '') {
      const joins = after.type === 'fixed-text' ? isName(firstOf(after.value), false) : isDigit(after.name[0]);
      if (joins) return true;
    }
    return part.prefix === '' && before !== null && before.type === 'fixed-text' && options.prefix !== ''
      && before.value[before.value.length - 1] === options.prefix;
  };
  const stringOf = (parts, options) => {
    let result = '';
    for (let at = 0; at < parts.length; at++) {
      const part = parts[at];
      const before = at === 0 ? null : parts[at - 1];
      const after = at === parts.length - 1 ? null : parts[at + 1];
      if (part.type === 'fixed-text') {
        const text = escapePattern(part.value);
        result += part.modifier === '' ? text : `{${text}}${part.modifier}`;
        continue;
      }
      const isCustom = !isDigit(part.name[0]);
      const isGrouped = needsGroup(part, before, after, isCustom, options);
      if (isGrouped) result += '{';
      result += escapePattern(part.prefix);
      if (isCustom) result += ':' + part.name;
      if (part.type === 'regexp') {
        result += `(${part.value})`;
      } else if (part.type === 'segment-wildcard') {
        if (!isCustom) result += `(${segmentOf(options)})`;
      } else if (!isCustom && (before === null || before.type === 'fixed-text' || before.modifier !== '' || isGrouped
        || part.prefix !== '')) {
        result += '*';
      } else {
        result += `(${wildcard})`;
      }
      if (part.type === 'segment-wildcard' && isCustom && part.suffix !== '' && isName(firstOf(part.suffix), false)) {
        result += '\\';
      }
      result += escapePattern(part.suffix);
      if (isGrouped) result += '}';
      result += part.modifier;
    }
    return result;
  };

  // The engine refuses a hyphen and doubled punctuation in expressions with the flag `v`, as if they stood in a class.
  const hexOf = { __proto__: null };
  for (let at = 0, doubled = '!#%&,-:;<=>@`~'; at < doubled.length; at++) {
    hexOf[doubled[at]] = '\\x' + P.NumberToString(P.StringCharCodeAt(doubled, at), 16);
  }
  const groupStart = /^\(\?(?:[:=!]|<[=!]|<[^>]*>|[a-z]*-?[a-z]*:)/;
  const escapeForEngine = (source) => {
    let result = '';
    let depth = 0;
    for (let at = 0; at < source.length; at++) {
      const letter = source[at];
      let length = 1;
      if (letter === '\\') {
        length = 2;
      } else if (letter === '[') {
        depth += 1;
      } else if (letter === ']') {
        depth -= 1;
      } else if (depth === 0 && letter === '(') {
        const start = P.RegExpExec(groupStart, P.StringSlice(source, at));
        if (start !== null) length = start[0].length;
      } else if (depth === 0 && (letter === '-' || source[at + 1] === letter) && hexOf[letter] !== undefined) {
        result += hexOf[letter];
        continue;
      }
      result += P.StringSlice(source, at, at + length);
      at += length - 1;
    }
    return result;
  };

  internals.compilePattern = (text, encode, options) => {
    const parts = parse(text, encode, options);
    const { source, names } = regexpOf(parts, options);
    let regexp;
    try {
      regexp = new P.RegExp(escapeForEngine(source), options.ignoreCase ? 'vi' : 'v');
    } catch {
      refuse(`'${text}' has an invalid regular expression`);
    }
    let hasRegexp = false;
    for (let at = 0; at < parts.length; at++) hasRegexp = hasRegexp || parts[at].type === 'regexp';
    return { __proto__: null, text: stringOf(parts, options), regexp, names, hasRegexp };
  };
})
