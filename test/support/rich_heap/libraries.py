"""Objects of the standard library's modules, the ones written in C above all."""
import os
import threading
import time

from . import part
from .execution import counting


@part
def text_processing(scale):
    import csv
    import difflib
    import io
    import re
    import string
    import textwrap

    patterns = [re.compile("a(%d)b(?P<name>x+)" % number) for number in range(50)]
    return [
        patterns,
        patterns[0].search("a0bxx"),
        patterns[0].finditer("a0bx a0bxx"),
        csv.reader(io.StringIO("a,b\n1,2\n")),
        csv.writer(io.StringIO()),
        csv.DictReader(io.StringIO("a,b\n1,2\n")),
        string.Template("$name"),
        textwrap.TextWrapper(),
        difflib.SequenceMatcher(None, "abcd", "bcde"),
    ]


@part
def times(scale):
    import datetime

    start = datetime.datetime(2020, 1, 1)
    zone = datetime.timezone(datetime.timedelta(hours=2), "somewhere")
    return [
        [start + datetime.timedelta(days=day) for day in range(200)],
        start.replace(tzinfo=zone),
        start.date(),
        start.time(),
        zone,
        time.localtime(0),
        os.stat("/"),
        os.times(),
    ]


@part
def time_zones(scale):
    import zoneinfo

    try:
        return [zoneinfo.ZoneInfo("UTC")]
    except zoneinfo.ZoneInfoNotFoundError:
        return [zoneinfo.available_timezones()]


@part
def xml_trees(scale):
    import xml.dom.minidom
    import xml.etree.ElementTree as ElementTree
    from xml.parsers import expat

    text = "<root>" + "".join("<e id='%d'><f>%d</f></e>" % (n, n) for n in range(scale // 5)) + "</root>"
    tree = ElementTree.fromstring(text)
    parser = ElementTree.XMLPullParser()
    parser.feed("<open><half>")
    return [tree, tree.iter(), parser, xml.dom.minidom.parseString("<a><b c='d'/></a>"), expat.ParserCreate()]


@part
def databases(scale):
    import sqlite3

    database = sqlite3.connect(":memory:")
    database.row_factory = sqlite3.Row
    database.execute("create table t(a, b)")
    database.executemany("insert into t values(?, ?)", [(n, "row %d" % n) for n in range(scale)])
    database.create_function("f", 1, lambda value: value)
    cursor = database.execute("select * from t")
    return [database, cursor, cursor.fetchone(), cursor.fetchmany(50)]


@part
def compression(scale):
    import bz2
    import io
    import lzma
    import zipfile
    import zlib

    packer = zlib.compressobj()
    packer.compress(b"content" * 100)
    archive = zipfile.ZipFile(io.BytesIO(), "w")
    archive.writestr("name", "content")
    return [packer, zlib.decompressobj(), bz2.BZ2Compressor(), lzma.LZMACompressor(), bz2.BZ2Decompressor(), archive]


@part
def digests(scale):
    import hashlib
    import hmac
    import random
    import uuid

    named = [hashlib.new(name) for name in ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b")]
    return [named, hmac.new(b"key", b"message", "sha256"), random.Random(1), uuid.uuid4()]


@part
def files_and_sockets(scale):
    import io
    import select
    import selectors
    import socket
    import tempfile

    left, right = socket.socketpair()
    poller = select.poll()
    poller.register(left)
    selector = selectors.DefaultSelector()
    selector.register(right, selectors.EVENT_READ, ["data"])
    binary = tempfile.TemporaryFile("w+b")
    binary.write(b"buffered")
    text = tempfile.TemporaryFile("w+")
    text.write("pending")
    return [left, right, poller, select.epoll(), selector, binary, text, io.StringIO("text"), io.BytesIO(b"bytes"), os.scandir("/"), open("/dev/null", "rb", buffering=0)]


@part
def secure_sockets(scale):
    import ssl

    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    return [context, context.wrap_bio(incoming, outgoing, server_hostname="localhost")]


@part
def native_calls(scale):
    import ctypes

    class Pair(ctypes.Structure):
        _fields_ = [("left", ctypes.c_int), ("right", ctypes.c_void_p)]

    class Either(ctypes.Union):
        _fields_ = [("number", ctypes.c_long), ("text", ctypes.c_char * 40)]

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda value: value)
    pair = Pair(1, None)
    return [pair, Either(), (Pair * 50)(), ctypes.pointer(pair), ctypes.byref(pair), callback, ctypes.create_string_buffer(3000), ctypes.c_char_p(b"text"), ctypes.CDLL(None).strlen]


@part
def logs(scale):
    import io
    import logging

    loggers = [logging.getLogger("connection.%d" % number) for number in range(50)]
    handler = logging.StreamHandler(io.StringIO())
    loggers[0].addHandler(handler)
    loggers[0].warning("one %s", "record")
    return [loggers, handler, logging.makeLogRecord({"msg": "made"})]


@part
def context_variables(scale):
    import contextvars

    variable = contextvars.ContextVar("variable", default=[0])
    tokens = [variable.set([number]) for number in range(20)]
    return [variable, tokens, contextvars.copy_context()]


@part
def synchronisation(scale):
    import queue

    local = threading.local()
    local.value = ["of this thread"]
    simple = [queue.SimpleQueue()] if hasattr(queue, "SimpleQueue") else []
    for waiting_queue in simple:
        waiting_queue.put(["queued"])
    return [local, threading.RLock(), threading.Condition(), threading.Semaphore(3), threading.Barrier(2), queue.PriorityQueue(), simple]


@part
def tools_of_the_trade(scale):
    import argparse
    import ast
    import concurrent.futures
    import configparser
    import contextlib
    import email.message
    import heapq
    import http.client
    import inspect
    import ipaddress
    import pathlib
    import pickle
    import io
    import types
    import unittest.mock

    parser = argparse.ArgumentParser()
    parser.add_argument("--flag", choices=["a", "b"])
    message = email.message.EmailMessage()
    message["Subject"] = "hello"
    heap = []
    for number in range(100):
        heapq.heappush(heap, (-number, [number]))
    stack = contextlib.ExitStack()
    stack.callback(len)
    return [
        parser,
        ast.parse("def f(a, *b):\n    return [a + c for c in b]\n"),
        concurrent.futures.Future(),
        configparser.ConfigParser(),
        stack,
        message,
        heap,
        http.client.HTTPConnection("localhost"),
        inspect.signature(counting),
        [ipaddress.ip_address("10.0.0.%d" % number) for number in range(50)],
        pathlib.Path("/tmp") / "name",
        pickle.Pickler(io.BytesIO()),
        pickle.Unpickler(io.BytesIO()),
        types.SimpleNamespace(a=1),
        types.MappingProxyType({"a": 1}),
        types.ModuleType("made"),
        unittest.mock.Mock(),
    ]
