// src/sw.js, for injectManifest of Workbox and of vite-plugin-pwa: pages and data are left to the network.
import { precacheAndRoute } from 'workbox-precaching';

precacheAndRoute(self.__WB_MANIFEST, { directoryIndex: null });
