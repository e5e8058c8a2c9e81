import './style.css';

export const metadata = { title: 'Things to do' };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
