"""A process with a rich heap that tells the truth about itself: `truth-target.py FOLDER [SCALE]`.

It builds a rich heap, forks, and stands still. The child has the same objects at the same addresses (copy-on-write) and
dumps, for everything reachable from what the collector tracks: address, type, `sys.getsizeof`, whether it is tracked, and
what `gc.get_referents` says. The parent is not disturbed by that: after `sys._debugmallocstats()`, its last deed, it allocates nothing and waits in pause(2).
The child prints "ready FOLDER" once it sees its parent sleep.

Runs on CPython 3.6 to 3.13. What a version or build lacks is left out and named in `facts.json`.
"""
import array
import ctypes
import gc
import json
import os
import signal
import sys
import threading
import time

import rich_heap

NEVER = threading.Event()
THREADS_PER_DEPTH = 2


def native_thread_id():
    if hasattr(threading, "get_native_id"):
        return threading.get_native_id()
    return ctypes.CDLL(None).syscall(186)  # gettid, x86-64


def descend(depth):
    local = {"depth": depth}
    if depth > 0:
        descend(depth - 1)
    else:
        NEVER.wait()
    return local


def thread_main(depth, idents, started):
    idents.append((threading.get_ident(), native_thread_id()))
    started.set()
    descend(depth)


def start_threads():
    """Twins at each depth, so that the stack of one can be taken from the other: asking a thread for its frames makes
    frame objects that it would not have otherwise (3.11 and later)."""
    twins = []
    for depth in (0, 5, 60):
        idents = []
        for _ in range(THREADS_PER_DEPTH):
            started = threading.Event()
            threading.Thread(target=thread_main, args=(depth, idents, started), daemon=True).start()
            started.wait()
        twins.append(idents)
    time.sleep(0.3)  # until each has reached its wait
    return twins


def frames_of(frame):
    frames = []
    while frame is not None:
        code = frame.f_code
        frames.append({"function": code.co_name, "file": code.co_filename, "line": frame.f_lineno})
        frame = frame.f_back
    return frames


STILL = "pause()  # the parent is here when it is looked at"


def line_of_stillness():
    with open(__file__, encoding="utf8") as source:
        return next(number for number, text in enumerate(source, 1) if text.strip() == STILL)


def thread_stacks(twins):
    """Innermost frame first."""
    by_ident = sys._current_frames()
    stacks = []
    for idents in twins:
        frames = frames_of(by_ident[idents[0][0]])
        stacks += [{"ident": ident, "nativeId": native, "frames": frames} for ident, native in idents]
    here = frames_of(sys._getframe(1))
    here[0]["line"] = line_of_stillness()
    return stacks + [{"ident": threading.get_ident(), "nativeId": os.getpid(), "frames": here}]


def type_facts(cls):
    """By the getters of `type` itself: a metaclass may have its own idea of both names."""
    facts = {}
    for key in ("__module__", "__qualname__"):
        try:
            value = type.__dict__[key].__get__(cls)
        except Exception:
            value = None
        facts[key.strip("_")] = str(value) if isinstance(value, str) else None
    return facts


def dump_objects(roots, pending, seen, rows, links, types, folder):
    """Everything reachable from `roots`, in the forked child. The containers were made before the fork."""
    own = {id(container) for container in (roots, pending, seen, rows, links, types)}
    pending.extend(roots)
    while pending:
        thing = pending.pop()
        address = id(thing)
        if address in seen or address in own:
            continue
        seen.add(address)
        try:
            size = sys.getsizeof(thing)
        except Exception:
            size = 0
        cls = type(thing)
        rows.extend((address, id(cls), size, gc.is_tracked(thing)))
        types.setdefault(id(cls), cls)
        referents = gc.get_referents(thing)
        links.append(len(referents))
        links.extend(map(id, referents))
        pending.extend(referents)
    for name, words in (("objects.bin", rows), ("references.bin", links)):
        with open(os.path.join(folder, name), "wb") as output:
            words.tofile(output)
    return own


def dump(folder, roots, scratch, facts):
    own = dump_objects(roots, *scratch, folder=folder)
    types = scratch[-1]
    facts["types"] = {hex(address): type_facts(cls) for address, cls in types.items()}
    facts["scratch"] = [hex(address) for address in own]
    with open(os.path.join(folder, "facts.json"), "w") as output:
        json.dump(facts, output)


def wait_for_sleep(pid):
    """The parent's last deed before it sleeps is short; three looks in a row rule out a wait for a page or a lock."""
    sleeping = 0
    while sleeping < 3:
        with open("/proc/%d/stat" % pid) as stat:
            state = stat.read().rpartition(")")[2].split()[0]
        sleeping = sleeping + 1 if state == "S" else 0
        time.sleep(0.02)


def stand_still(folder, twins, skipped):
    """Forks the teller of truth; never returns."""
    facts = {
        "version": "%d.%d.%d" % sys.version_info[:3],
        "skippedParts": skipped,
        "thresholds": gc.get_threshold(),
        "stats": gc.get_stats(),
        "frozen": gc.get_freeze_count() if hasattr(gc, "get_freeze_count") else 0,
        "threads": thread_stacks(twins),
    }
    stats_file = os.open(os.path.join(folder, "debugmallocstats.txt"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    counts_file = os.open(os.path.join(folder, "counts.txt"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    # fork(2) itself: os.fork() has the child renew its locks, conditions and queues, which the parent does not have then.
    fork = ctypes.PyDLL(None).fork
    debug_malloc_stats, pause, write = sys._debugmallocstats, signal.pause, os.write
    scratch = [[], set(), array.array("Q"), array.array("Q"), {}]
    roots = []
    roots.extend(gc.get_objects())
    parent = os.getpid()
    if fork() == 0:
        status = 1
        try:
            dump(folder, roots, scratch, facts)
            wait_for_sleep(parent)
            os.write(1, ("ready %s\n" % folder).encode())
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    os.dup2(stats_file, 2)
    write(counts_file, b"%d %d %d" % gc.get_count())
    debug_malloc_stats()
    while True:
        pause()  # the parent is here when it is looked at


def main():
    folder = sys.argv[1]
    scale = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    kept, skipped = rich_heap.build(scale)
    gc.collect()
    young = [[number, [number]] for number in range(3000)]
    del young[::2]
    twins = start_threads()
    gc.disable()
    stand_still(folder, twins, skipped)


if __name__ == "__main__":
    main()
