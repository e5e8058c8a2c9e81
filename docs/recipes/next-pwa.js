// next.config.js, for next-pwa: files of the build only. What lies in public/ is not precached, and none of the default
// rules for pages, data and pictures is kept.
export const pwa = {
  dest: 'public',
  publicExcludes: ['**/*'],
  cacheStartUrl: false,
  dynamicStartUrl: false,
  runtimeCaching: [
    {
      urlPattern: /\/_next\/static\/.+/,
      handler: 'CacheFirst',
      options: { cacheName: 'next-static' },
    },
  ],
};
