"""Runs inside gdb: prints one line of JSON with the layouts of a module's structures, from its debug information.

    gdb -nx -batch -ex "python settings = '<structures.json>'" -x dump_layout.py <libpython or extension module>

Each structure is {"size": bytes, "fields": {name: [offset, size]}}; a bit field is [byte offset, 0, first bit, bits].
"""
import json
import re

import gdb

with open(settings) as source:  # noqa: F821 (set by the command line)
    WANTED = json.load(source)

# The nodes of the arena map are larger than gdb likes by default.
gdb.execute("set max-value-size unlimited")

STRUCTURE_CODES = (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION)
HEADERS = ("PyObject", "PyVarObject")
# Tables of functions inside type objects: nobody outside needs their slots.
CLOSED_MEMBERS = re.compile(r"^as_(async|number|mapping|sequence|buffer)$|^ht_type$")
LARGEST_OPENED_MEMBER = 256


def find(name):
    """The structure called `name`, under any of its spellings, or None."""
    for spelling in [name, "struct " + name, *WANTED["aliases"].get(name, [])]:
        try:
            found = gdb.lookup_type(spelling).strip_typedefs()
        except gdb.error:
            continue
        if found.code in STRUCTURE_CODES and found.sizeof and found.fields():
            return found
    return None


def members(structure):
    """Fields that have a place in the structure (static members have none)."""
    return [field for field in structure.fields() if hasattr(field, "bitpos")]


def is_object(structure):
    """True when the structure begins with an object header, possibly that of its own base structure."""
    for _ in range(6):
        if structure.code != gdb.TYPE_CODE_STRUCT or not members(structure):
            return False
        first = members(structure)[0]
        if first.bitpos != 0 or first.name == "ob_refcnt":
            return first.name == "ob_refcnt"
        if str(first.type) in HEADERS or (first.name or "").startswith("ob_base"):
            return True
        structure = first.type.strip_typedefs()
    return False


def lay_out(structure, opened):
    """Fields of `structure` with dotted names; `opened` lists the members to open, None opens every small one."""
    fields = {}

    def visit(current, base, prefix, depth):
        for field in members(current):
            offset = base + field.bitpos // 8
            kind = field.type.strip_typedefs()
            name = ".".join(part for part in (prefix, field.name) if part)
            if field.bitsize:
                fields[name] = [offset, 0, field.bitpos % 8, field.bitsize]
                continue
            if field.name:
                fields[name] = [offset, kind.sizeof]
            if kind.code in STRUCTURE_CODES and depth < 6:
                inside = not field.name or (name in opened if opened is not None else opens(field, kind))
                if inside:
                    visit(kind, offset, name, depth + 1)

    def opens(field, kind):
        if CLOSED_MEMBERS.match(field.name) or field.name == "ob_base" or is_object(kind):
            return False
        return kind.sizeof <= LARGEST_OPENED_MEMBER

    visit(structure, 0, "", 0)
    # The header is described once, in PyObject and PyVarObject.
    fields.pop("ob_base", None)
    return {"size": structure.sizeof, "fields": fields}


def names_of_types():
    """Every structure or typedef name that the module's debug information knows."""
    text = gdb.execute("info types -q", to_string=True)
    typedefs = re.findall(r"typedef struct (?:\w+|\{\.\.\.\}) (\w+);", text)
    tags = re.findall(r"^\d*:?\s*struct (\w+);", text, re.M)
    return [*dict.fromkeys(typedefs + tags)]


# One structure has one name: the one we ask for, or else its first typedef; its tag is no second one.
result = {}
seen_tags = set()
for name in list(WANTED["aliases"]) + WANTED["structures"] + names_of_types():
    structure = find(name)
    if structure is None or name in result or structure.tag in seen_tags:
        continue
    if name in WANTED["structures"] or name in WANTED["aliases"] or is_object(structure):
        result[name] = lay_out(structure, WANTED["open"].get(name))
        if structure.tag:
            seen_tags.add(structure.tag)

print("LAYOUT " + json.dumps(result))
