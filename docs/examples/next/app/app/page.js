import { bought } from './bought';

// Made anew for each request.
export const dynamic = 'force-dynamic';

export default function Page() {
  return (
    <main>
      <h1>Shopping list</h1>
      <form method="post" action="/buy">
        <input name="what" aria-label="What" />
        <button>Bought</button>
      </form>
      {bought().map((what, index) => (
        <p key={index}>Bought: {what}</p>
      ))}
    </main>
  );
}
