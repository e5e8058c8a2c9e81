module.exports = {
  output: 'standalone',
  outputFileTracingRoot: __dirname,
  // Browsers ask for pages again each time; the files below /_next/static/ have names that change with their content.
  async headers() {
    return [{ source: '/((?!_next/static/).*)', headers: [{ key: 'Cache-Control', value: 'no-cache' }] }];
  },
};
