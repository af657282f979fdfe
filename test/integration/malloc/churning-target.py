"""Threads that allocate and free through malloc at full speed, outside the GIL."""
import ctypes
import random
import sys
import threading

THREADS = int(sys.argv[1])
# CDLL releases the GIL around each call; qsort-like batches keep it inside C for long: strdup, realloc, free.
libc = ctypes.CDLL(None)
malloc, free, realloc = libc.malloc, libc.free, libc.realloc
malloc.restype = realloc.restype = ctypes.c_void_p
malloc.argtypes = [ctypes.c_size_t]
free.argtypes = [ctypes.c_void_p]
realloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def churn(seed):
    rnd = random.Random(seed)
    sizes = [rnd.choice((24, 100, 900, 5000, 40000)) + rnd.randrange(400) for _ in range(997)]
    held = [None] * 500
    turn = 0
    while True:
        turn += 1
        place = rnd.randrange(500)
        free(held[place])
        held[place] = malloc(sizes[turn % 997])
        if turn % 7 == 0:
            held[place] = realloc(held[place], sizes[turn % 991])


for seed in range(THREADS):
    threading.Thread(target=churn, args=(seed,), daemon=True).start()
print("churning", flush=True)
threading.Event().wait()
