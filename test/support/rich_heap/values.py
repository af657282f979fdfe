"""Numbers, strings, containers and buffers."""
import array
import sys

from . import part


@part
def numbers(scale):
    from decimal import Context, Decimal
    from fractions import Fraction

    return [
        [10 ** (30 * exponent) for exponent in range(60)],
        [-(2 ** (30 * exponent)) for exponent in range(20)],
        [number / 7 for number in range(scale)],
        [complex(number, 1) for number in range(50)],
        [Decimal(number) / 7 for number in range(scale // 10)],
        [Decimal(10) ** 400, Decimal("1" * 500), Decimal("nan"), Context(prec=50)],
        [Fraction(number, 7) for number in range(50)],
    ]


@part
def strings(scale):
    texts = ["ascii %d" % number for number in range(scale)]
    texts += ["é" * length for length in range(100)]  # one byte a character
    texts += ["€" * length for length in range(100)]  # two
    texts += ["\U0001f40d" * length for length in range(100)]  # four
    for text in texts[-250:-200]:
        text.encode()
    with_utf8 = ["çà %d" % number for number in range(100)]
    for text in with_utf8:
        try:
            getattr(sys, text, None)  # leaves a cached UTF-8 form in some of them
        except UnicodeError:
            pass
    return [texts, with_utf8, "y" * 5000, "ÿ" * 300000, [bytes(length) for length in range(0, 2400, 40)], [bytearray(length) for length in range(0, 6000, 100)]]


@part
def containers(scale):
    import collections

    grown = []
    for number in range(scale):
        grown.append(number + 1000)
    shrunk = list(range(1000, 3000))
    del shrunk[500:]
    emptied = dict.fromkeys(range(5000))
    for key in range(100, 4900):
        del emptied[key]
    advanced = bytearray(10000)
    del advanced[:100]
    return [
        grown,
        shrunk,
        emptied,
        advanced,
        list(range(20000)),
        [[] for _ in range(100)],
        [{} for _ in range(100)],
        [{number: number} for number in range(100)],
        [{str(number): [number]} for number in range(100)],
        [dict.fromkeys("key%d" % key for key in range(300)) for _ in range(5)],
        dict.fromkeys(range(100000)),
        {("mixed", 1): 1, "text": 2, 3: 3},
        tuple(range(3000)),
        [set(range(size)) for size in range(60)],
        [frozenset([str(number), number]) for number in range(200)],
        set(range(70000)),
        [collections.deque(range(first * 1000, first * 1000 + 150)) for first in range(20)],
        collections.deque([1, 2, 3], maxlen=2),
        [collections.OrderedDict((str(key), key + 100000) for key in range(size)) for size in range(40)],
        collections.defaultdict(list, {key: [key] for key in range(500)}),
        collections.Counter("how many of each"),
        collections.ChainMap({"a": 1}, {"b": 2}),
        collections.UserDict(a=1),
    ]


@part
def documents(scale):
    import json as json_module
    import pickle

    records = [{"id": n, "name": "né %d" % n, "tags": ["a", str(n)], "value": n * 1.25, "none": None, "yes": True} for n in range(scale)]
    text = json_module.dumps(records)
    return [json_module.loads(text), text, pickle.loads(pickle.dumps(records)), json_module.JSONEncoder(), json_module.JSONDecoder()]


@part
def buffers(scale):
    import mmap
    import struct

    exporter = bytearray(1000)
    mapping = mmap.mmap(-1, 1 << 16)
    mapping[:5] = b"hello"
    view = memoryview(exporter)
    return [
        [array.array(code, [1, 2, 3]) for code in "bBhHiIlLqQfd"],
        array.array("d", range(30000)),
        exporter,
        view,
        view[10:20].cast("B"),
        memoryview(b"bytes"),
        mapping,
        struct.Struct("<IHHQ"),
        struct.Struct("%ds" % 100),
        [struct.pack(">d", number) for number in range(100)],
        list(struct.iter_unpack("<H", b"\1\2\3\4")),
    ]
