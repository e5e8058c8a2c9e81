// Conversions and bindings of Web IDL that classes share. Adds to internals:
// - expose(name, class) defines an interface, operation(name, function) one of the global scope; exposeMembers(class) makes its members enumerable; replaceable(name, read)
//   defines an attribute of the global scope that an assignment turns into a property; illegal() throws as a
//   constructor does that script may not call; need(count, least, what) checks the number of arguments;
// - toUsv(value); dictionary(value, what) -> object or null; sequence(value, what, convert) -> list, where the
//   method that makes its iterator may be known;
//   toLongLong(value, clamps); toDouble(value, what); codePoints(text) -> list of texts.
(function (host, internals) {
  'use strict';
  const { P, append, define } = internals;
  const OwnBigInt = globalThis.BigInt;

  // Operations and attributes are enumerable, whether on the prototype or static.
  const enumerate = (object, isStatic) => {
    const keys = P.ownKeys(object);
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at];
      if (typeof key !== 'string' || key === 'constructor') continue;
      if (isStatic && (key === 'prototype' || key === 'name' || key === 'length')) continue;
      const property = P.Object_getOwnPropertyDescriptor(object, key);
      if (!property.configurable || property.enumerable) continue;
      P.defineProperty(object, key, { __proto__: null, enumerable: true });
    }
  };
  internals.exposeMembers = (constructor) => {
    enumerate(constructor, true);
    enumerate(constructor.prototype, false);
  };
  internals.expose = (name, constructor) => {
    internals.exposeMembers(constructor);
    define(name, constructor);
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
  internals.dictionary = (value, what) => {
    if (value === undefined || value === null) return null;
    if (!internals.isObject(value)) throw new P.TypeError(`${what}: the dictionary is not an object.`);
    return value;
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
