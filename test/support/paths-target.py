"""A web of objects that every kind of step leads to, and a process that answers for its paths.

Reads one JSON request a line, answers one JSON line:
  {"evaluate": [[expression, address], ...]}   -> expressions that do not lead to the address
  {"steps": [[from, to], ...]}                 -> pairs where the first object does not refer to the second, and how many first
                                                  objects nothing that Python shows leads to
"""
import collections
import functools
import gc
import json
import sys
import threading
import types
import warnings

warnings.simplefilter("ignore")


class Leaf:
    def __init__(self, tag):
        self.tag = tag


class Slotted:
    __slots__ = ("left", "__hidden", "right")

    def __init__(self, left, right):
        self.left = left
        self.right = right
        self.__hidden = [left, right]


class SlottedChild(Slotted):
    __slots__ = ("more", "__dict__")

    def __init__(self, left, right):
        super().__init__(left, right)
        self.more = Leaf("more")
        self.loose = Leaf("loose")


class Shadowed:
    """Its attributes are not what its namespace holds."""

    def __init__(self):
        self.__dict__["value"] = Leaf("behind a property")
        self.plain = Leaf("plain")

    @property
    def value(self):
        return Leaf("made by the property")


class Liar:
    def __init__(self):
        object.__setattr__(self, "truth", Leaf("truth"))

    def __getattribute__(self, name):
        return "a lie"


class Binding:
    """A descriptor that gives something else than itself."""

    def __get__(self, instance, owner):
        return Leaf("bound")

    def __init__(self):
        self.kept = Leaf("in a descriptor")


class Meta(type):
    @property
    def registry(cls):
        return Leaf("made by the metaclass")


class Registered(metaclass=Meta):
    own = Leaf("own")
    registry = Leaf("hidden by the metaclass")
    binding = Binding()
    table = [Leaf("in a class")]

    @classmethod
    def build(cls):
        return cls()

    @staticmethod
    def check(value=Leaf("default of a static method")):
        return value

    @functools.lru_cache(maxsize=None)
    def cached(self, key):
        return Leaf(key)


type.__setattr__(Registered, "later", Leaf("set later"))
setattr(Registered, "not a name", Leaf("no identifier"))


class OddDict(dict):
    def __getitem__(self, key):
        return Leaf("made")


class OddList(list):
    def __getitem__(self, index):
        return Leaf("made")


class PlainDict(dict):
    pass


class Failure(Exception):
    pass


def closure(captured):
    def inner(argument=Leaf("default"), *, keyword=Leaf("keyword default")):
        return captured, argument, keyword

    inner.attribute = Leaf("of a function")
    return inner


def generate(argument):
    first = Leaf("local of a generator")
    inner = lambda: first  # noqa: E731  (makes `first` a cell)
    second = [Leaf("in a list of a generator"), argument, inner]
    yield second


async def run(argument):
    kept = Leaf("local of a coroutine")
    await argument
    return kept


class Forever:
    def __await__(self):
        yield self


STRING_KEYS = {"leaf": Leaf("a"), "two words": Leaf("b"), "quote'": Leaf("c"), 'double"': Leaf("d"), "back\\slash": Leaf("e")}
STRING_KEYS["unprintable\n\x00\u202e\xa0"] = Leaf("f")
STRING_KEYS["umlaut \xe4\u4e2d\U0001f40d"] = Leaf("g")
NUMBER_KEYS = {0: Leaf("zero"), -7: Leaf("minus"), 10**40: Leaf("large"), 1.5: Leaf("float"), float("nan"): Leaf("nan"), True: Leaf("true")}
NUMBER_KEYS[float("inf")] = Leaf("infinite")
TUPLE_KEYS = {(1, "a"): Leaf("pair"), ("only",): Leaf("single"), ((1, 2), (3, (4,))): Leaf("nested"), (): Leaf("empty"), (Leaf("key"),): Leaf("no literal")}
OTHER_KEYS = {None: Leaf("none"), b"by\x00tes": Leaf("bytes"), Leaf: Leaf("by class"), frozenset([1]): Leaf("by set")}
LISTS = [[Leaf("0")], (Leaf("1"), [Leaf("2")]), collections.deque([Leaf("3"), Leaf("4")]), {Leaf("5")}, frozenset([Leaf("6")])]
LISTS[2].extend(Leaf(index) for index in range(200))
LISTS[2].popleft()
LISTS[2].appendleft(Leaf("in front"))
DICTS = [OddDict(key=Leaf("odd")), PlainDict(key=Leaf("plain")), collections.OrderedDict(key=Leaf("ordered")), collections.defaultdict(list, key=[Leaf("default")])]
ODD_LIST = OddList([Leaf("odd list")])
SLOTS = [Slotted(Leaf("left"), Leaf("right")), SlottedChild(Leaf("left"), Leaf("right"))]
SHADOWED = Shadowed()
LIAR = Liar()
CLOSURE = closure(Leaf("captured"))
GENERATOR = generate(Leaf("argument of a generator"))
next(GENERATOR)
COROUTINE = run(Forever())
COROUTINE.send(None)
PARTIAL = functools.partial(closure, Leaf("of a partial"), keyword=Leaf("of a partial too"))
METHOD = Leaf("of a method").__init__
NAMESPACE = types.SimpleNamespace(one=Leaf("in a namespace"))
POINT = collections.namedtuple("Point", "x y")(Leaf("x"), Leaf("y"))
PROXY = types.MappingProxyType({"key": Leaf("behind a proxy")})
REGISTERED = Registered()
REGISTERED.cached("x")
DYNAMIC = types.ModuleType("dynamic.module")
DYNAMIC.value = Leaf("in a module that nobody imports")
sys.modules["dynamic.module"] = DYNAMIC
sys.modules["no name!"] = types.ModuleType("odd")
sys.modules["no name!"].value = Leaf("in a module without a name")
ODD_NAMES = Leaf("odd names")
ODD_NAMES.__dict__.update({"class": Leaf("keyword"), "\ufb01": Leaf("not in normal form"), "a b": Leaf("blank"), "\xe4": Leaf("letter")})
SPLIT = [Leaf(index) for index in range(50)]
try:
    raise Failure(Leaf("in an exception"))
except Failure as failure:
    FAILURE = failure
globals()["global name"] = Leaf("no identifier")


def wait_in_thread(event, kept):
    ready.release()
    event.wait()
    return kept


ready = threading.Semaphore(0)
STOP = threading.Event()
THREADS = [threading.Thread(target=wait_in_thread, args=(STOP, Leaf("of a thread")), daemon=True) for _ in range(2)]
for thread in THREADS:
    thread.start()
for thread in THREADS:
    ready.acquire()


def evaluated(requests):
    namespace = {name: module for name, module in list(sys.modules.items()) if "." not in name}
    wrong = []
    for expression, address in requests:
        try:
            found = id(eval(expression, dict(namespace)))
        except Exception as error:
            wrong.append([expression, repr(error)])
            continue
        if found != address:
            wrong.append([expression, "another object"])
    return wrong


def without_link(pairs):
    known = {}
    front = list(gc.get_objects())
    while front:
        seen, front = front, []
        for item in seen:
            if id(item) not in known:
                known[id(item)] = item
                front.extend(near(item))
    unlinked = [pair for pair in pairs if pair[0] in known and not refers(known, *pair)]
    return {"unlinked": unlinked, "unknown": sum(source not in known for source, _ in pairs)}


TOLD = ("__name__", "__qualname__", "__objclass__", "__doc__", "__module__", "__mro__", "__bases__", "__base__", "pattern")


def near(item):
    """What an object refers to: also what the collector does not visit, as far as Python tells."""
    found = gc.get_referents(item)
    if isinstance(item, types.CodeType):
        found.extend(getattr(item, name) for name in dir(item) if name.startswith("co_"))
    elif isinstance(item, type):
        found.extend(gc.get_referents(type.__dict__["__dict__"].__get__(item)))
        found.extend(type.__getattribute__(item, name) for name in TOLD[:-1] if name in dir(type))
    elif isinstance(item, dict):
        found.extend(dict.keys(item))
    else:
        for name in ("__dict__",) + (TOLD if type(item).__module__ in ("builtins", "re", "_sre") else ()):
            try:
                found.append(object.__getattribute__(item, name))
            except Exception:
                pass
    return found


def refers(known, source, target):
    found = near(known[source])
    # A namespace is one step with its owner.
    further = [part for item in found if isinstance(item, dict) for part in gc.get_referents(item)]
    return any(id(item) == target for item in found) or any(id(item) == target for item in further)


def main():
    gc.collect()  # or what is garbage now is gone when it is asked for
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        request = json.loads(line)
        answer = {}
        if "evaluate" in request:
            answer = evaluated(request["evaluate"])
        elif "steps" in request:
            answer = without_link(request["steps"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
