"""Makes a household's database of any size, always the same for the same seed: people, medicines, doses with their times,
notes in ordinary words, measured values, and a log of events. There are two kinds: `growing`, with integer keys and times
that only grow, so that a day's rows are together at the end of each table; and `random`, with UUIDs as keys and
tables of short rows that are ordered by them (`WITHOUT ROWID`), so that a day's rows are everywhere."""

import contextlib
import hashlib
import os
import pathlib
import random
import sqlite3
import time

GROWING, RANDOM = "growing", "random"
MIB = 1 << 20
# Of a thousand new rows.
SHARES = {"doses": 400, "events": 350, "notes": 150, "readings": 100}
# No more new rows than this share of all that were there: a household lives one day a day.
NEW_AT_MOST = 0.005
BEGAN = 1_451_606_400  # 2016-01-01
# Seconds from one row to the next.
STEP = 20

NAMES = "Ada Ben Clara David Elsa Finn Greta Hugo Ida Jonas Karla Leo".split()
WORDS = """the the the the and and to to of of a a in in it was with for on at she he we they not had but after before then
    again still more less very quite morning evening night noon breakfast dinner lunch supper water tea coffee soup bread
    apple medicine tablet drops syrup inhaler plaster pharmacy doctor nurse clinic hospital visit call letter appointment
    insurance prescription refill bottle package dose half double skipped taken late early forgotten remembered asked said
    told wrote called came went slept woke rested walked sat stood ate drank felt looked seemed better worse tired dizzy
    cheerful quiet restless warm cold pain headache cough fever stomach knee back shoulder hand foot skin rash swelling
    pressure sugar weight pulse temperature measured normal high low stable rising falling since until about nearly almost
    already yesterday today tomorrow Monday Tuesday Wednesday Thursday Friday Saturday Sunday week month winter summer garden
    kitchen stairs window door bed chair blanket television radio telephone glasses keys shoes bus taxi bicycle neighbour
    daughter son grandmother grandfather sister brother friend cat dog birthday visitor flowers cake shopping laundry bill
    cleaned cooked washed repaired ordered delivered cancelled moved changed started stopped continued reduced increased
    because although while when where which that this these one two three five seven ten twenty thirty please remember
    check buy bring ask write down do not forget together alone slowly quickly carefully outside inside upstairs""".split()
# Rarer words are put together of these.
STARTS = "an be car da el fo gra hel in ju kar lo mar ne or pel qui ros sel ta ur ver wil yar zo".split()
MIDDLES = "ba cor di fen gal hol li mor na pan ri sto ten va wen".split()
ENDS = "ding er est en ing ity ly ment ness ol on s ta tion".split()
KINDS = "dose.taken dose.late dose.skipped note.written stock.counted stock.low login reminder.sent reading.added".split()
MEASURES = "pressure weight pulse sugar temperature".split()
STATES = "taken taken taken taken taken taken late late skipped open".split()


def built(size, keys, folder, seed=1):
    """The database of that many bytes, made unless `folder` has it already."""
    folder.mkdir(parents=True, exist_ok=True)
    # What was made by another version of this file is another database.
    version = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()[:10]
    name = f"household-{keys}-{size // MIB}MiB-{seed}"
    path = folder / f"{name}-{version}.sqlite"
    if path.exists():
        return path
    for old in folder.glob("household-*"):
        if version not in old.name:
            old.unlink()
    part = path.with_suffix(".part")
    with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as connection:
        for pragma in ("page_size=4096", "journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE",
                       "cache_size=-262144"):
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(schema(keys))
        household = Household(connection, keys, seed)
        household.moves_in()
        household.lives(size)
        # Left to be what a web app makes of its database.
        connection.execute("PRAGMA locking_mode=NORMAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("SELECT count(*) FROM people").fetchone()
    sync(part)
    part.rename(path)
    return path


def lengthened(path, size):
    """Makes a database longer by copying its rows into further tables until it has `size` bytes: cheaper than living for
    so long, and no two pages of it are alike."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")
        number = 0
        while bytes_of(connection) < size:
            number += 1
            for table in SHARES:
                columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
                connection.execute(f"CREATE TABLE {table}_{number}(id INTEGER PRIMARY KEY, {', '.join(columns)})")
                # Limited, so that the last copy doesn't go far beyond what was asked for.
                missing = max(0, size - bytes_of(connection))
                connection.execute(f"INSERT INTO {table}_{number} SELECT NULL, {', '.join(columns)} FROM {table} "
                                   f"LIMIT {missing // 60}")
        connection.execute("PRAGMA journal_mode=WAL")


def changed(path, keys, share, seed=2):
    """Changes a share (0 to 1) of all rows as a day does: half of them new (at most half a percent of what was there), the
    rest changed, the newest ones where keys grow and anywhere where they are random. What was done, in rows."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-262144")
        counts = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in SHARES}
        rows = sum(counts.values())
        new = min(round(rows * share / 2), round(rows * NEW_AT_MOST))
        old = round(rows * share) - new
        household = Household(connection, keys, seed)
        connection.execute("BEGIN IMMEDIATE")
        if old:
            for table, count in counts.items():
                household.changes(table, count, min(count, round(old * count / rows)))
        if new:
            household.adds(new)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return {"rows": rows, "new": new, "changed": old}


def schema(keys):
    """The tables and their indexes; in both kinds the same, but for the keys. Long rows stay in the order in which they were
    written, since SQLite advises against `WITHOUT ROWID` for them (https://sqlite.org/withoutrowid.html)."""
    key, end = ("INTEGER PRIMARY KEY", "") if keys == GROWING else ("TEXT PRIMARY KEY", "WITHOUT ROWID")
    return f"""
        CREATE TABLE people(id {key}, name TEXT NOT NULL, born TEXT, colour TEXT){end};
        CREATE TABLE medicines(id {key}, person, name TEXT NOT NULL, strength TEXT, stock INTEGER, hint TEXT){end};
        CREATE TABLE doses(id {key}, medicine NOT NULL, person NOT NULL, due TEXT NOT NULL, taken TEXT, amount REAL,
            helper, state TEXT NOT NULL, remark TEXT){end};
        CREATE INDEX doses_of_medicine ON doses(medicine, due);
        CREATE TABLE notes(id {key}, person NOT NULL, written TEXT NOT NULL, title TEXT, body TEXT NOT NULL);
        CREATE INDEX notes_of_person ON notes(person, written);
        CREATE TABLE readings(id {key}, person NOT NULL, kind TEXT NOT NULL, at TEXT NOT NULL, value REAL){end};
        CREATE INDEX readings_of_person ON readings(person, kind, at);
        CREATE TABLE events(id {key}, at INTEGER NOT NULL, kind TEXT NOT NULL, actor, detail TEXT, seen INTEGER){end};
        CREATE INDEX events_by_time ON events(at);
    """


class Household:
    """Who lives in a database, and what they write into it."""

    def __init__(self, connection, keys, seed):
        self.connection, self.keys, self.random = connection, keys, random.Random(seed)
        self.day = (None, "")
        # One word in two is a common one.
        rare = [start + middle + end for start in STARTS for middle in MIDDLES for end in ENDS]
        self.random.shuffle(rare)
        words, pick = WORDS * (len(rare) // len(WORDS)) + rare, self.random.random
        self.sentences = [" ".join(words[int(pick() * len(words))] for _ in range(5 + int(pick() * 10))).capitalize() + "."
                          for _ in range(20_000)]
        self.reads()

    def reads(self):
        """Who is there, and when it is."""
        ask = self.connection.execute
        self.people = [row[0] for row in ask("SELECT id FROM people ORDER BY name")]
        self.medicines = ask("SELECT id, person FROM medicines ORDER BY name, strength").fetchall()
        latest = ask("SELECT max(at) FROM events").fetchone()[0]
        self.now = BEGAN if latest is None else latest // 1000

    def moves_in(self):
        """The people and their medicines."""
        for name in NAMES:
            self.connection.execute("INSERT INTO people VALUES (?,?,?,?)",
                                    (self.key(), name, f"19{self.below(90) + 10}-0{self.below(9) + 1}-11", "teal"))
        people = [row[0] for row in self.connection.execute("SELECT id FROM people ORDER BY name")]
        for number in range(60):
            name = f"{self.word().capitalize()}{self.word()}-{number:02}"
            self.connection.execute("INSERT INTO medicines VALUES (?,?,?,?,?,?)", (
                self.key(), people[number % len(people)], name, f"{5 * (1 + self.below(100))} mg", self.below(200),
                self.sentence()))
        self.reads()

    def lives(self, size):
        """Adds rows until the database has that many bytes. The rows come in batches, each in the order of its keys: with
        random keys that is as scattered and as loosely packed as row by row, and done in minutes."""
        each, made = 400, 0
        began = bytes_of(self.connection)
        while (there := bytes_of(self.connection)) < size:
            if made:
                each = max(50, (there - began) / made)
            batch = min(250_000, size / each / 12, (size - there) / each + 50)
            self.connection.execute("BEGIN")
            self.adds(max(50, int(batch)))
            self.connection.execute("COMMIT")
            made += max(50, int(batch))

    def adds(self, count):
        """New rows, in the shares of the tables."""
        made = {"doses": self.dose, "events": self.event, "notes": self.note, "readings": self.reading}
        rows = {table: [] for table in SHARES}
        tables = [table for table, share in SHARES.items() for _ in range(share)]
        pick = self.random.random
        for _ in range(count):
            table = tables[int(pick() * 1000)]
            self.now += STEP
            rows[table].append(made[table]())
        for table, new in rows.items():
            if self.keys == RANDOM:
                new.sort()
            if new:
                marks = ",".join("?" * len(new[0]))
                self.connection.executemany(f"INSERT INTO {table} VALUES ({marks})", new)

    def changes(self, table, count, some):
        """Changes some of a table's rows."""
        if self.keys == GROWING:
            chosen = [row[0] for row in self.connection.execute(
                f"SELECT id FROM {table} ORDER BY id DESC LIMIT ?", (some,))]
        else:
            places = sorted(self.random.sample(range(count), some))
            chosen, wanted = [], iter(places)
            place = next(wanted, None)
            for number, row in enumerate(self.connection.execute(f"SELECT id FROM {table} ORDER BY id")):
                if number == place:
                    chosen.append(row[0])
                    place = next(wanted, None)
        how = {
            "doses": ("taken=?, state='late', amount=?", lambda: (self.moment(), self.below(8) / 2)),
            "events": ("detail=?, seen=1", lambda: (self.detail(),)),
            "notes": ("body=?", lambda: (self.text(),)),
            "readings": ("value=?", lambda: (self.value(),)),
        }
        sets, values = how[table]
        self.connection.executemany(f"UPDATE {table} SET {sets} WHERE id=?", ((*values(), key) for key in chosen))

    def writes(self):
        """What one request writes: a dose that was taken, the stock that it leaves, and a line in the log."""
        self.now += 1
        ask, dose = self.connection.execute, self.dose()
        ask("BEGIN IMMEDIATE")
        ask("INSERT INTO doses VALUES (?,?,?,?,?,?,?,?,?)", dose)
        ask("UPDATE medicines SET stock = stock - 1 WHERE id=?", (dose[1],))
        ask("INSERT INTO events VALUES (?,?,?,?,?,?)", self.event())
        ask("COMMIT")

    def dose(self):
        medicine, person = self.medicines[self.below(len(self.medicines))]
        remark = self.sentence() if self.below(20) == 0 else None
        return (self.key(), medicine, person, self.moment(), self.moment(self.below(3600)), self.below(8) / 2,
                self.person(), STATES[self.below(len(STATES))], remark)

    def note(self):
        return self.key(), self.person(), self.moment(), self.sentence()[:40], self.text()

    def reading(self):
        return self.key(), self.person(), MEASURES[self.below(len(MEASURES))], self.moment(), self.value()

    def event(self):
        return (self.key(), self.now * 1000 + self.below(1000), KINDS[self.below(len(KINDS))], self.person(),
                self.detail(), 0)

    def detail(self):
        return (f'{{"page":"/day/{self.below(400)}","ms":{self.below(900)},"from":"192.168.1.{self.below(250)}",'
                f'"text":"{self.sentence()}"}}')

    def text(self):
        return " ".join([self.sentence() for _ in range(1 + self.below(23))])

    def value(self):
        return round(36 + self.random.random() * 100, 1)

    def person(self):
        return self.people[self.below(len(self.people))]

    def key(self):
        if self.keys == GROWING:
            return None
        digits = f"{self.random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def moment(self, later=0):
        day, rest = divmod(self.now + later, 86400)
        if self.day[0] != day:
            self.day = (day, time.strftime("%Y-%m-%d", time.gmtime(day * 86400)))
        return f"{self.day[1]}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z"

    def sentence(self):
        return self.sentences[int(self.random.random() * len(self.sentences))]

    def word(self):
        return WORDS[self.below(len(WORDS))]

    def below(self, number):
        return int(self.random.random() * number)


def bytes_of(connection):
    """How large a database is, with what its transaction has not written yet."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    return pages * connection.execute("PRAGMA page_size").fetchone()[0]


def sync(path):
    """Waits until a file is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
