"""Cyclic garbage of many kinds, for CPython 3.6 to 3.13: `garbage.py [plain|finalizers|healthy]`.

Says `ready`, waits for a line, collects, and says what the collector found: a line `0xADDRESS TYPE` for each object, then `end`.
"""
import collections
import contextlib
import functools
import gc
import itertools
import os
import sys
import types
import weakref

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KEPT = []
MAKERS = []


def maker(make):
    MAKERS.append(make)
    return make


class Node:
    def __init__(self, payload=None):
        self.payload = payload

    def method(self):
        return self


class Slotted:
    __slots__ = ("other", "text", "__weakref__")


class Finalized:
    def __init__(self, number):
        self.number = number
        self.itself = self

    def __del__(self):
        self.number = None


class Phoenix(Finalized):
    def __del__(self):
        KEPT.append(self)


@maker
def containers(number):
    mapping = {"number": number, "text": "text %d" % number}
    mapping["self"] = mapping
    items = [mapping, 1, 2.5]
    items.append(items)
    pair = ([], "pair %d" % number)
    pair[0].append(pair)
    queue = collections.deque(["queue"])
    queue.append(queue)
    ordered = collections.OrderedDict(a=1)
    ordered["ordered"] = ordered
    default = collections.defaultdict(list)
    default[number].append(default)
    counter = collections.ChainMap({}, {})
    counter["self"] = counter


@maker
def instances(number):
    parent, child = Node("parent"), Node([number])
    parent.child, child.parent = child, parent
    slotted = Slotted()
    slotted.other = Slotted()
    slotted.other.other = slotted
    slotted.text = "slotted %d" % number
    member = Node()
    member.peers = {member, Node()}
    frozen = Node()
    frozen.peers = frozenset([frozen])
    space = types.SimpleNamespace(number=number)
    space.space = space


@maker
def functions(number):
    def recursive():
        return recursive, number

    holder = Node()
    holder.bound = holder.method
    holder.partial = functools.partial(print, holder)
    holder.cached = functools.lru_cache()(lambda: holder)
    holder.cached()
    holder.unused = functools.lru_cache(maxsize=4)(lambda n: holder)
    holder.unused(1)


@maker
def errors(number):
    try:
        raise KeyError(number)
    except KeyError as error:
        kept = error
    return kept and None


@maker
def classes(number):
    class Base:
        attribute = [number]

        @property
        def value(self):
            return Base

        @classmethod
        def make(cls):
            return cls()

        @staticmethod
        def nothing():
            return None

    class Derived(Base):
        __slots__ = ("slot",)

        def method(self):
            return super().value

    instance = Derived()
    instance.slot = instance
    Base.instance = instance
    module = types.ModuleType("garbage_%d" % number)
    module.itself = module


@maker
def iterators(number):
    items = []
    items.append(itertools.chain([items], [number]))
    items.append(itertools.cycle([items]))
    next(items[1])
    items.append(iter(items))
    items.append(map(len, [items]))
    items.append(zip([items], items))
    items.append(enumerate(items))
    items.append(filter(None, iter([items])))
    items.append(itertools.islice(iter([items]), 3))
    items.append(types.MappingProxyType({"items": items}))
    items.append(slice(items, None))


@maker
def weak(number):
    target = Node()
    target.itself = target
    target.reference = weakref.ref(target)
    target.callback = weakref.ref(target, lambda reference: None)
    target.proxy = weakref.proxy(target)
    values = weakref.WeakValueDictionary()
    values["target"] = target
    target.values = values
    KEPT.append(weakref.ref(target))
    KEPT.append(weakref.ref(target, CALLED.append))


CALLED = []


@maker
def managers(number):
    stack = contextlib.ExitStack()
    stack.callback(stack.close)


@maker
def chains(number):
    first = []
    last = first
    for step in range(200):
        following = [step, {"step": step, "text": "step %d" % step}, last]
        last = following
    first.append(last)
    node = head = Node()
    for step in range(50):
        node.next = Node(step)
        node = node.next
    head.last = node
    node.head = head


def executions(number):
    box = Node("generator %d" % number)

    def generate(box):
        values = [number]
        yield box
        yield values

    box.generator = generate(box)
    next(box.generator)
    unstarted = Node()
    unstarted.generator = generate(unstarted)

    async def run(box):
        await box.future

    class Future:
        def __await__(self):
            yield self

    waiting = Node()
    waiting.future = Future()
    waiting.coroutine = run(waiting)
    waiting.coroutine.send(None)


def finalized(number):
    first = Finalized(number)
    first.child = Node(number)
    if number % 2:
        Phoenix(number).child = {"number": number}
    executions(number)


def main():
    kind = sys.argv[1] if len(sys.argv) > 1 else "plain"
    if kind == "healthy":
        import rich_heap

        KEPT.append(rich_heap.build(300))
    else:
        gc.collect()
        gc.disable()
    for number in range(10):
        for make in MAKERS if kind != "finalizers" else [finalized]:
            make(number)
    print("ready", flush=True)
    sys.stdin.readline()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    found = list(gc.garbage)
    sys.stdout.write("".join("0x%x %s\n" % (id(item), type(item).__name__) for item in found))
    sys.stdout.write("kept\n")
    sys.stdout.write("".join("0x%x %s\n" % (id(item), type(item).__name__) for item in KEPT if isinstance(item, Phoenix)))
    sys.stdout.write("end\n")
    sys.stdout.flush()
    sys.stdin.readline()


main()
