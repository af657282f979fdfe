"""A process with names of every kind and secrets beside them; it says where they are. Secrets are written down in halves, joined here."""
import collections
import functools
import gc
import json
import logging
import sys
import threading
import types
import weakref

HALF = "canary"


def secret(what):
    """A string that no code object has, neither as a name nor as a literal."""
    return "".join([HALF, "-", what])


class Plain(object):
    def __init__(self):
        self.attribute_of_plain = secret("attribute value")


class Slotted(object):
    __slots__ = ("alpha", "__beta", "__weakref__")

    def __init__(self):
        self.alpha = [1]
        self.__beta = [2]


class Derived(Slotted):
    __slots__ = ("gamma",)


class Finalized(object):
    def __del__(self):
        pass


class FinalizedChild(Finalized):
    pass


class Text(str):
    pass


class Mapping(dict):
    pass


PASSWORD = "hunter2canary"
SETTINGS = {"literal_key": 1, secret("dictionary key"): 2}
VALUES = [secret("list item"), secret("bytes").encode(), Text(secret("subclass")), sys.intern(secret("interned")), b"bytes canary literal"]
SECRET_SET = {secret("set member")}
plain, slotted, derived = Plain(), Slotted(), Derived()
logging.getLogger(secret("logger"))
ANSWERS = {
    "str": ["a'b", 'a"b', "a'\"b", "tab\tnew\nreturn\rback\\slash", u"\xe9\u20ac\U0001f600\x7f\xa0\u200b\xad", "x" * 2000, ""],
    "bytes": [b"a'b", b'a"b', b"\x00\xff\t", b""],
    "int": [0, 1, -1, 2 ** 30, -(2 ** 62), 2 ** 1000, 10 ** 3000],
    "float": [0.0, -0.0, 1.0, 0.1, 1e16, 1e15, 123456789012345680.0, 1e-4, 1e-5, 1.5e300, -2.5, float("inf"), float("-inf"), float("nan"), 5e-324],
}


def outer(argument_name):
    local_name = argument_name

    def inner_function():
        return local_name

    return inner_function


closure = outer([1])


def field(holder, target):
    return [id(holder), id(target)]


class Holder(object):
    @property
    def value(self):
        return 1


bound = closure.__get__(plain)
partial = functools.partial(closure, [1], key=[2])
try:
    raise ValueError("text")
except ValueError as error:
    caught = error
answer = {
    "types": {kind.__name__: id(kind) for kind in (Plain, Slotted, Derived, Finalized, FinalizedChild, Text, Mapping)},
    "fields": {
        "alpha": field(slotted, slotted.alpha),
        "_Slotted__beta": field(derived, slotted.__class__),
        "__globals__": field(closure, closure.__globals__),
        "__code__": field(closure, closure.__code__),
        "__closure__": field(closure, closure.__closure__),
        "cell_contents": field(closure.__closure__[0], closure.__closure__[0].cell_contents),
        "__func__": field(bound, closure),
        "__self__": field(bound, plain),
        "co_names": field(closure.__code__, closure.__code__.co_names),
        "co_consts": field(closure.__code__, closure.__code__.co_consts),
        "co_filename": field(closure.__code__, closure.__code__.co_filename),
        "fget": field(Holder.__dict__["value"], Holder.__dict__["value"].fget),
        "func": field(partial, partial.func),
        "args": field(partial, partial.args),
        "keywords": field(partial, partial.keywords),
        "__traceback__": field(caught, caught.__traceback__),
        "__mro__": field(Derived, Derived.__mro__),
        "__bases__": field(Derived, Derived.__bases__),
        "__base__": field(Derived, Slotted),
    },
    "key": [id(key) for key in SETTINGS],
    "password": id(PASSWORD),
    "answers": {kind: [[id(value), repr(value)] for value in values if value == value] for kind, values in ANSWERS.items()},
}
derived.gamma = [3]
answer["fields"]["gamma"] = field(derived, derived.gamma)
derived.alpha = [4]
del answer["fields"]["_Slotted__beta"]
answer["functions"] = [[id(function), id(function.__code__), function.__code__.co_firstlineno] for function in (secret, outer)]
print(json.dumps(answer))
sys.stdout.flush()
threading.Event().wait()
