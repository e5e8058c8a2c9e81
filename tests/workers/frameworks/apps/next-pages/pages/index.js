import Link from 'next/link';

export default function Page() {
  return (
    <main>
      <h1>Things to do</h1>
      <p>
        <Link href="/about">About</Link> <a href="/about/">About, with a slash</a> <Link href="/list">List</Link>
        <a href="/old">Old</a>
      </p>
      <img src="/file.png" alt="" />
    </main>
  );
}
