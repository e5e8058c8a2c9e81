"""A forwarder that counts bytes: it connects its clients to a port of this machine and counts every byte in both
directions, including ssh's own."""

import socket
import threading


class Wire:
    """Listens on a free port of loopback for as long as the process lives. `port` is its own, `carried` the bytes of both
    directions since it was last set to 0."""

    def __init__(self, port):
        self.to, self.carried, self.lock = port, 0, threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.connects, daemon=True).start()

    def connects(self):
        while True:
            here, _ = self.listener.accept()
            try:
                there = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                # Whoever connected hears that nobody is there.
                here.close()
                continue
            for one in (here, there):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink in ((here, there), (there, here)):
                threading.Thread(target=self.carries, args=(source, sink), daemon=True).start()

    def carries(self, source, sink):
        """One direction, until it ends."""
        block = memoryview(bytearray(1 << 18))
        try:
            while count := source.recv_into(block):
                sink.sendall(block[:count])
                with self.lock:
                    self.carried += count
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # One side has hung up; the other one is told so.
            for one in (source, sink):
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
