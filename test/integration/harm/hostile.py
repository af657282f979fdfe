"""A process in which everything that has a name is named to harm whoever prints it."""
import ctypes
import mmap
import os
import sys
import tempfile
import threading
import types

NAMES = [
    "\x1b[2J\x1b]0;owned\x07",
    "new\nline\rreturn\ttab",
    "left\u202eright\u2066isolated",
    "zero\u200bwidth\ufeff",
    "c1\x9b31m",
    "</script><b>bold</b>&amp;",
    "quote\"'\\`$(id)",
    "a\u0301\u0301\u0301\u0301\u0301\u0301",
    "x" * 4000,
]

kept = []
for name in NAMES:
    module = types.ModuleType(name)
    sys.modules[name] = module
    cls = type(name, (), {"__module__": name, "__qualname__": name + "." + name, "__slots__": ("value",)})
    setattr(module, name, cls)
    kept.append([cls() for _ in range(4000)])
    module.__dict__.update({name * 2: 1})

# Functions and files of a running stack.
for name in NAMES[:4]:
    scope = {}
    code = compile("def wait(event):\n    event.wait()\n", name, "exec")
    exec(code, scope)
    if sys.version_info >= (3, 8):
        scope["wait"].__code__ = scope["wait"].__code__.replace(co_name=name)
    threading.Thread(target=scope["wait"], args=(threading.Event(),), daemon=True, name=name).start()

# Mapped files: hostile names, and a path as long as the kernel shows.
folder = tempfile.mkdtemp()
views = []
for name in [name for name in NAMES if "/" not in name and len(name.encode()) < 250]:
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(b"x" * 300000)
    with open(path, "rb") as file:
        view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    views.append((view, view[::4096]))
    os.unlink(path)
os.rmdir(folder)
root = tempfile.mkdtemp()
os.chdir(root)
for _ in range(15):
    os.mkdir("\u202e" + "d" * 240)
    os.chdir("\u202e" + "d" * 240)
with open("deep", "wb") as file:
    file.write(b"x" * 300000)
with open("deep", "rb") as file:
    view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
views.append((view, view[::4096]))
os.unlink("deep")
for _ in range(15):
    os.chdir("..")
    os.rmdir("\u202e" + "d" * 240)
os.rmdir(root)

# The kernel's name of the process: 15 bytes, torn in the middle of a character.
ctypes.CDLL(None).prctl(15, b"\x1b[31m\n\xe2\x80\xaecomm\xe2\x80", 0, 0, 0)

with open("/proc/self/maps", newline="\n", encoding="utf-8", errors="replace") as maps:
    files = [line.split("-")[0] for line in maps if "(deleted)" in line]
print(" ".join([str(id(objects[0])) for objects in kept] + ["0x" + start for start in files]), flush=True)
sys.stdin.read()
