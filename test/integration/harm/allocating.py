"""
Allocates and frees at full speed in four threads: objects of many sizes through pymalloc, chunks through malloc outside the GIL.
With the argument "alone" the objects only, in one thread: malloc then takes no locks.
"""
import ctypes
import random
import sys
import threading

# Threads take turns often, so that a stop meets any of them in the middle of anything.
sys.setswitchinterval(0.0005)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]


class Node:
    def __init__(self, number):
        self.number = number
        self.items = [number] * (number % 50)
        self.itself = self


MAKERS = (
    Node,
    lambda number: {str(key): key for key in range(number % 40)},
    lambda number: bytearray(number * 7),
    lambda number: [str(number) * (number % 90)] * 3,
    lambda number: b"x" * (number * 11),
)


def make_objects(seed):
    draw = random.Random(seed)
    held = [None] * 2000
    while True:
        place = draw.randrange(2000)
        held[place] = MAKERS[place % 5](place)


def take_chunks():
    draw = random.Random(0)
    sizes = [draw.randrange(24, 9000) for _ in range(997)]
    held = [None] * 500
    turn = 0
    while True:
        turn += 1
        place = turn * 7919 % 500
        libc.free(held[place])
        held[place] = libc.malloc(sizes[turn % 997])


kept = [{"number": number, "text": str(number)} for number in range(5000)]
if sys.argv[1:] == ["alone"]:
    print("ready", flush=True)
    make_objects(0)
for seed in range(3):
    threading.Thread(target=make_objects, args=(seed,), daemon=True).start()
threading.Thread(target=take_chunks, daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
