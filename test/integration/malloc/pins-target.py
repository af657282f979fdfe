"""A process whose heaps are pinned in known ways, and that does what standard input says.

usage: pins-target.py SHAPE[,SHAPE...]

Prints `NAME ADDRESS` for each pin and `ready`. Then reads words, one a line: `trim` calls malloc_trim(0), `drop NAME` deletes a pin,
`nothing` warms up what a command itself needs. Each is answered with `done`.
"""
import ctypes
import gc
import os
import random
import sys
import threading
import time

libc = ctypes.CDLL(None)
word = ctypes.c_size_t
pointer = ctypes.c_void_p


def function(name, result, *arguments):
    return ctypes.CFUNCTYPE(result, *arguments)((name, libc))


malloc = function("malloc", pointer, word)
free = function("free", None, pointer)
malloc_trim = function("malloc_trim", None, word)
zero = word(0)
rnd = random.Random(3)
held = {}
kept = []


class Survivor:
    __slots__ = ("name", "__weakref__")


def filled(bytes_each):
    address = malloc(bytes_each)
    ctypes.memset(address, 1, bytes_each)
    return address


def string():
    """A str behind free memory."""
    blocks = [bytes(4000) for _ in range(8000)]
    held["string"] = "y" * 100000
    del blocks


def scattered():
    """Every third block of all sizes stays."""
    blocks = [bytes(rnd.randint(10, 9000)) for _ in range(12000)]
    rnd.shuffle(blocks)
    kept.append(blocks[::3])


def fast():
    """Free chunks of fastbin size, more than a thread's cache takes, between others."""
    addresses = [filled(100) for _ in range(60000)]
    kept.append(addresses[::50])
    for step, address in enumerate(addresses):
        if step % 50 != 0:
            free(address)


def group():
    """Three blocks, one behind the other, keep what is before them."""
    blocks = [filled(3000) for _ in range(8000)]
    held["group"] = [filled(5000) for _ in range(3)]
    for address in blocks:
        free(address)


def cached():
    """The last chunk is free, but in the thread's cache."""
    # Empties the cache of this size, so that there is room in it.
    kept.append([filled(900) for _ in range(32)])
    blocks = [0] * 8000
    for step in range(len(blocks)):
        blocks[step] = filled(3000)
    last = filled(900)
    for address in blocks:
        free(address)
    free(last)
    held["cached"] = [last]


def blocked():
    """A page right behind the heap: brk fails from now on."""
    sbrk = function("sbrk", pointer, ctypes.c_long)
    mmap = function("mmap", pointer, pointer, word, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
    end = (sbrk(0) + 4095) // 4096 * 4096
    if mmap(end, 4096, 0, 0x100022, -1, 0) != end:
        raise SystemExit("cannot map behind the heap")


def threads(count, pin, least=4000):
    """Threads that wait for ever, each with free memory of its own arena, and a block behind it if asked for."""
    forever, _ = os.pipe()

    def work(number):
        # The list itself lies before all blocks.
        blocks = [0] * (least + 500 * number)
        for step in range(len(blocks)):
            blocks[step] = filled(3000)
        if pin:
            held["thread%d" % number] = [filled(9000)]
        for address in blocks:
            free(address)
        os.read(forever, 1)

    for number in range(count):
        threading.Thread(target=work, args=(number,), daemon=True).start()
        waiting = "0 %#x " % forever
        while sum(open("/proc/self/task/%s/syscall" % task).read().startswith(waiting) for task in os.listdir("/proc/self/task")) <= number:
            time.sleep(0.01)


def arenas(count):
    """One small object in every so many others stays."""
    survivors = []
    crowd = []
    for _ in range(count):
        one = Survivor()
        one.name = None
        crowd.append(one)
    held["arenas"] = crowd[:: count // 20]
    del crowd, one


for shape in sys.argv[1].split(","):
    name, _, count = shape.partition("=")
    if name == "threads":
        threads(int(count), False)
    elif name == "pinned":
        threads(int(count), True)
    elif name == "heaps":
        # More than one heap of 64 MiB holds.
        threads(1, True, int(count))
    elif name == "arenas":
        arenas(int(count))
    else:
        globals()[name]()
gc.collect()
for name, pin in held.items():
    if name == "arenas":
        address = id(pin[-1])
    elif name == "group":
        address = pin[0]
    else:
        address = pin[0] if isinstance(pin, list) else id(pin)
    print(name, "%#x" % address, flush=True)
pin = None
print("ready", flush=True)
read = os.read
write = os.write
while True:
    # Short commands, read and answered without a buffer that grows.
    words = read(0, 64).split()
    if not words:
        break
    if words[0] == b"trim":
        malloc_trim(zero)
    elif words[0] == b"drop":
        pin = held.pop(words[1].decode())
        if isinstance(pin, list) and isinstance(pin[0], int):
            for address in pin:
                free(address)
        del pin
    write(1, b"done\n")
