/* FRESH */

export default function Page() {
  return <h1>Fresh</h1>;
}
