"""Objects of as many kinds as the standard library offers, for CPython 3.6 to 3.13."""

PARTS = []


def part(build):
    """Registers a function of the scale (about the number of objects of the common kinds); what it returns stays alive."""
    PARTS.append(build)
    return build


def build(scale):
    """All parts, and the names of those that this version or build of Python lacks the modules for."""
    from . import classes, execution, libraries, values  # noqa: F401  they register their parts

    kept, skipped = [], []
    for build_part in PARTS:
        try:
            kept.append(build_part(scale))
        except ImportError:
            skipped.append(build_part.__name__)
    return kept, skipped
