// The one line that OneSignal has people place: the worker itself is on the service's own host.
importScripts('https://cdn.onesignal.example/sdks/web/v16/OneSignalSDK.sw.js');
