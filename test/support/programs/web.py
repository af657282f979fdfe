"""A web of nodes, for CPython 3.6 to 3.13: `web.py NODES SEED`.

Says `ready` and the address of each node. Then for each line `NUMBER` it cuts off what the node refers to, in a child process, and
says `freed NUMBERS` for the nodes that are gone at once and `collected NUMBERS` for those that a collection takes then.
"""
import gc
import os
import random
import sys
import weakref


class Node:
    __slots__ = ("refs", "__weakref__")

    def __init__(self):
        self.refs = []


def build(count, seed):
    chance = random.Random(seed)
    nodes = [Node() for _ in range(count)]
    for number, node in enumerate(nodes[1:], 1):
        # A tree, so that everything is held, mostly deep; then a few ways round and back.
        nodes[chance.randrange(max(0, number - 8), number)].refs.append(node)
    for _ in range(count // 3):
        source = chance.randrange(count)
        target = min(count - 1, max(0, source + chance.randrange(-12, 20)))
        nodes[source].refs.append(nodes[target])
    return nodes


def living(references):
    return {number for number, reference in enumerate(references) if reference() is not None}


def cut(references, number):
    gc.disable()
    before = living(references)
    references[number]().refs.clear()
    freed = living(references)
    gc.collect()
    collected = living(references)
    for word, gone in ("freed", before - freed), ("collected", freed - collected):
        os.write(1, (word + "".join(" %d" % one for one in sorted(gone)) + "\n").encode())


def main():
    nodes = build(int(sys.argv[1]), int(sys.argv[2]))
    references = [weakref.ref(node) for node in nodes]
    print("ready", *("0x%x" % id(node) for node in nodes), flush=True)
    first = nodes[0]
    nodes.clear()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                cut(references, int(line))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    return first


main()
