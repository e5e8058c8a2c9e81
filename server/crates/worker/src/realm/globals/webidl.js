// Conversions and bindings of Web IDL that classes share. Adds to internals:
// - promising, a WeakSet of the operations that return a promise without being async functions: a call that is refused
//   rejects;
// - exposeMembers(class) makes an interface's members enumerable, which surface.js does with everything that was defined;
//   operation(name, function) defines an operation of the global scope; replaceable(name, read) an attribute of it that
//   an assignment turns into a property; illegal() throws as a constructor does that script may not call;
//   need(count, least, what) checks the number of arguments;
// - toUsv(value); toByteString(value); choice(value, words, what); dictionary(value, what) -> object;
//   callback(dictionary, name, what) -> function or undefined; optionalObject(value, what);
//   sequence(value, what, convert) -> list, where the method that makes its iterator may be known;
//   record(value, toKey, toValue) and pairs(value, what, convert) -> list of pairs;
//   iterate(name, list, pick) -> an iterator of the interface; functions, those that surface.js disguises besides;
//   toLongLong(value, clamps); toUnsigned(value, what); toDouble(value, what); codePoints(text) -> list of texts.
(function (host, internals) {
  'use strict';
  const { P, append, define } = internals;
  const OwnBigInt = globalThis.BigInt;
  internals.promising = new P.WeakSet();
  internals.functions = [];

  // Operations and attributes are enumerable, whether on the prototype or static.
  const enumerate = (object, skipped) => {
    const keys = P.ownKeys(object);
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at];
      if (typeof key !== 'string' || P.ArrayIncludes(skipped, key)) continue;
      const property = P.Object_getOwnPropertyDescriptor(object, key);
      if (!property.configurable || property.enumerable) continue;
      P.defineProperty(object, key, { __proto__: null, enumerable: true });
    }
  };
  internals.exposeMembers = (constructor) => {
    enumerate(constructor, ['prototype', 'name', 'length']);
    enumerate(constructor.prototype, ['constructor']);
  };
  // A read-only attribute of the global scope that an assignment turns into a property ([Replaceable]).
  internals.replaceable = (name, read) => {
    const property = P.Object_getOwnPropertyDescriptor({
      get [name]() { return read(); },
      set [name](value) {
        P.defineProperty(globalThis, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
      },
    }, name);
    P.defineProperty(globalThis, name, property);
  };
  // An operation of the global scope, which is enumerable where an interface is not.
  internals.operation = (name, value) => {
    P.defineProperty(globalThis, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  };
  internals.illegal = () => { throw new P.TypeError('Illegal constructor'); };

  internals.need = (count, least, what) => {
    if (count < least) {
      throw new P.TypeError(`${what}: ${least} argument${least === 1 ? '' : 's'} required, but only ${count} present.`);
    }
  };
  internals.toUsv = (value) => P.StringToWellFormed(`${value}`);
  internals.toByteString = (value) => {
    const text = `${value}`;
    if (P.RegExpExec(/[^\0-\xff]/, text) !== null) throw new P.TypeError(`'${text}' is not a ByteString.`);
    return text;
  };
  // A member of a dictionary or an argument that is one of a few words.
  internals.choice = (value, words, what) => {
    const text = `${value}`;
    if (!P.ArrayIncludes(words, text)) throw new P.TypeError(`'${text}' is not a valid ${what}.`);
    return text;
  };
  // A dictionary; one that is left out has no members.
  internals.dictionary = (value, what) => {
    if (value === undefined || value === null) return { __proto__: null };
    if (!internals.isObject(value)) throw new P.TypeError(`${what} is not an object.`);
    return value;
  };
  // A member that is a callback function.
  internals.callback = (dictionary, name, what) => {
    const value = dictionary[name];
    if (value !== undefined && typeof value !== 'function') {
      throw new P.TypeError(`${what}: ${name} is not a function.`);
    }
    return value;
  };
  // An optional argument of type `object`.
  internals.optionalObject = (value, what) => {
    if (value !== undefined && !internals.isObject(value)) throw new P.TypeError(`${what} is not an object.`);
    return value;
  };
  // [EnforceRange] unsigned long long.
  internals.toUnsigned = (value, what) => {
    const number = +value;
    if (!(number > -1 && number < 9007199254740992)) throw new P.TypeError(`${what} is not in the range of integers.`);
    return P.MathFloor(P.MathMax(number, 0));
  };
  internals.sequence = (value, what, convert, known = undefined) => {
    if (!internals.isObject(value)) throw new P.TypeError(`${what}: the value is not a sequence.`);
    const iterate = known === undefined ? value[P.iterator] : known;
    if (typeof iterate !== 'function') throw new P.TypeError(`${what}: the value is not iterable.`);
    const iterator = P.apply(iterate, value, []);
    if (!internals.isObject(iterator)) throw new P.TypeError(`${what}: the iterator is not an object.`);
    const { next } = iterator;
    const list = [];
    for (;;) {
      const step = P.apply(next, iterator, []);
      if (!internals.isObject(step)) throw new P.TypeError(`${what}: the iterator's result is not an object.`);
      if (step.done) return list;
      append(list, convert(step.value));
    }
  };
  // A record<K, V> as pairs, in the order of its keys.
  internals.record = (value, toKey, toValue) => {
    const pairs = [];
    const keys = P.ownKeys(value);
    for (let at = 0; at < keys.length; at++) {
      const property = P.Object_getOwnPropertyDescriptor(value, keys[at]);
      if (property === undefined || !property.enumerable) continue;
      const name = toKey(keys[at]);
      const item = toValue(value[keys[at]]);
      // Two keys may be converted to one: the later value stays in the earlier place.
      const known = internals.filter(pairs, (pair) => pair[0] === name);
      if (known.length > 0) known[0][1] = item;
      else append(pairs, [name, item]);
    }
    return pairs;
  };
  // The union of a sequence of pairs and a record.
  internals.pairs = (value, what, convert) => {
    const iterate = value[P.iterator];
    if (iterate === undefined || iterate === null) return internals.record(value, convert, convert);
    return internals.sequence(value, what, (pair) => {
      const both = internals.sequence(pair, what, convert);
      if (both.length !== 2) throw new P.TypeError(`${what}: a pair has not two items.`);
      return both;
    }, iterate);
  };

  // An iterable<> declaration (section 3.7.10): the iterator of an interface has a prototype that all of them share, and
  // what it goes over is listed anew at each step.
  const ownIterator = P.getPrototypeOf(P.getPrototypeOf([][P.iterator]()));
  const iterators = new P.WeakMap();
  const prototypes = { __proto__: null };
  const prototypeOf = (name) => {
    if (prototypes[name] !== undefined) return prototypes[name];
    const prototype = P.Object_create(ownIterator);
    const { next } = {
      next() {
        const state = P.WeakMapGet(iterators, this);
        if (state === undefined || state.name !== name) throw new P.TypeError('Illegal invocation');
        const list = state.list();
        if (state.at >= list.length) return { value: undefined, done: true };
        const value = state.pick(list[state.at]);
        state.at += 1;
        return { value, done: false };
      },
    };
    append(internals.functions, next);
    P.defineProperty(prototype, 'next', {
      __proto__: null, value: next, writable: true, enumerable: true, configurable: true,
    });
    P.defineProperty(prototype, P.toStringTag, {
      __proto__: null, value: `${name} Iterator`, writable: false, enumerable: false, configurable: true,
    });
    prototypes[name] = prototype;
    return prototype;
  };
  internals.iterate = (name, list, pick) => {
    const iterator = P.Object_create(prototypeOf(name));
    P.WeakMapSet(iterators, iterator, { __proto__: null, name, at: 0, list, pick });
    return iterator;
  };
  // `long long`, modulo 2^64 as far as a number has it; with `clamps`, what is out of range becomes its bound.
  const SAFE = 9007199254740991;
  internals.toLongLong = (value, clamps) => {
    value = +value;
    if (value !== value) return 0;
    if (clamps) {
      value = P.MathMin(P.MathMax(value, -SAFE), SAFE);
      // To the nearest integer, halves to the even one.
      const floor = P.MathFloor(value);
      const rest = value - floor;
      return (rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1) + 0;
    }
    if (value === 1 / 0 || value === -1 / 0) return 0;
    return P.Number(P.BigInt_asIntN(64, OwnBigInt(value < 0 ? -P.MathFloor(-value) : P.MathFloor(value))));
  };
  internals.toDouble = (value, what) => {
    value = +value;
    if (!(value > -1 / 0 && value < 1 / 0)) throw new P.TypeError(`${what}: the number is not finite.`);
    return value;
  };

  internals.codePoints = (text) => {
    const points = [];
    for (let at = 0; at < text.length; at += points[points.length - 1].length) {
      append(points, P.String_fromCodePoint(P.StringCodePointAt(text, at)));
    }
    return points;
  };
})
