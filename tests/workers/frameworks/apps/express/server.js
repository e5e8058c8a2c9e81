const express = require('express');

const app = express();
/* SET UP */
const page = (title) => `<!doctype html>
<title>${title}</title>
<link rel="stylesheet" href="/assets/app-D8a9sQwz.css">
<script src="/app.js"></script>
<h1>${title}</h1>
<p><a href="/">Home</a> <a href="/about/">About</a> <a href="/shared">Shared</a> <a href="/old">Old</a> <a href="/docs">Documents</a> <a href="/fail">Fail</a></p>
`;
app.get('/', (req, res) => res.send(page('Things to do')));
app.get('/about', (req, res) => res.send(page('About')));
app.get('/old', (req, res) => res.redirect(301, '/about'));
app.get('/fail', () => {
  throw new Error('It fails each time.');
});
app.get('/shared', (req, res) => {
  res.set({ 'Cache-Control': 'max-age=0, must-revalidate, s-maxage=600', 'CDN-Cache-Control': 'max-age=600' });
  /* SHARED */
  res.send(page('Shared'));
});
app.listen(process.env.PORT, '127.0.0.1');
