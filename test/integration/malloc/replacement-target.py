"""A process that uses another allocator than glibc's, and then stands still in C with that allocator's own accounts filled.

usage: replacement-target.py HELPER LIBRARY THREADS

HELPER is replacement.c as a library. LIBRARY is empty where the allocator was preloaded and serves the whole process; else it is loaded
now, next to the malloc that there is, and allocated from by hand. Prints the addresses of accounts, text and byte.
"""
import ctypes
import random
import sys
import threading

helper = ctypes.CDLL(sys.argv[1])
library = sys.argv[2].encode()
threads = int(sys.argv[3])
kept = []


def churn(seed, count):
    mine = random.Random(seed)
    blocks = [bytes(mine.randint(1, 1 << mine.randint(4, 19 if step % 50 == 0 else 13))) for step in range(count)]
    mine.shuffle(blocks)
    del blocks[: count * 2 // 3]
    kept.append(blocks)


def work(seed):
    churn(seed, 3000)
    helper.work(seed)


churn(5, 10000)
helper.churn(library, 7, 20000)
for seed in range(threads):
    threading.Thread(target=work, args=(seed,), daemon=True).start()
print(*(hex(ctypes.addressof(ctypes.c_char.in_dll(helper, name))) for name in ("accounts", "text", "byte")), flush=True)
helper.stand_still(threads)
