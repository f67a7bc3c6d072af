#!/usr/bin/env python3
"""Cuts what a passed round has left (run.py --keep) down to what history_test.py keeps: excerpt.py DIRECTORY.

Of each topic two partitions, and of each partition a stretch of offsets, moved to the front: one of which readers of
committed records see at least a third and at most four fifths, if there is one, so that there are aborted and compacted
records and markers in it; of compacted topics the last such one, where some keys are still there twice. Transactions
may be cut in two by that, on all sides alike.
"""

import shutil
import sys
from pathlib import Path

import history

RECORDED = Path(__file__).resolve().parent / "recorded"
PARTITIONS, OFFSETS = 2, 50


def stretches(view, compacted):
    """{(topic, partition): its stretch's first offset}."""
    result = {}
    for place, end in view.ends.items():
        taken = {one.offset for one in view.records.get(place, [])}
        starts = range(0, end - OFFSETS, OFFSETS // 4)
        mixed = [
            first
            for first in starts
            if OFFSETS / 3 <= sum(first + index in taken for index in range(OFFSETS)) <= OFFSETS * 4 / 5
        ]
        result[place] = (max if place[0] in compacted else min)(mixed, default=0)
    return {place: first for place, first in result.items() if place[1] < PARTITIONS}


def cut(path, firsts, place_column, offset_column):
    """The lines of a file that are within the stretches."""
    for line in path.read_text().splitlines():
        fields = line.split("\t")
        if fields[0] != "transaction":
            first = firsts.get((fields[place_column], int(fields[place_column + 1])))
            if first is None:
                continue
            if fields[0] == "partition":
                fields[3:5] = ["0", str(OFFSETS)]
            else:
                offset = int(fields[offset_column]) - first
                if not 0 <= offset < OFFSETS:
                    continue
                fields[offset_column] = str(offset)
        yield "\t".join(fields)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: excerpt.py DIRECTORY (of a round: build/chaos/...)")
    directory = Path(sys.argv[1])
    RECORDED.mkdir(exist_ok=True)
    compacted = (directory / "compacted").read_text().split()
    firsts = stretches(history.read_view(directory / history.view_file("source", history.COMMITTED)), compacted)
    sent = list(cut(directory / history.HISTORY_FILE, firsts, 3, 5))
    used = {line.split("\t")[-1] for line in sent if line.startswith("record")}
    sent = [line for line in sent if line.startswith("record") or line.split("\t")[1] in used]
    (RECORDED / history.HISTORY_FILE).write_text("\n".join(sent) + "\n")
    for side in ("source", "target"):
        for isolation in (history.COMMITTED, history.UNCOMMITTED):
            name = history.view_file(side, isolation)
            (RECORDED / name).write_text("\n".join(cut(directory / name, firsts, 1, 3)) + "\n")
    shutil.copy(directory / "compacted", RECORDED)


if __name__ == "__main__":
    main()
