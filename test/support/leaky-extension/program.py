"""Loses and keeps native memory by the extension beside it, says which in one line of JSON, and waits; CPython 3.6 to 3.13."""
import json
import sys
import threading

import leaky

kept = {}


def lose():
    """In a thread of its own: its arena is new and its stack is gone afterwards, so that nothing stale points at what is lost."""
    kept["leaked"] = leaky.leak(50, 5000)
    kept["lostChain"] = leaky.leak_chain(20, 3000)
    kept["freed"] = leaky.release(10, 11000)


kept["blocks"] = leaky.leak_blocks(30, 200)
thread = threading.Thread(target=lose)
thread.start()
thread.join()
kept["library"] = leaky.hold_chain(40, 4008)
kept["middle"] = leaky.hold_middle(7000)
kept["threadLocal"] = leaky.hold_thread_local(6008)
kept["stack"] = leaky.hold_stack(9000)
capsule, payload = leaky.capsule(8008)
holder, held = leaky.holder(25, 2008, 10008)
print(json.dumps({"kept": kept, "capsule": [id(capsule), payload], "holder": [id(holder), held]}), flush=True)
sys.stdin.read()
