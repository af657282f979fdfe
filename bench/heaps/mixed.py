"""A heap of about N mixed objects, `mixed.py N`: a list of dictionaries, each with an int, a str, an instance and a list."""
import sys

OBJECTS_PER_RECORD = 10.5


class Reading:
    def __init__(self, number):
        self.number = 1_000_000 + number
        self.label = "reading %d" % number
        self.value = number / 7


def record(number):
    return {
        "id": 1_000 + number,
        "name": "record %d" % number,
        "reading": Reading(number),
        "history": [number * 3 + 1_000, number * 5 + 1_000, "step %d" % number],
    }


def main():
    records = [record(number) for number in range(int(int(sys.argv[1]) / OBJECTS_PER_RECORD))]
    print("ready", len(records), flush=True)
    input()


main()
