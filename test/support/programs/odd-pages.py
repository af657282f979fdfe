"""Memory of every kind that a page table can show, for tests of residency. Prints one line of JSON with the addresses."""

import ctypes
import json
import mmap
import sys
import tempfile

PAGE = 4096
MIB = 1 << 20
HUGE = 2 * MIB
PROT_NONE, PROT_READ, PROT_READ_WRITE = 0, 1, 3
MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS, MAP_HUGETLB = 0x01, 0x02, 0x20, 0x40000
MADV_HUGEPAGE, MADV_PAGEOUT, MADV_GUARD_INSTALL = 14, 21, 102

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def anonymous(size, protection=PROT_READ_WRITE, flags=MAP_PRIVATE, fd=-1):
    address = libc.mmap(None, size, protection, flags if fd >= 0 else flags | MAP_ANONYMOUS, fd, 0)
    return None if address in (None, ctypes.c_void_p(-1).value) else address


def read_pages(address, size):
    for offset in range(0, size, PAGE):
        ctypes.c_ubyte.from_address(address + offset).value


def write_pages(address, size, value=0x41):
    for offset in range(0, size, PAGE):
        ctypes.c_ubyte.from_address(address + offset).value = value


def aligned(size):
    address = anonymous(size + HUGE)
    return (address + HUGE - 1) // HUGE * HUGE


known = anonymous(64 * PAGE)
pattern = bytes(range(256)) * (PAGE // 256)
for index in range(0, 64, 2):  # every other page
    ctypes.memmove(known + index * PAGE, pattern[index:] + pattern[:index], PAGE)

zeros = anonymous(8 * MIB)
read_pages(zeros, 8 * MIB)
zeros_read_only = anonymous(8 * MIB, PROT_READ)
read_pages(zeros_read_only, 8 * MIB)
mixed = anonymous(MIB)
read_pages(mixed, MIB)
write_pages(mixed, MIB // 2)

huge_zeros = aligned(8 * MIB)
libc.madvise(huge_zeros, 8 * MIB, MADV_HUGEPAGE)
read_pages(huge_zeros, 8 * MIB)
huge = aligned(8 * MIB)
libc.madvise(huge, 8 * MIB, MADV_HUGEPAGE)
write_pages(huge, 8 * MIB)

untouched = anonymous(1024 * MIB, PROT_READ_WRITE, MAP_SHARED)
shared = anonymous(16 * MIB, PROT_READ_WRITE, MAP_SHARED)
write_pages(shared, 4 * MIB)
read_pages(shared + 8 * MIB, 4 * MIB)
hugetlb = anonymous(HUGE, PROT_READ_WRITE, MAP_PRIVATE | MAP_HUGETLB)
if hugetlb:
    write_pages(hugetlb, HUGE)

closed = anonymous(4 * PAGE)
write_pages(closed, 4 * PAGE)
libc.mprotect(closed, 4 * PAGE, PROT_NONE)
guarded = anonymous(16 * PAGE)
write_pages(guarded, 16 * PAGE)
has_guard = libc.madvise(guarded + 4 * PAGE, 4 * PAGE, MADV_GUARD_INSTALL) == 0
paged_out = anonymous(4 * MIB)
write_pages(paged_out, 4 * MIB)
libc.madvise(paged_out, 4 * MIB, MADV_PAGEOUT)

file = tempfile.TemporaryFile()
file.write(b"f" * (4 * MIB))
file.flush()
private_file = anonymous(4 * MIB, PROT_READ_WRITE, MAP_PRIVATE, file.fileno())
read_pages(private_file, 2 * MIB)
write_pages(private_file, MIB)

try:
    memory_file = open("/dev/shm/pystrata-odd-pages-%d" % id(libc), "wb+")
    memory_file.truncate(4 * MIB)
    in_memory = mmap.mmap(memory_file.fileno(), 4 * MIB)
    in_memory[: 2 * MIB] = b"s" * (2 * MIB)
    import os

    os.unlink(memory_file.name)
except OSError:
    pass

print(
    json.dumps(
        {
            "known": known,
            "zeros": zeros,
            "mixed": mixed,
            "hugeZeros": huge_zeros,
            "huge": huge,
            "untouched": untouched,
            "shared": shared,
            "hugetlb": hugetlb or 0,
            "closed": closed,
            "guarded": guarded,
            "hasGuard": has_guard,
            "pagedOut": paged_out,
            "privateFile": private_file,
        }
    )
)
sys.stdin.readline()
