export default function Page() {
  return <h1>List</h1>;
}

export async function getStaticProps() {
  return { props: {}, revalidate: 600 };
}
