// A small Intl (ECMA-402) for English, which is what a worker sees that formats a date, a number or a list of names
// for itself. What it would do for another language, or with an option that it does not know, is noted as missing, and the
// constructor throws: nothing is formatted in a way that no browser would. The other constructors are stubs, as in missing.js.
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const LOCALE = 'en-US';
  const ZONE = 'UTC';
  const construct = P.construct;

  // Web IDL has no part in this: ECMA-262 demands functions that are not enumerable.
  const method = (object, name, value, length) => {
    P.defineProperty(value, 'name', { __proto__: null, value: name, configurable: true });
    P.defineProperty(value, 'length', { __proto__: null, value: length, configurable: true });
    P.defineProperty(object, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
  };
  const isEnglish = (locale) => P.RegExpExec(/^en(?:-(?:US|Latn|Latn-US))?$/i, locale) !== null;
  const tag = /^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$/;
  // ECMA-402, CanonicalizeLocaleList, as far as it tells English from the rest.
  const localesOf = (locales) => {
    if (locales === undefined) return [];
    const list = typeof locales === 'string' ? [locales] : P.Array_from(P.Object(locales));
    for (let at = 0; at < list.length; at++) {
      if (typeof list[at] !== 'string') throw new P.TypeError('Incorrect locale information provided');
      if (P.RegExpExec(tag, list[at]) === null) {
        throw new P.RangeError(`Incorrect locale information provided: ${list[at]}`);
      }
    }
    return list;
  };
  const miss = (what) => internals.miss(`Intl.${what}`);
  // Reads the options that are known; any other one that is set is missing.
  const read = (name, locales, options, known) => {
    const list = localesOf(locales);
    if (list.length > 0 && !isEnglish(list[0])) miss(`${name} for ${list[0]}`);
    const read = { __proto__: null };
    if (options === undefined) return read;
    if (options === null) throw new P.TypeError('Cannot convert null to object');
    const given = P.Object(options);
    const keys = P.Object_keys(given);
    for (let at = 0; at < keys.length; at++) {
      const value = given[keys[at]];
      if (value === undefined) continue;
      const values = known[keys[at]];
      if (values === undefined) miss(`${name} with ${keys[at]}`);
      if (values !== null && !P.ArrayIncludes(values, value)) miss(`${name} with ${keys[at]}: ${P.String(value)}`);
      read[keys[at]] = value;
    }
    return read;
  };
  const slots = new P.WeakMap();
  const slotOf = (object, name) => {
    const slot = internals.isObject(object) ? P.WeakMapGet(slots, object) : undefined;
    if (slot === undefined || slot.name !== name) {
      throw new P.TypeError(`Method Intl.${name} called on incompatible receiver`);
    }
    return slot;
  };
  const Intl = {};
  const add = (name, known, mayBeCalled, start, members) => {
    const made = function (locales, options) {
      if (new.target === undefined) {
        if (!mayBeCalled) throw new P.TypeError(`Constructor Intl.${name} requires 'new'`);
        return construct(made, [locales, options]);
      }
      const slot = { __proto__: null, name, options: read(name, locales, options, known), bound: null };
      start(slot);
      P.WeakMapSet(slots, this, slot);
    };
    P.defineProperty(made, 'prototype', { __proto__: null, writable: false });
    method(Intl, name, made, 0);
    method(made, 'supportedLocalesOf', {
      supportedLocalesOf(locales) { return internals.filter(localesOf(locales), isEnglish); },
    }.supportedLocalesOf, 1);
    P.defineProperty(made.prototype, P.toStringTag, { __proto__: null, value: `Intl.${name}`, configurable: true });
    for (let at = 0, names = P.ownKeys(members); at < names.length; at++) {
      const key = names[at];
      const act = members[key];
      if (key === 'format' || key === 'compare') {
        // A getter of a function that is bound to its object.
        P.defineProperty(made.prototype, key, {
          __proto__: null,
          get: P.Object_getOwnPropertyDescriptor({
            get [key]() {
              const slot = slotOf(this, name);
              if (slot.bound === null) {
                slot.bound = key === 'compare' ? (one, other) => act(slot, one, other) : (value) => act(slot, value);
              }
              return slot.bound;
            },
          }, key).get,
          enumerable: false,
          configurable: true,
        });
      } else {
        method(made.prototype, key, { [key](value, more) { return act(slotOf(this, name), value, more); } }[key],
          key === 'resolvedOptions' ? 0 : 1);
      }
    }
  };

  // ---- Numbers

  const digits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20];
  const grouped = (whole) => {
    let text = '';
    for (let at = 0; at < whole.length; at++) {
      if (at > 0 && (whole.length - at) % 3 === 0) text += ',';
      text += whole[at];
    }
    return text;
  };
  const formatNumber = (slot, given) => {
    const { style, useGrouping, minimum, maximum } = slot;
    if (typeof given === 'bigint') return useGrouping ? grouped(`${given}`) : `${given}`;
    let value = +given;
    if (value !== value) return 'NaN';
    const sign = value < 0 || (value === 0 && 1 / value < 0) ? '-' : '';
    value = value < 0 ? -value : value;
    if (style === 'percent') value *= 100;
    if (value === Infinity) return `${sign}∞${style === 'percent' ? '%' : ''}`;
    if (value >= 1e21) miss('NumberFormat of a number this large');
    const fixed = P.StringSplit(P.NumberToFixed(value, maximum), '.');
    let fraction = fixed[1] === undefined ? '' : fixed[1];
    while (fraction.length > minimum && fraction[fraction.length - 1] === '0') {
      fraction = P.StringSlice(fraction, 0, -1);
    }
    const whole = useGrouping ? grouped(fixed[0]) : fixed[0];
    return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}${style === 'percent' ? '%' : ''}`;
  };
  add('NumberFormat', {
    __proto__: null, style: ['decimal', 'percent'], useGrouping: [true, false, 'auto', 'always'],
    minimumFractionDigits: digits, maximumFractionDigits: digits, notation: ['standard'],
    numberingSystem: ['latn'], localeMatcher: ['lookup', 'best fit'],
  }, true, (slot) => {
    const { options } = slot;
    slot.style = options.style === undefined ? 'decimal' : options.style;
    slot.useGrouping = options.useGrouping !== false;
    const most = slot.style === 'percent' ? 0 : 3;
    slot.minimum = options.minimumFractionDigits === undefined ? 0 : options.minimumFractionDigits;
    slot.maximum = options.maximumFractionDigits === undefined ? P.MathMax(most, slot.minimum)
      : options.maximumFractionDigits;
    if (slot.minimum > slot.maximum) throw new P.RangeError('maximumFractionDigits value is out of range.');
  }, {
    __proto__: null,
    format: formatNumber,
    resolvedOptions: (slot) => ({
      locale: LOCALE, numberingSystem: 'latn', style: slot.style, minimumIntegerDigits: 1,
      minimumFractionDigits: slot.minimum, maximumFractionDigits: slot.maximum,
      useGrouping: slot.useGrouping ? 'auto' : false, notation: 'standard', signDisplay: 'auto',
      roundingIncrement: 1, roundingMode: 'halfExpand', roundingPriority: 'auto', trailingZeroDisplay: 'auto',
    }),
  });

  // ---- Dates, in UTC, which is the zone of this realm

  const two = (value) => (value < 10 ? `0${value}` : `${value}`);
  const formatDate = (slot, given) => {
    const time = given === undefined ? host.startMs + P.MathFloor(host.elapsed()) : +given;
    if (!(P.MathMax(time, -time) <= 8.64e15)) throw new P.RangeError('Invalid time value');
    const date = new P.Date(time);
    const { year, month, day, hour, minute, second } = slot;
    const parts = [];
    if (month) internals.append(parts, month === '2-digit' ? two(P.DateGetUTCMonth(date) + 1) : P.DateGetUTCMonth(date) + 1);
    if (day) internals.append(parts, day === '2-digit' ? two(P.DateGetUTCDate(date)) : P.DateGetUTCDate(date));
    if (year) {
      const full = P.DateGetUTCFullYear(date);
      internals.append(parts, year === '2-digit' ? two(full % 100) : full);
    }
    const ofDay = P.DateGetUTCHours(date);
    const hours = slot.is24 ? ofDay : ofDay % 12 === 0 ? 12 : ofDay % 12;
    let clock = '';
    if (hour) clock = hour === '2-digit' || slot.is24 ? two(hours) : `${hours}`;
    if (minute) clock += (clock === '' ? '' : ':') + two(P.DateGetUTCMinutes(date));
    if (second) clock += (clock === '' ? '' : ':') + two(P.DateGetUTCSeconds(date));
    if (hour && !slot.is24) clock += ofDay < 12 ? ' AM' : ' PM';
    const text = P.ArrayJoin(parts, '/');
    return text === '' ? clock : clock === '' ? text : `${text}, ${clock}`;
  };
  const widths = ['numeric', '2-digit'];
  add('DateTimeFormat', {
    __proto__: null, year: widths, month: widths, day: widths, hour: widths, minute: widths, second: widths,
    hour12: [true, false], hourCycle: ['h12', 'h23'], timeZone: [ZONE, 'Etc/UTC', 'GMT', 'Etc/GMT'],
    calendar: ['gregory'], numberingSystem: ['latn'], localeMatcher: ['lookup', 'best fit'],
    formatMatcher: ['basic', 'best fit'],
  }, true, (slot) => {
    const { options } = slot;
    const parts = ['year', 'month', 'day', 'hour', 'minute', 'second'];
    let count = 0;
    for (let at = 0; at < parts.length; at++) {
      slot[parts[at]] = options[parts[at]];
      if (options[parts[at]] !== undefined) count += 1;
    }
    if (count === 0) {
      slot.year = 'numeric';
      slot.month = 'numeric';
      slot.day = 'numeric';
    } else {
      // A part alone, or parts with a gap, have patterns of their own.
      const isDate = slot.year !== undefined && slot.month !== undefined && slot.day !== undefined;
      const hasDate = slot.year !== undefined || slot.month !== undefined || slot.day !== undefined;
      const isTime = slot.hour !== undefined && slot.minute !== undefined;
      const hasTime = slot.hour !== undefined || slot.minute !== undefined || slot.second !== undefined;
      if ((hasDate && !isDate) || (hasTime && !isTime)) miss('DateTimeFormat with only some parts');
    }
    slot.is24 = options.hour12 === undefined ? options.hourCycle === 'h23' : !options.hour12;
  }, {
    __proto__: null,
    format: formatDate,
    formatToParts: () => miss('DateTimeFormat.formatToParts'),
    formatRange: () => miss('DateTimeFormat.formatRange'),
    resolvedOptions: (slot) => {
      const resolved = { locale: LOCALE, calendar: 'gregory', numberingSystem: 'latn', timeZone: ZONE };
      for (let at = 0, parts = ['year', 'month', 'day', 'hour', 'minute', 'second']; at < parts.length; at++) {
        if (slot[parts[at]] !== undefined) resolved[parts[at]] = slot[parts[at]];
      }
      return resolved;
    },
  });

  // ---- Words

  const select = (slot, given) => {
    const value = +given;
    if (slot.type === 'cardinal') return value === 1 || value === -1 ? 'one' : 'other';
    const last = value % 10;
    const lastTwo = value % 100;
    if (last === 1 && lastTwo !== 11) return 'one';
    if (last === 2 && lastTwo !== 12) return 'two';
    if (last === 3 && lastTwo !== 13) return 'few';
    return 'other';
  };
  add('PluralRules', { __proto__: null, type: ['cardinal', 'ordinal'], localeMatcher: ['lookup', 'best fit'] }, false,
    (slot) => { slot.type = slot.options.type === undefined ? 'cardinal' : slot.options.type; }, {
      __proto__: null,
      select,
      resolvedOptions: (slot) => ({
        locale: LOCALE, type: slot.type, notation: 'standard', minimumIntegerDigits: 1, minimumFractionDigits: 0,
        maximumFractionDigits: 3,
        pluralCategories: slot.type === 'cardinal' ? ['one', 'other'] : ['few', 'one', 'two', 'other'],
      }),
    });

  // Letters and digits without accents: letters by the alphabet, lower case first where nothing else differs.
  const simple = /^[A-Za-z0-9 ]*$/;
  const order = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
  const compare = (slot, one, other) => {
    const left = `${one}`;
    const right = `${other}`;
    if (left === right) return 0;
    if (P.RegExpExec(simple, left) === null || P.RegExpExec(simple, right) === null) {
      miss('Collator of more than letters and digits');
    }
    const folded = order(P.StringToLowerCase(left), P.StringToLowerCase(right));
    if (folded !== 0) return folded;
    return slot.options.sensitivity === 'base' || slot.options.sensitivity === 'accent' ? 0 : -order(left, right);
  };
  add('Collator', {
    __proto__: null, usage: ['sort'], sensitivity: ['base', 'accent', 'case', 'variant'], ignorePunctuation: [false],
    numeric: [false], caseFirst: ['false'], localeMatcher: ['lookup', 'best fit'],
  }, true, () => {}, {
    __proto__: null,
    compare,
    resolvedOptions: (slot) => ({
      locale: LOCALE, usage: 'sort',
      sensitivity: slot.options.sensitivity === undefined ? 'variant' : slot.options.sensitivity,
      ignorePunctuation: false, collation: 'default', numeric: false, caseFirst: 'false',
    }),
  });

  method(Intl, 'getCanonicalLocales', {
    getCanonicalLocales(locales) {
      const list = localesOf(locales);
      for (let at = 0; at < list.length; at++) if (!isEnglish(list[at])) miss(`getCanonicalLocales of ${list[at]}`);
      return list.length === 0 ? [] : [list[0]];
    },
  }.getCanonicalLocales, 1);
  P.defineProperty(Intl, P.toStringTag, { __proto__: null, value: 'Intl', configurable: true });
  // What is missing is there to be asked for, as any browser has it.
  for (let at = 0, names = ['DisplayNames', 'DurationFormat', 'ListFormat', 'Locale', 'RelativeTimeFormat', 'Segmenter',
    'supportedValuesOf']; at < names.length; at++) {
    P.defineProperty(Intl, names[at], {
      __proto__: null, value: internals.stub(`Intl.${names[at]}`), writable: true, enumerable: false,
      configurable: true,
    });
  }
  internals.intl = Intl;
  internals.define('Intl', Intl);
})
