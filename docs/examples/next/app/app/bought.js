// A shopping list that forgets: one for the page and for the form's handler, which are bundled apart.
export function bought() {
  globalThis.bought ??= [];
  return globalThis.bought;
}
