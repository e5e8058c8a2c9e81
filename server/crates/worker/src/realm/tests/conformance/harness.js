// Checks that run one after the other; each says `ok` or what went wrong.
'use strict';
const checks = [];
const check = (name, act) => { checks.push([name, act]); };
const show = (value) => {
  if (typeof value === 'function') return `function ${value.name}`;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}[${Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))}]`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value).map(([key, item]) => `${key}: ${show(item)}`).join(', ')}}`;
  }
  return Object.is(value, -0) ? '-0' : String(value);
};
const same = (got, wanted, what = 'value') => {
  if (show(got) !== show(wanted)) throw new Error(`${what}: ${show(got)} instead of ${show(wanted)}`);
};
const isError = (error, wanted) => {
  if (typeof wanted === 'function' ? error?.constructor !== wanted : error !== wanted) {
    throw new Error(`failed with ${show(error)} instead of ${show(wanted)}`);
  }
};
const throws = (wanted, act) => {
  try {
    act();
  } catch (error) {
    isError(error, wanted);
    return;
  }
  throw new Error(`did not throw ${show(wanted)}`);
};
const rejects = async (wanted, promise) => {
  try {
    await promise;
  } catch (error) {
    isError(error, wanted);
    return;
  }
  throw new Error(`did not reject with ${show(wanted)}`);
};
const later = (milliseconds = 0) => new Promise((resolve) => setTimeout(resolve, milliseconds));
// Whether a promise has settled by now.
const state = async (promise) => Promise.race([
  promise.then(() => 'fulfilled', () => 'rejected'), later(1).then(() => 'pending')]);
const readAll = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
};
const joined = (chunks) => {
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
};
// A stream of the given chunks.
const streamOf = (...chunks) => new ReadableStream({
  start(controller) {
    for (const chunk of chunks) controller.enqueue(chunk);
    controller.close();
  },
});
const run = async () => {
  for (const [name, act] of checks) {
    try {
      await Promise.race([act(), later(10000).then(() => { throw new Error('never settled'); })]);
      console.log(`ok ${name}`);
    } catch (error) {
      console.log(`FAILED ${name}: ${show(error)}`);
    }
  }
};
addEventListener('install', (event) => { event.waitUntil(run()); });
