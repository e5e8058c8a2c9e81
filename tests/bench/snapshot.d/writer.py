#!/usr/bin/env python3
"""The app: a separate process that commits to a database in WAL mode at a given rate, and records when each
commit was due, when it began and when it was done (seconds on the monotonic clock, three doubles each).

    writer.py DATABASE growing|random RATE SEED FILE

It prints `writing` when it has begun, and writes its records to FILE on SIGTERM. As is usual for a web app with SQLite, it uses
`synchronous=NORMAL` and a busy timeout."""

import array
import contextlib
import gc
import pathlib
import signal
import sqlite3
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from household import Household

# How long a commit waits for a lock, in seconds.
PATIENCE = 60


def main():
    database, keys, rate, seed, file = sys.argv[1:]
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(True))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    noted = array.array("d")
    with contextlib.closing(sqlite3.connect(database, timeout=PATIENCE, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=NORMAL")
        household = Household(connection, keys, int(seed))
        # No pauses but SQLite's own.
        gc.disable()
        print("writing", flush=True)
        due = time.monotonic()
        while not told:
            began = time.monotonic()
            if began < due:
                time.sleep(min(due - began, 0.1))
                continue
            household.writes()
            noted.extend((due, began, time.monotonic()))
            due += 1 / float(rate)
    pathlib.Path(file).write_bytes(noted.tobytes())


if __name__ == "__main__":
    main()
