// Fetch, sections 5.1 and 5.3, and Web IDL, sections 3.2.22 and 3.7.10.
check('Headers asks an init for its iterator, also another Headers', () => {
  const init = new Headers({ a: '1' });
  init[Symbol.iterator] = function* () { yield ['b', '2']; };
  same([...new Headers(init)], [['b', '2']]);
  throws(TypeError, () => new Headers([['a']]));
  throws(TypeError, () => new Headers([['a', 'b', 'c']]));
  throws(TypeError, () => new Headers([5]));
});
check('a record is converted key by key, before anything is added', () => {
  const asked = [];
  const record = new Proxy({ a: 'x', 'b\u0100': 'y', c: 'z' }, {
    ownKeys(target) { asked.push('keys'); return Reflect.ownKeys(target); },
    getOwnPropertyDescriptor(target, key) { asked.push(`describe ${key}`); return Reflect.getOwnPropertyDescriptor(target, key); },
    get(target, key) { asked.push(`get ${String(key)}`); return target[key]; },
  });
  throws(TypeError, () => new Headers(record));
  same(asked, ['get Symbol(Symbol.iterator)', 'keys', 'describe a', 'get a', 'describe b\u0100']);
});
check('iterators of an interface share a prototype with its name', () => {
  const base = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
  for (const [object, name] of [[new Headers(), 'Headers'], [new FormData(), 'FormData'], [new URLSearchParams(), 'URLSearchParams']]) {
    const prototype = Object.getPrototypeOf(object.entries());
    same([Object.getPrototypeOf(prototype) === base, Object.getPrototypeOf(object.keys()) === prototype], [true, true]);
    const tag = Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag);
    same([tag.value, tag.writable, tag.enumerable, tag.configurable], [`${name} Iterator`, false, false, true]);
    throws(TypeError, () => prototype.next.call({}));
    throws(TypeError, () => prototype.next.call([].values()));
  }
});
check('what a body holds goes past a then that all objects have', async () => {
  const stream = streamOf(new TextEncoder().encode('mine'));
  const bodies = [new Response('mine'), new Response(stream), new Request('/', { method: 'POST', body: 'mine' })];
  for (const body of bodies) {
    Object.prototype.then = function (resolve) {
      delete Object.prototype.then;
      resolve(new TextEncoder().encode('other'));
    };
    try {
      same(await body.text(), 'mine');
    } finally {
      delete Object.prototype.then;
    }
  }
});
check('a blob has the type that the header means', async () => {
  const typeOf = async (type) => (await new Response('x', { headers: { 'Content-Type': type } }).blob()).type;
  same(await typeOf('TEXT/Html; Charset="GBK"; charset=b'), 'text/html;charset=GBK');
  same(await typeOf('text/plain, text/html;x="("'), 'text/html;x="("');
  same(await typeOf('nothing'), '');
});
check('a file keeps its time under another name', () => {
  const form = new FormData();
  form.append('f', new File(['x'], 'a', { lastModified: 5 }), 'b');
  same([form.get('f').name, form.get('f').lastModified], ['b', 5]);
});
