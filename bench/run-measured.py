"""Runs a command, `run-measured.py OUTPUT COMMAND…`, and prints what the kernel says about it: wall and CPU time, peak memory."""
import json
import os
import subprocess
import sys
import time


def main():
    with open(sys.argv[1], "wb") as output:
        began = time.monotonic()
        child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=output)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - began
    facts = {
        "status": os.waitstatus_to_exitcode(status),
        "wallMilliseconds": wall * 1000,
        "cpuMilliseconds": (usage.ru_utime + usage.ru_stime) * 1000,
        "peakBytes": usage.ru_maxrss * 1024,
    }
    print(json.dumps(facts))


main()
