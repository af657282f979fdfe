"""Instances, classes and records."""
import sys

from . import part


class Plain:
    def __init__(self, number):
        self.number = number
        self.name = "plain %d" % number
        self.items = [number]
        self.parent = None

    def method(self):
        return self.number

    @property
    def doubled(self):
        return 2 * self.number

    @classmethod
    def make(cls):
        return cls(0)

    @staticmethod
    def nothing():
        return None


class ManyKeys(Plain):
    """Instances whose attributes differ: their dicts cannot share keys."""

    def __init__(self, number):
        super().__init__(number)
        setattr(self, "extra%d" % (number % 50), number)


class Slots:
    __slots__ = ("left", "right", "__weakref__")

    def __init__(self, number):
        self.left = (number, number * 1.5)
        self.right = {number: str(number)}


class MoreSlots(Slots):
    __slots__ = ("unset", "more")

    def __init__(self, number):
        super().__init__(number)
        self.more = [number]


class SlotsWithDict(Slots):
    pass


class Meta(type):
    def __new__(mcs, name, bases, namespace):
        namespace["registered"] = [name]
        return super().__new__(mcs, name, bases, namespace)


@part
def instances(scale):
    plain = [Plain(number) for number in range(scale)]
    for instance in plain[: scale // 10]:
        setattr(instance, "own%d" % instance.number, 1)
    materialised = [instance.__dict__ for instance in plain[scale // 10 : scale // 8]]
    for instance in plain[scale // 8 : scale // 6]:
        del instance.parent
    return [
        plain,
        materialised,
        [ManyKeys(number) for number in range(scale // 4)],
        [Slots(number) for number in range(scale)],
        [MoreSlots(number) for number in range(scale // 10)],
        [SlotsWithDict(number) for number in range(scale // 10)],
        [instance.method for instance in plain[:50]],
        super(ManyKeys, ManyKeys(1)),
    ]


@part
def classes(scale):
    import abc

    class Abstract(abc.ABC):
        @abc.abstractmethod
        def act(self):
            raise NotImplementedError

    class Concrete(Abstract):
        def act(self):
            return self

    Abstract.register(Plain)
    made = [Meta("Made%d" % number, (object,), {"value": number}) for number in range(40)]
    assert isinstance(Plain(1), Abstract)
    return [made, [cls() for cls in made], Concrete(), type("", (), {})(), type("Ünïcode", (Plain,), {})(3)]


@part
def subclasses_of_builtins(scale):
    import collections

    bases = {
        int: 7,
        float: 7.5,
        complex: 1j,
        str: "text",
        bytes: b"bytes",
        bytearray: b"bytearray",
        list: [1, 2],
        tuple: (1, 2),
        dict: {"key": "value"},
        set: {1, 2},
        frozenset: {3, 4},
        collections.deque: [1, 2],
        collections.OrderedDict: {"key": 1},
        BaseException: "reason",
        property: None,
        memoryview: None,
    }
    made = []
    for base, content in bases.items():
        try:
            bare = type("Slotless" + base.__name__, (base,), {"__slots__": ()})
        except TypeError:
            bare = None
        try:
            full = type("Sub" + base.__name__, (base,), {})
        except TypeError:  # not a base type
            continue
        for cls in filter(None, (bare, full)):
            for _ in range(20):
                made.append(cls() if content is None else cls(content))
        made[-1].attribute = ["an attribute"]
    return made


@part
def enums_and_records(scale):
    import collections
    import enum
    import typing

    Point = collections.namedtuple("Point", "x y")

    class Colour(enum.Enum):
        RED = 1
        GREEN = "green"

    class Access(enum.IntFlag):
        READ = 1
        WRITE = 2

    class Row(typing.NamedTuple):
        key: str
        value: typing.Optional[int] = None

    return [[Point(n, str(n)) for n in range(scale // 5)], list(Colour), Access.READ | Access.WRITE, [Row("k%d" % n) for n in range(50)]]


@part
def data_classes(scale):
    import dataclasses

    @dataclasses.dataclass
    class Order:
        number: int
        lines: list = dataclasses.field(default_factory=list)

    @dataclasses.dataclass(frozen=True)
    class Frozen:
        key: str

    return [[Order(number, [number]) for number in range(scale // 5)], Frozen("key"), dataclasses.fields(Order)]


@part
def typing_and_annotations(scale):
    import typing

    T = typing.TypeVar("T")

    class Box(typing.Generic[T]):
        def get(self) -> T:
            raise NotImplementedError

    made = [Box[int], typing.Dict[str, typing.List[int]], typing.Callable[[int], str], typing.get_type_hints(Box.get), Box()]
    if sys.version_info >= (3, 9):
        made += [list[int], dict[str, list[T]]]
    if sys.version_info >= (3, 10):
        made += [int | str, list[int] | None]
    return made
