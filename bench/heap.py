"""A heap of about N mixed objects, `heap.py N`: instances, ints, strings, lists, tuples, floats, some dicts and sets."""
import sys

OBJECTS_PER_RECORD = 6.5


class Record:
    def __init__(self, number):
        self.number = 1000 + number
        self.name = "record %d" % number
        self.values = [(number / 7, self)]


def main():
    count = int(int(sys.argv[1]) / OBJECTS_PER_RECORD)
    records = [Record(number) for number in range(count)]
    indexes = [{"id": record.number, "name": record.name} for record in records[::4]]
    groups = [{record.number, record.name} for record in records[::4]]
    print("ready", len(records), len(indexes), len(groups), flush=True)
    input()


main()
