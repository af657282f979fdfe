"""Keeps native memory of numpy, lxml and sqlite3, and says in one line of JSON which object has how many bytes of it; then waits."""
import json
import sqlite3
import sys

import numpy
from lxml import etree

ENTRIES = 30000
ROWS = 20000

arrays = [numpy.zeros(length, dtype) + 1 for length, dtype in [(100, "f8"), (5000, "i4"), (300000, "f8"), (7, "c16")]]
arrays.append(numpy.ones((20, 300)))
arrays.append(numpy.asfortranarray(numpy.ones((40, 50, 6))))
views = [arrays[2][:], arrays[2][1000:2000:2], arrays[4].T]
objects = numpy.array([object() for _ in range(9000)], dtype=object)
document = etree.fromstring("<feed>%s</feed>" % "".join('<entry id="e%d"><title>Title %d</title></entry>' % (n, n) for n in range(ENTRIES)))
connection = sqlite3.connect(":memory:")
connection.execute("create table entry (number integer primary key, text text)")
connection.executemany("insert into entry values (?, ?)", ((number, "text %d " % number * 20) for number in range(ROWS)))
connection.commit()
(pages,) = connection.execute("pragma page_count").fetchone()
(page_bytes,) = connection.execute("pragma page_size").fetchone()
said = {
    "arrays": [[id(array), array.nbytes] for array in arrays + [objects]],
    "views": [id(view) for view in views],
    "objects": [id(objects), [id(item) for item in objects]],
    "entries": ENTRIES,
    "database": [id(connection), pages * page_bytes],
}
print(json.dumps(said), flush=True)
sys.stdin.read()
