"""A process that asks jemalloc for its own accounts and then stands still.

usage: jemalloc-target.py LIBRARY THREADS

LIBRARY is where jemalloc's functions are: empty where it was preloaded and serves the whole process, else a library that is loaded
now, next to the malloc that there is, and that is allocated from by hand. Prints the names of the accounts, then the addresses of their values and of a byte;
then fills the values and reads the byte, again and again. Calls go through ctypes with prepared arguments and no result; after a few
turns each turn takes the same memory out of the caches and puts it back.
"""
import ctypes
import os
import random
import sys
import threading
import time

library = ctypes.CDLL(sys.argv[1] or None)
libc = ctypes.CDLL(None)
by_hand = bool(sys.argv[1])
ALL_ARENAS = 4096
SMALL_CLASSES = 36
LARGE_CLASSES = 40
TOTALS = ("allocated", "active", "metadata", "mapped", "retained")
word = ctypes.c_size_t
pointer = ctypes.c_void_p


def function(name, result, *arguments, of=library):
    # A prototype of its own for each use: no conversion, no temporary object.
    return ctypes.CFUNCTYPE(result, *arguments)((name, of))


malloc = function("malloc", pointer, word)
free = function("free", None, pointer)
kept = []


def churn(seed, count):
    """Allocations of every size up to some 500 KiB, two thirds of them freed again."""
    mine = random.Random(seed)
    sizes = [mine.randint(1, 1 << mine.randint(4, 19 if step % 50 == 0 else 13)) for step in range(count)]
    if by_hand:
        blocks = [malloc(size) for size in sizes]
        for address, size in zip(blocks, sizes):
            ctypes.memset(address, 0x5A, size)
        mine.shuffle(blocks)
        for address in blocks[: count * 2 // 3]:
            free(address)
    else:
        blocks = [bytes(size) for size in sizes]
        mine.shuffle(blocks)
        del blocks[: count * 2 // 3]
        kept.append(blocks)


def in_threads(count):
    """Threads that have allocated and now wait in read() for ever."""
    forever, _ = os.pipe()

    def work(seed):
        churn(seed, 3000)
        os.read(forever, 1)

    for seed in range(count):
        threading.Thread(target=work, args=(seed,), daemon=True).start()
    waiting = "0 %#x " % forever
    while sum(open("/proc/self/task/%s/syscall" % task).read().startswith(waiting) for task in os.listdir("/proc/self/task")) < count:
        time.sleep(0.01)


churn(5, 20000)
in_threads(int(sys.argv[2]))

names = ["stats." + total for total in TOTALS]
for sizeclass in range(SMALL_CLASSES):
    names += ["stats.arenas.%d.bins.%d.%s" % (ALL_ARENAS, sizeclass, what) for what in ("curregs", "curslabs")]
names += ["stats.arenas.%d.lextents.%d.curlextents" % (ALL_ARENAS, sizeclass) for sizeclass in range(LARGE_CLASSES)]
names += ["stats.arenas.%d.%s" % (ALL_ARENAS, what) for what in ("pdirty", "pmuzzy", "base", "internal")]

to_mib = function("mallctlnametomib", ctypes.c_int, ctypes.c_char_p, pointer, pointer)
by_mib = function("mallctlbymib", None, pointer, word, pointer, pointer, pointer, word)
keep_alive = []


def prepared(name, value, new=None):
    mib = (word * 8)()
    length = word(8)
    if to_mib(name.encode(), ctypes.addressof(mib), ctypes.addressof(length)) != 0:
        raise SystemExit("no " + name)
    size = word(8)
    keep_alive.extend((mib, size))
    if new is not None:
        return (pointer(ctypes.addressof(mib)), length, pointer(), pointer(), pointer(new), word(8))
    return (pointer(ctypes.addressof(mib)), length, pointer(value), pointer(ctypes.addressof(size)), pointer(), word(0))


values = (ctypes.c_uint64 * len(names))()
epoch = ctypes.c_uint64(1)
last_words = ctypes.create_string_buffer(8)
calls = [prepared("epoch", None, ctypes.addressof(epoch))]
calls += [prepared(name, ctypes.addressof(values) + 8 * index) for index, name in enumerate(names)]
read = function("read", None, ctypes.c_int, pointer, word, of=libc)
words_at = pointer(ctypes.addressof(last_words))
zero = ctypes.c_int(0)
one = word(1)
print(" ".join(names), flush=True)
print("%#x %#x %#x" % (ctypes.addressof(values), 0, words_at.value), flush=True)
while True:
    for call in calls:
        by_mib(*call)
    read(zero, words_at, one)
