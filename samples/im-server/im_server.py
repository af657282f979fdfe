#!/usr/bin/env python3
"""A small chat server with the memory troubles of a real one, to try pystrata on.

It listens on loopback, chats with itself for a second or two, prints "ready: pid N, port P" and then serves on until SIGTERM.
Standard library only, CPython 3.6 and later. Each trouble is marked with the word TROUBLE; `README.md` lists them with
the place where a report shows them.
"""
import asyncio
import ctypes
import functools
import json
import logging
import os
import queue
import signal
import threading

ROOMS = ["lobby", "random", "help", "releases", "späti"]
CLIENTS = 150
MESSAGES_PER_CLIENT = 100
RESTORED_MESSAGES = 50000
BURST_SESSIONS = 60000
ATTACHMENTS = 16
ATTACHMENT_BYTES = 1500000
THUMBNAIL_THREADS = 4
THUMBNAIL_BYTES = 12000

# TROUBLE: every message that was ever said; nothing removes any.
HISTORY = {}

# TROUBLE: files are kept after delivery, "in case somebody scrolls up".
DELIVERED_FILES = []

# TROUBLE: an exception keeps its traceback, the traceback its frames, the frames their locals.
LAST_ERROR = None


class Message:
    """What somebody said."""

    def __init__(self, number, room, author, text):
        self.number = number
        self.room = room
        self.author = author
        self.text = text
        self.edited = False
        self.reactions = []


class Session:
    """One connected user."""

    connected = {}

    def __init__(self, number):
        self.number = number
        self.user = "user-%d" % number
        self.room = ROOMS[number % len(ROOMS)]
        self.unread = []
        self.settings = {"theme": "dark", "mute": False, "room": self.room}
        # TROUBLE: the logging module keeps every logger that was ever asked for by name.
        self.log = logging.getLogger("chat.session.%d" % number)
        self.writer = None

    # TROUBLE: the cache belongs to the class and its keys hold `self`: no session is ever freed.
    @functools.lru_cache(maxsize=None)
    def profile_card(self, viewer):
        return {"user": self.user, "viewer": viewer, "html": "<b>%s</b> in %s, seen by %s" % (self.user, self.room, viewer)}


def remember(number, room, author, text):
    message = Message(number, room, author, text)
    HISTORY.setdefault(room, []).append(message)
    return message


def restore_history():
    """What was said before this process started, as it would come from a log file."""
    for number in range(RESTORED_MESSAGES):
        remember(-number, ROOMS[number % len(ROOMS)], "user-%d" % (number % 500), "old message %d, long read by all" % number)


async def serve_client(numbers, reader, writer):
    session = Session(next(numbers))
    session.writer = writer
    Session.connected[session.number] = session
    try:
        while True:
            line = await reader.readline()
            if not line:
                break
            request = json.loads(line.decode())
            message = remember(request["id"], session.room, session.user, request["text"])
            session.profile_card(request["viewer"])
            session.log.debug("said %d", message.number)
            writer.write(json.dumps({"ok": message.number}).encode() + b"\n")
            await writer.drain()
    finally:
        del Session.connected[session.number]
        writer.close()


async def chat(port, client):
    """A client of our own: a bounded number of messages, then it hangs up; every third stays connected."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for index in range(MESSAGES_PER_CLIENT):
        text = "message %d of client %d: " % (index, client) + "lorem ipsum " * (index % 7)
        request = {"id": client * MESSAGES_PER_CLIENT + index, "text": text, "viewer": "user-%d" % (index % 20)}
        writer.write(json.dumps(request).encode() + b"\n")
        await writer.drain()
        await reader.readline()
    if client % 3 == 0:
        return reader, writer
    writer.close()
    return None


def burst():
    """A morning's rush: thousands of sessions come and most go. TROUBLE: the few that stay keep whole arenas alive."""
    arrived = [{"session": number, "unread": [number], "draft": "draft of %d" % number} for number in range(BURST_SESSIONS)]
    return arrived[::199]


def make_thumbnails(work):
    """TROUBLE: each thread has a malloc arena of its own; what it frees below a chunk in use stays with the process."""
    kept = []
    while True:
        count = work.get()
        scratch = [bytearray(THUMBNAIL_BYTES) for _ in range(count)]
        kept.append(scratch[-1])
        del scratch
        work.task_done()


def start_thumbnail_threads():
    work = queue.Queue()
    for number in range(THUMBNAIL_THREADS):
        threading.Thread(target=make_thumbnails, args=(work,), name="thumbnails-%d" % number, daemon=True).start()
    for _ in range(3 * THUMBNAIL_THREADS):
        work.put(400)
    work.join()


def import_contacts(lines):
    contacts = [line.split(",") for line in lines]
    return {name: int(age) for name, age in contacts}


def fail_once():
    global LAST_ERROR
    try:
        import_contacts(["contact-%d,%d" % (number, number) for number in range(20000)] + ["broken"])
    except ValueError as error:
        LAST_ERROR = error


def allow_any_tracer():
    """Where Yama restricts tracing to ancestors, a process may still invite others of the same user."""
    pr_set_ptracer, any_process = 0x59616D61, ctypes.c_ulong(-1)
    ctypes.CDLL(None).prctl(pr_set_ptracer, any_process, 0, 0, 0)


async def main(loop):
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_signal_handler(signal.SIGINT, stopped.set)
    numbers = iter(range(10**6))
    server = await asyncio.start_server(functools.partial(serve_client, numbers), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    restore_history()
    still_connected = await asyncio.gather(*(chat(port, client) for client in range(CLIENTS)))
    survivors = burst()
    DELIVERED_FILES.extend(bytes([number + 1]) * ATTACHMENT_BYTES for number in range(ATTACHMENTS))
    start_thumbnail_threads()
    fail_once()

    print("ready: pid %d, port %d" % (os.getpid(), port), flush=True)
    await stopped.wait()
    del still_connected, survivors
    server.close()


if __name__ == "__main__":
    allow_any_tracer()
    event_loop = asyncio.new_event_loop()
    asyncio.set_event_loop(event_loop)
    event_loop.run_until_complete(main(event_loop))
