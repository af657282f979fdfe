"""A process that asks glibc for its own accounts and then stands still.

usage: malloc-target.py SCENARIO[,SCENARIO...]

Prints the addresses of a struct mallinfo2, of malloc_info's text and of a byte, then fills both and reads the byte, again and
again. Calls go through ctypes with prepared arguments and no result; after a few turns each turn takes the same memory out of
the caches and puts it back, so what stands there when standard input runs dry is what the process is.
"""
import ctypes
import os
import random
import sys
import threading
import time

XML_BYTES = 1 << 20
libc = ctypes.CDLL(None)
rnd = random.Random(5)
kept = []
scenarios = sys.argv[1].split(",")


def function(name, result, *arguments):
    # A prototype of its own for each use: no conversion, no temporary object.
    return ctypes.CFUNCTYPE(result, *arguments)((name, libc))


word = ctypes.c_size_t
pointer = ctypes.c_void_p
malloc = function("malloc", pointer, word)
free = function("free", None, pointer)
memalign = function("memalign", pointer, word, word)


def churn(count, low, high, keep_every):
    blocks = [bytes(rnd.randint(low, high)) for _ in range(count)]
    rnd.shuffle(blocks)
    return blocks[::keep_every]


def block_break():
    """A page right behind the heap: brk fails from now on, and the main arena grows by mmap."""
    sbrk = function("sbrk", pointer, ctypes.c_long)
    mmap = function("mmap", pointer, pointer, word, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
    end = (sbrk(0) + 4095) // 4096 * 4096
    if mmap(end, 4096, 0, 0x100022, -1, 0) != end:
        raise SystemExit("cannot map behind the heap")


def foreign_break():
    """Memory that somebody else takes by sbrk lies in the middle of the heap."""
    kept.append(churn(2000, 600, 4000, 3))
    sbrk = function("sbrk", pointer, ctypes.c_long)
    start = sbrk(300000)
    ctypes.memset(start, 0x5A, 300000)
    say("foreign", [start])


def mapped():
    kept.append([bytearray(300000 + 5000 * step) for step in range(30)])
    kept.append([malloc(1 << 25) for _ in range(3)])


def decoy():
    """A mapping of the program's own whose data look like the header of a mapped chunk of three pages."""
    mmap = function("mmap", pointer, pointer, word, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
    start = mmap(None, 64 * 4096, 3, 0x22, -1, 0)
    ctypes.memmove(start + 8 * 4096 + 8, (3 * 4096 + 2).to_bytes(8, "little"), 8)
    say("decoy", [start])


def aligned():
    """Chunks of every alignment, in heaps and mapped; says their addresses."""
    addresses = []
    for alignment in (32, 64, 256, 4096, 65536, 1 << 21):
        for size in (40, 700, 5000, 33 << 20):
            addresses.append(memalign(alignment, size))
            ctypes.memset(addresses[-1], 1, 8)
    say("aligned", addresses)


def say(what, addresses):
    print(what, *("%#x" % address for address in addresses), flush=True)


def in_threads(count):
    """Threads with an arena each, which then wait in read() for ever."""
    forever, _ = os.pipe()

    def work(seed):
        mine = random.Random(seed)
        blocks = [bytes(mine.randint(513, 40000)) for _ in range(1500)]
        small = [malloc(24 + 16 * (step % 40)) for step in range(3000)]
        mine.shuffle(blocks)
        del blocks[::2]
        for address in small[::2]:
            free(address)
        os.read(forever, 1)

    threads = [threading.Thread(target=work, args=(seed,), daemon=True) for seed in range(count)]
    for thread in threads:
        thread.start()
    waiting = "0 %#x " % forever
    while sum(open("/proc/self/task/%s/syscall" % task).read().startswith(waiting) for task in os.listdir("/proc/self/task")) < count:
        time.sleep(0.01)


for scenario in scenarios:
    name, _, count = scenario.partition("=")
    if name == "plain":
        kept.append(churn(20000, 10, 9000, 3))
    elif name == "small":
        addresses = [malloc(24 + 16 * (step % 60)) for step in range(60000)]
        for address in addresses[::3]:
            free(address)
        say("used", [address for step, address in enumerate(addresses) if step % 3 != 0])
        say("freed", addresses[::3])
    elif name == "blocked":
        block_break()
        kept.append(churn(8000, 4000, 6000, 2))
    elif name == "foreign":
        foreign_break()
        kept.append(churn(5000, 600, 6000, 3))
    elif name == "mapped":
        mapped()
    elif name == "decoy":
        decoy()
    elif name == "aligned":
        aligned()
    elif name == "unmapped":
        free(malloc(20 << 20))
    elif name == "trim":
        function("malloc_trim", None, word)(0)
    elif name == "threads":
        in_threads(int(count))
    else:
        raise SystemExit("unknown scenario " + name)

accounts = ctypes.create_string_buffer(80)
text = ctypes.create_string_buffer(XML_BYTES)
last_words = ctypes.create_string_buffer(8)
fmemopen = function("fmemopen", pointer, pointer, word, ctypes.c_char_p)
stream = pointer(fmemopen(ctypes.addressof(text), XML_BYTES, b"w"))
# mallinfo2 returns its struct through a hidden first argument: so declared, it needs no result object.
mallinfo2 = function("mallinfo2", None, pointer)
malloc_info = function("malloc_info", None, ctypes.c_int, pointer)
rewind = function("rewind", None, pointer)
fflush = function("fflush", None, pointer)
read = function("read", None, ctypes.c_int, pointer, word)
accounts_at = pointer(ctypes.addressof(accounts))
words_at = pointer(ctypes.addressof(last_words))
zero = ctypes.c_int(0)
one = word(1)
print("%#x %#x %#x" % (accounts_at.value, ctypes.addressof(text), words_at.value), flush=True)
while True:
    rewind(stream)
    malloc_info(zero, stream)
    fflush(stream)
    mallinfo2(accounts_at)
    read(zero, words_at, one)
