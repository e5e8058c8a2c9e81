"""Measures a command from outside, with a time limit: its wall time, its processor time, what it wrote to the disk and its
memory. Processes that are started here end with the benchmark, even if that is killed."""

import atexit
import contextlib
import ctypes
import dataclasses
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
MIB = 1 << 20
# How often the memory of a process is looked at, in seconds.
LOOK_EACH = 0.02
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
children = []


@dataclasses.dataclass
class Cost:
    """What the steps of one way cost together. `written` is `write_bytes` of /proc/PID/io, in bytes: what they caused to be
    written to the disk, whether or not it was deleted again. `peak` is the high-water mark of the resident memory of the
    step that held most, and `own` that of its anonymous part, as it was seen, in bytes. Times are in seconds, `began` and
    `ended` on the monotonic clock."""
    wall: float = 0.0
    processor: float = 0.0
    written: int = 0
    peak: int = 0
    own: int = 0
    finished: bool = True
    began: float = 0.0
    ended: float = 0.0
    file: int = 0


def run(steps, bound, error_file, **how):
    """Runs commands one after the other, all of them within `bound` seconds; what has not ended by then is killed."""
    cost = Cost(began=time.monotonic())
    for step in steps:
        with open(error_file, "wb") as errors:
            child = start(step, stdout=subprocess.DEVNULL, stderr=errors, **how)
        code = watched(child, cost, cost.began + bound)
        if code is None:
            cost.finished = False
            break
        if code != 0:
            sys.exit(f"{' '.join(map(str, step))} has failed: {pathlib.Path(error_file).read_text(errors='replace')}")
    cost.ended = time.monotonic()
    cost.wall = cost.ended - cost.began
    return cost


def watched(child, cost, deadline):
    """Adds a child's costs up to its end; its exit code, or nothing if it had to be killed."""
    killed = False
    ended = select.poll()
    descriptor = os.pidfd_open(child.pid)
    ended.register(descriptor, select.POLLIN)
    try:
        while not ended.poll(LOOK_EACH * 1000):
            status = read(f"/proc/{child.pid}/status")
            cost.peak = max(cost.peak, in_status(status, "VmHWM"))
            cost.own = max(cost.own, in_status(status, "RssAnon"))
            if time.monotonic() > deadline and not killed:
                killed = True
                child.kill()
    finally:
        os.close(descriptor)
    # The kernel adds what a child wrote to its parent's account at the moment when the parent takes note of its end.
    before = written_by_me()
    _, status, usage = os.wait4(child.pid, 0)
    cost.written += written_by_me() - before
    child.returncode = os.waitstatus_to_exitcode(status)
    children.remove(child)
    cost.processor += usage.ru_utime + usage.ru_stime
    return None if killed else child.returncode


def written_by_me():
    """`write_bytes` of this process and of the children that it has seen end."""
    return next(int(line.split()[1]) for line in read("/proc/self/io").splitlines() if line.startswith("write_bytes:"))


def in_status(status, name):
    """A line of /proc/PID/status, in bytes."""
    found = next((line for line in status.splitlines() if line.startswith(name + ":")), None)
    return int(found.split()[1]) * 1024 if found else 0


def start(command, **how):
    """A child that the kernel ends with this process, whatever ends that."""
    parent = os.getpid()

    def bound_to_parent():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=bound_to_parent, **how)
    children.append(child)
    return child


def stop(child, patience=20):
    """Ends a child kindly, or else not."""
    child.terminate()
    try:
        child.wait(patience)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait(patience)
    children.remove(child)


def stop_all():
    """Nothing that was started here goes on."""
    while children:
        child = children.pop()
        child.kill()
        child.wait(20)


def prepare():
    """Whatever ends the benchmark ends what it has started; all of it runs on two processors."""
    atexit.register(stop_all)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])


def need_tools(needs):
    """Debian packages by the command that each brings: installed as root, named otherwise."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [package for command, package in needs.items() if not shutil.which(command)]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"stdout": subprocess.DEVNULL, "timeout": 600, "check": False,
                 "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], **quiet)
        missing = [package for command, package in needs.items() if not shutil.which(command)]
    if missing:
        sys.exit(f"missing: {' '.join(missing)}. On Debian: apt-get install {' '.join(missing)}")


def build(built=None):
    """The release of tealkeep."""
    if built:
        return pathlib.Path(built).resolve()
    command = ["cargo", "build", "--release", "-p", "tealkeep"]
    if subprocess.run(command, cwd=ROOT, timeout=3600, check=False).returncode != 0:
        sys.exit("the release could not be built")
    return target() / "release/tealkeep"


def target():
    """Where cargo builds, and where databases are kept between runs."""
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def size_in_bytes(text):
    """`64MiB` or `1GiB` as a number of bytes."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", MIB)):
        if text.endswith(unit):
            return int(float(text.removesuffix(unit)) * factor)
    raise ValueError(f"{text} is not a size such as 64MiB or 1GiB")


def need_room(folder, size):
    """Ends here if there is too little room."""
    free = shutil.disk_usage(folder).free
    if free < size:
        sys.exit(f"{folder} has {free // MIB} MiB free; this needs {size // MIB} MiB: free some, or choose a smaller --size")


@contextlib.contextmanager
def work_folder(kept):
    """A folder for one run, gone with it; those that killed runs left are removed first."""
    kept.mkdir(parents=True, exist_ok=True)
    for left in kept.glob("run-*"):
        if not pathlib.Path(f"/proc/{left.name.split('-')[1]}").exists():
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=f"run-{os.getpid()}-", dir=kept) as folder:
        try:
            yield pathlib.Path(folder)
        finally:
            stop_all()


def read(path):
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        # It has ended meanwhile.
        return ""


def alike(source, path):
    """Makes `path` a copy of `source` by writing only what differs, so that the page cache holds both and little reaches
    the disk; what SQLite left beside it is gone."""
    for end in ("-wal", "-shm"):
        pathlib.Path(f"{path}{end}").unlink(missing_ok=True)
    if not path.exists():
        shutil.copyfile(source, path)
        return
    with open(source, "rb") as wanted, open(path, "r+b") as there:
        while block := wanted.read(MIB):
            if there.read(len(block)) != block:
                there.seek(wanted.tell() - len(block))
                there.write(block)
        there.truncate(wanted.tell())


def copied_folder(source, path):
    """A folder of snapshots as it was: files that never change are linked, the others copied."""
    shutil.rmtree(path, ignore_errors=True)

    def one(file, to):
        if os.path.getsize(file) > MIB:
            os.link(file, to)
        else:
            shutil.copy2(file, to)

    shutil.copytree(source, path, symlinks=True, copy_function=one)


def settle():
    """What was written before is on the disk, so that no run pays for another's. Nothing is dropped from the page cache:
    it is warm for all."""
    os.sync()


def machine():
    """What this was measured on, in a line."""
    model = next((line.split(":", 1)[1].strip() for line in read("/proc/cpuinfo").splitlines()
                  if line.startswith("model name")), os.uname().machine)
    memory = in_status(read("/proc/meminfo"), "MemTotal") / (1 << 30)
    return f"{len(os.sched_getaffinity(0))} processors ({model}), {memory:.0f} GiB of memory, Linux {os.uname().release}"
