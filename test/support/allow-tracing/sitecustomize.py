"""Imported by every Python that a test starts, before its script.

Lets any process of the same user trace it where Yama restricts that to ancestors, makes it die with the test that started
it, however that test ends, and hands over each line of output at once and whole.
"""
import io
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_PTRACER = 0x59616D61
PR_SET_PTRACER_ANY = -1
SIGKILL = 9

try:
    import ctypes
except ImportError:  # built without libffi
    pass
else:
    _prctl = ctypes.CDLL(None).prctl
    _prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    _prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0)
    # Not for the target's own children: theirs to keep or to end.
    if os.environ.get("PYSTRATA_TEST_RUNNER") == str(os.getppid()):
        _prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)


def _by_line(stream):
    """Not PYTHONUNBUFFERED: that writes a line and its end apart, and lines of a parent and its child would mix."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(line_buffering=True)
        return stream
    return io.TextIOWrapper(stream.buffer, stream.encoding, stream.errors, line_buffering=True)


sys.stdout = _by_line(sys.stdout)
sys.stderr = _by_line(sys.stderr)
