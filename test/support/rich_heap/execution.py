"""Functions, iterators, generators, coroutines, exceptions, weak references."""
import sys

from . import part
from .classes import Plain


def counting(limit):
    local = [limit]
    for number in range(limit):
        yield number, local


@part
def functions(scale):
    import functools
    import operator

    def enclosing(value):
        total = [value]

        def inner(step=1, *, key=None):
            return total, value, step, key

        return inner

    @functools.lru_cache(maxsize=200)
    def bounded(value):
        return [value]

    @functools.lru_cache(maxsize=None)
    def unbounded(value, other=0):
        return value, [other]

    @functools.singledispatch
    def dispatched(value):
        return value

    dispatched.register(int, lambda value: value + 1)
    for number in range(500):
        bounded(number)
        unbounded(number, other=number)
    exec(compile("def compiled(a, b=[1]):\n    return [x + a for x in b]\n", "<made>", "exec"), globals())
    return [
        [enclosing(number) for number in range(200)],
        bounded,
        unbounded,
        dispatched,
        [functools.partial(int, str(number), base=16) for number in range(100)],
        functools.partialmethod(int, "3"),
        functools.cmp_to_key(lambda a, b: a - b)(3),
        operator.itemgetter(1, 2),
        operator.attrgetter("a.b"),
        operator.methodcaller("run", 1, key=2),
        [[].append for _ in range(50)],
        str.join,
        dict.__getitem__,
        [].__len__,
        Plain.__dict__["doubled"],
        globals()["compiled"].__code__,
    ]


@part
def iterators(scale):
    import itertools

    running = [
        itertools.chain([1, 2], [3]),
        itertools.count(10**20),
        itertools.cycle([[1], [2]]),
        itertools.islice([[9]] * 9, 3),
        itertools.product([1, 2], [[3]]),
        itertools.permutations([[1], [2]]),
        itertools.combinations([[1], [2]], 2),
        itertools.combinations_with_replacement([[1], [2]], 2),
        itertools.groupby([1, 1, 2], key=lambda value: value),
        itertools.repeat([5]),
        itertools.accumulate([1, 2, 3]),
        itertools.starmap(pow, [(2, 5)]),
        itertools.takewhile(bool, [1]),
        itertools.dropwhile(bool, [1, 0]),
        itertools.filterfalse(bool, [0]),
        itertools.compress([1], [1]),
        itertools.zip_longest([1], [2, 3]),
        iter({1: 2}.items()),
        iter({1: 2}.values()),
        iter([1]),
        iter((1,)),
        iter({1}),
        iter("text"),
        iter(b"bytes"),
        iter(range(3)),
        iter(range(10**30, 10**30 + 3)),
        reversed([1, 2]),
        iter(int, 1),
        enumerate(["a"]),
        map(str, [1]),
        filter(None, [1]),
        zip([1], [2]),
    ]
    left, right = itertools.tee([[number] for number in range(300)])
    for iterator in running:
        next(iterator, None)
    for _ in range(200):
        next(left)
    return [running, left, right, {1: 2}.items(), {1: 2}.keys(), slice([1], 2, 3), range(3), range(10**25), Ellipsis, NotImplemented]


@part
def generators(scale):
    started = [counting(5) for _ in range(50)]
    for generator in started:
        next(generator)
    finished = counting(0)
    next(finished, None)

    def delegating():
        yield from counting(3)

    outer = delegating()
    next(outer)
    return [started, [counting(1) for _ in range(20)], finished, outer, (value for value in [1, 2])]


def handling():
    try:
        raise LookupError(["handled"])
    except LookupError:
        yield ["while an exception is handled"]


@part
def suspended_frames(scale):
    """Frame objects of what stands still in the middle, and of what has come to its end."""
    import types

    standing = [counting(9) for _ in range(20)]
    frames = []
    for generator in standing:
        next(generator)
        frames.append(generator.gi_frame)
    in_handler = handling()
    next(in_handler)
    closed = counting(9)
    next(closed)
    ended = closed.gi_frame
    closed.close()

    @types.coroutine
    def pause():
        yield ["paused"]

    async def inner():
        held = ["held by a coroutine"]
        await pause()
        return held

    async def outer():
        return await inner()

    coroutine = outer()
    coroutine.send(None)
    return [standing, frames, in_handler, closed, ended, coroutine, coroutine.cr_await]


async def waiting(number):
    import asyncio

    local = [number]
    await asyncio.sleep(1000 + number)
    return local


async def ticking():
    for number in range(3):
        yield number


@part
def coroutines(scale):
    import asyncio

    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(waiting(number)) for number in range(30)]
    queue_arguments = {"loop": loop} if sys.version_info < (3, 10) else {}
    queue = asyncio.Queue(**queue_arguments)
    queue.put_nowait(["queued"])
    loop.run_until_complete(asyncio.sleep(0.01, **queue_arguments))
    unawaited = waiting(-1)
    stream = ticking()
    step = stream.__anext__()
    return [loop, tasks, queue, loop.create_future(), unawaited, stream, step, loop.call_later(1000, len)]


@part
def exceptions(scale):
    caught = []

    def failing(depth):
        local = ["held by a frame", depth]
        if depth == 0:
            raise KeyError(local[0])
        failing(depth - 1)

    for number in range(20):
        try:
            failing(number % 5)
        except KeyError as error:
            caught.append(error)
            try:
                raise ValueError(number) from error
            except ValueError as chained:
                caught.append(chained)
    for provoke in (
        lambda: open("/no/such/file"),
        lambda: compile("1 +", "<bad>", "exec"),
        lambda: b"\xff".decode(),
        lambda: "\ud800".encode(),
        lambda: __import__("no_such_module"),
        lambda: object().missing,
        lambda: undefined_name,  # noqa: F821
        lambda: sys.exit(3),
        lambda: next(iter(())),
    ):
        try:
            provoke()
        except BaseException as error:
            caught.append(error)
    if sys.version_info >= (3, 11):
        caught.append(ExceptionGroup("several", [ValueError(1), TypeError(2)]))  # noqa: F821
        caught[0].add_note("a note")
    return caught


@part
def weak_references(scale):
    import weakref

    targets = [Plain(number) for number in range(200)]
    by_key = weakref.WeakValueDictionary(enumerate(targets))
    return [
        targets,
        by_key,
        [weakref.ref(target) for target in targets[:100]],
        [weakref.ref(target, lambda reference: None) for target in targets[:50]],
        [weakref.proxy(target) for target in targets[:20]],
        weakref.WeakSet(targets),
        weakref.WeakKeyDictionary((target, 1) for target in targets),
        weakref.WeakMethod(targets[0].method),
        weakref.finalize(targets[1], len),
    ]
