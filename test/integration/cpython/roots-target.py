"""A process that holds objects in every way that is no reference of an object, and says where they are."""
import atexit
import codecs
import gc
import json
import sys
import threading
import time
import types


def at_exit(*arguments, **keywords):
    pass


def search(name):
    return None


def collected(phase, details):
    pass


class NoModule(object):
    pass


positional, keyword = ["positional"], ["keyword"]
atexit.register(at_exit, positional, key=keyword)
codecs.register(search)
gc.callbacks.append(collected)
gc.garbage.append(["garbage"])
sys.modules["hacked"] = NoModule()
sys.modules["blocked"] = None

never = threading.Event()
arrived = threading.Semaphore(0)
stacks = {}


def outer(argument, *rest, **named):
    plain = ["plain"]
    shared = ["shared"]

    def inner(inner_argument, said):
        innermost = {"of": shared}
        stacks[threading.get_ident()] = [
            {"inner_argument": id(inner_argument), "innermost": id(innermost)},
            said,
        ]
        arrived.release()
        never.wait()

    inner(argument, {"argument": id(argument), "plain": id(plain), "rest": id(rest), "named": id(named), "shared": 0})
    return plain, rest, named, argument


def produce():
    of_generator = ["of generator"]
    yield 1
    generator["local"] = id(of_generator)
    arrived.release()
    never.wait()
    yield of_generator


def iterate(iterator):
    for _ in iterator:
        pass


generator = {}
bodies = [lambda number=number: outer(["argument %d" % number], number, key=number) for number in range(2)]
bodies.append(lambda: iterate(produce()))
for body in bodies:
    threading.Thread(target=body, daemon=True).start()
for body in bodies:
    arrived.acquire()
time.sleep(0.3)
print(json.dumps({
    "modules": {name: id(module) for name, module in sys.modules.items() if module is not None},
    "fields": {"gc.callbacks": id(gc.callbacks), "gc.garbage": id(gc.garbage), "sys": id(sys.__dict__), "sys.modules": id(sys.modules)},
    "atExit": [id(at_exit)],
    "stacks": stacks,
    "generatorLocal": generator["local"],
}))
sys.stdout.flush()
never.wait()
