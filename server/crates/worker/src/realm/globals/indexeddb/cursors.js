// IndexedDB 3.0, cursors (section 4.9).
(function (host, internals) {
  'use strict';

  const { P, fail, structuredClone, need } = internals;
  const I = internals.indexedDB;

  class IDBCursor {
    constructor(token) {
      I.only(token);
    }
    get source() {
      return I.slot(this, 'cursor').handle.object;
    }
    get direction() {
      return I.slot(this, 'cursor').direction;
    }
    get key() {
      return I.slot(this, 'cursor').shownKey;
    }
    get primaryKey() {
      return I.slot(this, 'cursor').shownPrimary;
    }
    get request() {
      return I.slot(this, 'cursor').request.object;
    }
    advance(count) {
      const cursor = I.slot(this, 'cursor');
      need(arguments.length, 1, 'IDBCursor.advance');
      const steps = I.toCount(count, 'The count');
      if (steps === 0) throw new P.TypeError('A count argument with value 0 (zero) was supplied, must be greater than 0.');
      move(cursor, steps);
    }
    continue(key) {
      const cursor = I.slot(this, 'cursor');
      needGot(cursor);
      let wanted;
      if (key !== undefined) {
        wanted = I.needKey(key);
        const order = I.compare(wanted, cursor.key);
        if (forward(cursor) ? order <= 0 : order >= 0) {
          throw fail('DataError', "The parameter does not lie in the cursor's direction.");
        }
      }
      move(cursor, 1, wanted);
    }
    continuePrimaryKey(key, primaryKey) {
      need(arguments.length, 2, 'IDBCursor.continuePrimaryKey');
      const cursor = I.slot(this, 'cursor');
      I.needActive(cursor.handle.transaction);
      I.live(cursor.handle);
      if (cursor.handle.kind !== 'index' || (cursor.direction !== 'next' && cursor.direction !== 'prev')) {
        throw fail('InvalidAccessError', "The cursor's source or direction does not allow that.");
      }
      needGot(cursor);
      const wanted = I.needKey(key);
      const primary = I.needKey(primaryKey);
      const order = I.compare(wanted, cursor.key) || I.compare(primary, cursor.primary);
      if (forward(cursor) ? order <= 0 : order >= 0) {
        throw fail('DataError', "The parameters do not lie in the cursor's direction.");
      }
      move(cursor, 1, wanted, primary);
    }
    update(value) {
      need(arguments.length, 1, 'IDBCursor.update');
      const cursor = I.slot(this, 'cursor');
      const { handle } = cursor;
      I.needWritable(handle.transaction);
      needGot(cursor);
      if (cursor.keyOnly) throw fail('InvalidStateError', 'The cursor is a key cursor.');
      const target = handle.kind === 'store' ? handle : handle.store;
      const clone = I.cloneInactive(handle.transaction, value);
      const key = cursor.primary;
      if (target.data.keyPath !== null) {
        const found = I.toKey(I.evaluate(clone, target.data.keyPath));
        if (found === undefined || I.compare(found, key) !== 0) {
          throw fail('DataError', "The cursor's key and the value's differ.");
        }
      }
      return I.ask(handle.transaction, this, () => I.fromKey(I.store(handle.transaction, target.data, clone, key, true)));
    }
    delete() {
      const cursor = I.slot(this, 'cursor');
      const { handle } = cursor;
      I.needWritable(handle.transaction);
      needGot(cursor);
      if (cursor.keyOnly) throw fail('InvalidStateError', 'The cursor is a key cursor.');
      const target = handle.kind === 'store' ? handle : handle.store;
      const key = cursor.primary;
      const wanted = { lower: key, upper: key, lowerOpen: false, upperOpen: false };
      return I.ask(handle.transaction, this, () => void I.discard(handle.transaction, target.data, wanted));
    }
  }

  class IDBCursorWithValue extends IDBCursor {
    get value() {
      return I.slot(this, 'cursor').value;
    }
  }

  const forward = (cursor) => cursor.direction === 'next' || cursor.direction === 'nextunique';

  function needGot(cursor) {
    I.needActive(cursor.handle.transaction);
    I.live(cursor.handle);
    if (!cursor.got) throw fail('InvalidStateError', 'The cursor is being iterated or has iterated past its end.');
  }

  function openCursor(handle, query, direction, keyOnly) {
    I.live(handle);
    I.needActive(handle.transaction);
    const towards = `${direction}`;
    if (towards !== 'next' && towards !== 'nextunique' && towards !== 'prev' && towards !== 'prevunique') {
      throw new P.TypeError(`The provided value '${towards}' is not a valid enum value of type IDBCursorDirection.`);
    }
    const cursor = {
      kind: 'cursor',
      handle,
      range: I.toRange(query, false),
      direction: towards,
      keyOnly,
      got: false,
      key: undefined,
      primary: undefined,
      shownKey: undefined,
      shownPrimary: undefined,
      value: undefined,
      request: null,
    };
    I.create(keyOnly ? IDBCursor : IDBCursorWithValue, cursor);
    const request = I.ask(handle.transaction, handle.object, () => iterate(cursor, 1));
    cursor.request = I.slotGet(request);
    return request;
  }

  function move(cursor, steps, key, primary) {
    needGot(cursor);
    cursor.got = false;
    I.ask(cursor.handle.transaction, null, () => iterate(cursor, steps, key, primary), cursor.request);
  }

  // Section 6.7, iterate a cursor.
  function iterate(cursor, steps, key, primary) {
    const list = I.listOf(cursor.handle);
    const { from, to } = I.span(list, cursor.range);
    const ahead = forward(cursor);
    const unique = cursor.direction === 'nextunique' || cursor.direction === 'prevunique';
    let found;
    for (let i = 0; i < steps; i++) {
      const before = unique ? undefined : cursor.primary;
      let at;
      if (ahead) {
        at = cursor.key === undefined ? from : P.MathMax(from, I.place(list, cursor.key, before, true));
        if (key !== undefined) at = P.MathMax(at, I.place(list, key, primary, false));
      } else {
        at = (cursor.key === undefined ? to : P.MathMin(to, I.place(list, cursor.key, before, false))) - 1;
        if (key !== undefined) at = P.MathMin(at, I.place(list, key, primary, true) - 1);
        if (cursor.direction === 'prevunique' && at >= from) at = P.MathMax(from, I.place(list, list[at].key, undefined, false));
      }
      if (at < from || at >= to) {
        cursor.key = cursor.primary = cursor.shownKey = cursor.shownPrimary = cursor.value = undefined;
        return null;
      }
      found = list[at];
      cursor.key = found.key;
      cursor.primary = found.primary;
    }
    cursor.shownKey = I.fromKey(found.key);
    cursor.shownPrimary = I.fromKey(found.primary);
    if (!cursor.keyOnly) cursor.value = structuredClone(I.valueOf(cursor.handle, found));
    cursor.got = true;
    return cursor.object;
  }

  P.Object_assign(I, {
    IDBCursor, IDBCursorWithValue, openCursor,
  });
})
