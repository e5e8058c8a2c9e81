// app/sw.js of Serwist, with `globPublicPatterns: []` in next.config.js: the build's files, and no rules besides.
import { Serwist } from 'serwist';

const serwist = new Serwist({
  precacheEntries: self.__SW_MANIFEST,
  precacheOptions: { directoryIndex: null },
  runtimeCaching: [],
});

serwist.addEventListeners();
