// Walks the table of surface.idl in the realm and says what is not so. Evaluated as the body of a worker, behind a
// constant `TABLE` with the table's text.
const wrong = [];
const say = (what) => wrong.push(what);
const describe = Object.getOwnPropertyDescriptor;
let name = '';
let face;
const unreachable = {};
const checkGetter = (holder, key, hasSetter) => {
  const property = describe(holder, key);
  if (!property) return say(`${name}.${key} is missing`);
  if (!property.get) return say(`${name}.${key} is no accessor`);
  if (!property.enumerable || !property.configurable) say(`${name}.${key} is not enumerable and configurable`);
  if (!!property.set !== hasSetter) say(`${name}.${key} ${hasSetter ? 'lacks a' : 'has a'} setter`);
  if (property.get.name !== `get ${key}`) say(`${name}.${key}: the getter is called '${property.get.name}'`);
  if (property.get.length !== 0) say(`${name}.${key}: the getter's length is ${property.get.length}`);
  if (property.set && property.set.name !== `set ${key}`) say(`${name}.${key}: the setter is called '${property.set.name}'`);
  if (!/\[native code\]/.test(property.get)) say(`${name}.${key}: the getter shows its source`);
  try {
    const got = property.get.call(unreachable);
    if (!(got instanceof Promise)) say(`${name}.${key} can be read from any object`);
    else got.catch(() => {});
  } catch (error) {
    if (!(error instanceof TypeError)) say(`${name}.${key} of another object throws ${error}`);
  }
};
const checkFunction = (holder, text, isStatic) => {
  const [key, length] = text.split('/');
  const property = describe(holder, key);
  if (!property) return say(`${name}.${key}() is missing`);
  const { value } = property;
  if (typeof value !== 'function') return say(`${name}.${key} is no function`);
  if (!property.enumerable || !property.writable || !property.configurable) say(`${name}.${key}() has other attributes`);
  if (value.name !== key) say(`${name}.${key}() is called '${value.name}'`);
  if (value.length !== +length) say(`${name}.${key}() has the length ${value.length}`);
  if ('prototype' in value) say(`${name}.${key}() has a prototype`);
  if (!/\[native code\]/.test(value)) say(`${name}.${key}() shows its source`);
  if (isStatic) return;
  try {
    const got = value.call(unreachable, 'x', 'y');
    if (!(got instanceof Promise)) say(`${name}.${key}() can be called on any object`);
    else {
      const of = name;
      got.then(() => console.log(`${of}.${key}() resolves on any object`), (error) => {
        if (!(error instanceof TypeError)) console.log(`${of}.${key}() on another object rejects with ${error}`);
      });
    }
  } catch (error) {
    if (!(error instanceof TypeError)) say(`${name}.${key}() on another object throws ${error}`);
  }
};
for (const line of TABLE.split('\n')) {
  if (line === '' || line.startsWith('#')) continue;
  if (!line.startsWith(' ')) {
    const [, own, parent, length] = /^(\w+)(?: : (\w+))? (\d+|-)$/.exec(line);
    name = own;
    const property = describe(self, name);
    face = property && property.value;
    if (typeof face !== 'function') {
      say(`${name} is missing`);
      face = undefined;
      continue;
    }
    if (property.enumerable || !property.writable || !property.configurable) say(`${name} has other attributes`);
    if (face.name !== name) say(`${name} is called '${face.name}'`);
    if (face.length !== (length === '-' ? 0 : +length)) say(`${name} has the length ${face.length}`);
    if (!/\[native code\]/.test(face)) say(`${name} shows its source`);
    const base = describe(face, 'prototype');
    if (base.writable || base.enumerable || base.configurable) say(`${name}.prototype has other attributes`);
    const tag = describe(face.prototype, Symbol.toStringTag);
    if (!tag || tag.value !== name || tag.writable || tag.enumerable || !tag.configurable) say(`${name} has no brand`);
    const maker = describe(face.prototype, 'constructor');
    if (!maker || maker.value !== face || maker.enumerable || !maker.writable || !maker.configurable) say(`${name}.prototype.constructor`);
    if (parent) {
      if (Object.getPrototypeOf(face) !== self[parent]) say(`${name} does not inherit from ${parent}`);
      if (Object.getPrototypeOf(face.prototype) !== self[parent].prototype) say(`${name}.prototype does not inherit from ${parent}`);
    }
    for (const call of [() => face(), ...(length === '-' ? [() => new face(), () => new face({}, {})] : [])]) {
      try {
        call();
        say(`${name} can be called without being constructed, or be constructed`);
      } catch (error) {
        if (!(error instanceof TypeError)) say(`${name}: ${error}`);
      }
    }
    continue;
  }
  if (face === undefined) continue;
  const [kind, ...members] = line.trim().split(' ');
  for (const member of members) {
    if (kind === 'ro') checkGetter(face.prototype, member, false);
    if (kind === 'rw') checkGetter(face.prototype, member, true);
    if (kind === 'op') checkFunction(face.prototype, member, false);
    if (kind === 'static') checkFunction(face, member, true);
    if (kind === 'const') {
      const [key, value] = member.split('=');
      for (const holder of [face, face.prototype]) {
        const property = describe(holder, key);
        if (!property || property.value !== +value || !property.enumerable || property.writable || property.configurable) {
          say(`${name}.${key}`);
        }
      }
    }
  }
}
for (const what of wrong) console.log(what);
