#!/usr/bin/env python3
"""Is the target what the producers wrote? history.py DIRECTORY judges the files a round has left; check() is the judge.

Three witnesses: the producers' own history (judge workload: every record they sent, where it was acknowledged, and what
became of its transaction), the source and the target as kafka-clients reads them, each in both isolation levels (judge
view). The mirror runs with shunt.isolation=read_committed, so the target holds what a reader of committed records sees
on the source, at the same offsets, and both kinds of readers of the target see the same.

What is found is named by its kind:

    lost          the target's log has gone past a record's offset, and the record is nowhere
    torn          the same, of a committed transaction that is there in part
    duplicated    a record is there more than once
    reordered     records are there in another order
    diverged      a record, or the end of the log, is at another offset, the order being kept
    altered       a record at its offset has another key, value, headers or timestamp
    aborted       a record of an aborted transaction can be read
    invented      a record that nobody wrote
    stale         the target ends before the source does, or an open transaction keeps its readers back
    source        the source itself is not what its producers were told: no fault of the mirror

Of a compacted topic either side may lack records that a later one of their key has replaced, and deleted keys.
"""

import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

COMMITTED, UNCOMMITTED = "read_committed", "read_uncommitted"
HISTORY_FILE = "history.tsv"


class Record(NamedTuple):
    """A record as read, or as its producer knows it; key, value and headers are fingerprints, "-" for null."""

    offset: int  # -1: its producer was not told
    timestamp: int
    timestamp_type: str
    key: str
    value: str
    headers: str
    id: str


class Sent(NamedTuple):
    acked: bool
    place: tuple  # (topic, partition)
    record: Record
    transaction: str  # "-": none


class History(NamedTuple):
    sent: list
    outcomes: dict  # transaction: committed, aborted or unknown


class View(NamedTuple):
    records: dict  # (topic, partition): [Record], by offset
    ends: dict  # (topic, partition): where the log ends for this isolation level


class Finding(NamedTuple):
    kind: str
    place: tuple
    offset: int
    text: str

    def __str__(self):
        return f"{self.kind}: {self.place[0]}-{self.place[1]} offset {self.offset}: {self.text}"


# ---- Files ---------------------------------------------------------------------------------------------------------


def read_history(path):
    sent, outcomes = [], {}
    for line in Path(path).read_text().splitlines():
        kind, *fields = line.split("\t")
        if kind == "transaction":
            outcomes[fields[0]] = fields[1]
        else:
            outcome, name, topic, partition, offset, timestamp, key, value, headers, transaction = fields
            record = Record(int(offset), int(timestamp), "CreateTime", key, value, headers, name)
            sent.append(Sent(outcome == "acked", (topic, int(partition)), record, transaction))
    return History(sent, outcomes)


def read_view(path):
    records, ends = defaultdict(list), {}
    for line in Path(path).read_text().splitlines():
        kind, topic, partition, *fields = line.split("\t")
        place = (topic, int(partition))
        if kind == "partition":
            ends[place] = int(fields[1])
        else:
            records[place].append(Record(int(fields[0]), int(fields[1]), *fields[2:]))
    return View(dict(records), ends)


def view_file(side, isolation):
    return f"{side}.{isolation}.tsv"


def read_round(directory):
    """(history, {isolation: source's view}, {isolation: target's view}) of the files in a directory."""

    def views(side):
        return {isolation: read_view(directory / view_file(side, isolation)) for isolation in (COMMITTED, UNCOMMITTED)}

    return read_history(directory / HISTORY_FILE), views("source"), views("target")


# ---- The judge -----------------------------------------------------------------------------------------------------


def check(history, source, target, compacted=()):
    """Every Finding; source and target are {isolation: View}, compacted the names of compacted topics."""
    findings = _check_source(history, source, compacted)
    truth = _Truth(history, source)
    for isolation, view in target.items():
        for place in sorted({*source[UNCOMMITTED].ends, *view.ends}):
            found = _check_partition(truth, place, view, place[0] in compacted)
            findings += [one._replace(text=f"{one.text} ({isolation})") for one in found]
        findings += [one._replace(text=f"{one.text} ({isolation})") for one in _check_missing(truth, view, compacted)]
    return findings


def _check_source(history, source, compacted):
    """Whether what the source holds is what its producers were told."""
    committed = _by_offset(source[COMMITTED])
    seen = Counter(one.id for records in source[UNCOMMITTED].records.values() for one in records)
    doubled = [(name, count) for name, count in seen.items() if count > 1]
    findings = [Finding("source", ("-", -1), -1, f"record {name} is there {count} times") for name, count in doubled]
    readable = defaultdict(set)  # of transactions whose outcome is unknown: {whether their records can be read}
    for sent in history.sent:
        if not sent.acked or sent.record.offset < 0:
            continue
        offset, outcome = sent.record.offset, history.outcomes.get(sent.transaction, "unknown")
        there = committed.get(sent.place, {}).get(offset)
        if there is not None and there != sent.record:
            findings.append(Finding("source", sent.place, offset, f"holds {there} instead of {sent.record}"))
        elif sent.transaction == "-" or outcome == "committed":
            if there is None and sent.place[0] not in compacted:
                findings.append(Finding("source", sent.place, offset, f"{sent.record.id} was acknowledged and is gone"))
        elif outcome == "aborted" and there is not None:
            findings.append(Finding("source", sent.place, offset, f"{sent.record.id} was aborted and can be read"))
        elif outcome == "unknown":
            readable[sent.transaction].add(there is not None)
    for transaction, answers in readable.items():
        if len(answers) > 1:
            findings.append(Finding("source", ("-", -1), -1, f"transaction {transaction} is there in part"))
    return findings


def _by_offset(view):
    """{(topic, partition): {offset: record}}."""
    return {place: {one.offset: one for one in records} for place, records in view.records.items()}


class _Truth:
    """What the target may hold and must hold, by what is known of the source."""

    def __init__(self, history, source):
        self.ends = source[UNCOMMITTED].ends
        self.must = _by_offset(source[COMMITTED])
        self.may = defaultdict(dict)  # what the source held once: compaction takes it from either side
        self.unplaced = defaultdict(dict)  # {id: record} of what may be there, its producer does not know where
        self.transaction_of = {}
        known = defaultdict(dict)  # (topic, partition): {id: offset}
        for place, records in self.must.items():
            known[place].update({one.id: one.offset for one in records.values()})
        for sent in history.sent:
            if sent.transaction == "-" and sent.acked and sent.record.offset >= 0:
                self.may[sent.place][sent.record.offset] = sent.record
                known[sent.place].setdefault(sent.record.id, sent.record.offset)
            elif sent.transaction == "-":
                self.unplaced[sent.place][sent.record.id] = sent.record
            else:
                self.transaction_of[sent.record.id] = sent.transaction
        self.known = known
        # What was written in a transaction and cannot be read as committed was aborted, whatever its producer knows.
        written = {one.id for records in source[UNCOMMITTED].records.values() for one in records}
        readable = {one.id for records in self.must.values() for one in records.values()}
        self.aborted = (written - readable) | (set(self.transaction_of) - readable)

    def at(self, place, offset):
        return self.must.get(place, {}).get(offset) or self.may[place].get(offset)

    def is_unplaced(self, place, record):
        """Whether it was sent there, without an answer; compaction may have taken it from the source since."""
        sent = self.unplaced[place].get(record.id)
        return sent is not None and sent[1:] == record[1:]


def _check_partition(truth, place, view, is_compacted):
    """What is wrong with the records that are there, and with the log's end."""
    there = view.records.get(place, [])
    counts = Counter(one.id for one in there)
    findings, displaced = [], []
    for index, record in enumerate(there):
        wanted = truth.at(place, record.offset)
        if wanted is not None and wanted.id == record.id:
            changed = [name for name in Record._fields[1:6] if getattr(wanted, name) != getattr(record, name)]
            if changed:
                findings.append(Finding("altered", place, record.offset, f"{record.id}: {', '.join(changed)}"))
        elif record.id in truth.aborted:
            findings.append(Finding("aborted", place, record.offset, f"{record.id} was aborted"))
        elif record.id in truth.known[place]:
            if counts[record.id] > 1:
                times, belongs = counts[record.id], truth.known[place][record.id]
                text = f"{record.id}, which belongs at {belongs}, is there {times} times"
                findings.append(Finding("duplicated", place, record.offset, text))
            else:
                displaced.append(index)
        elif wanted is not None and record[1:5] == wanted[1:5]:  # all but the headers, which hold the id
            findings.append(Finding("altered", place, record.offset, f"{wanted.id}: headers"))
        elif not (is_compacted and wanted is None and truth.is_unplaced(place, record)):
            findings.append(Finding("invented", place, record.offset, f"{record.id} is nobody's"))
    findings += _order(truth.known[place], place, there, displaced)
    end, wanted_end = view.ends.get(place, 0), truth.ends.get(place, 0)
    if end < wanted_end:
        findings.append(Finding("stale", place, end, f"{wanted_end - end} offsets of the source are not there"))
    elif end > wanted_end:
        findings.append(Finding("diverged", place, end, f"the source ends at {wanted_end}"))
    return findings


def _order(known, place, there, displaced):
    """Of records at other offsets than their own: whether they are out of order or merely shifted."""
    if not displaced:
        return []
    belongs = [known.get(one.id, one.offset) for one in there]
    before, after = [-1] * len(there), [sys.maxsize] * len(there)  # the largest before, the smallest behind
    for index in range(1, len(there)):
        before[index] = max(before[index - 1], belongs[index - 1])
    for index in range(len(there) - 2, -1, -1):
        after[index] = min(after[index + 1], belongs[index + 1])
    findings = []
    for index in displaced:
        kind = "reordered" if before[index] > belongs[index] or after[index] < belongs[index] else "diverged"
        text = f"{there[index].id} belongs at {belongs[index]}"
        findings.append(Finding(kind, place, there[index].offset, text))
    return findings


def _check_missing(truth, view, compacted):
    """What the target's log has gone past without having it."""
    held = {one.id for records in view.records.values() for one in records}
    torn_candidates = {truth.transaction_of[name] for name in held if name in truth.transaction_of}
    findings = []
    for place, wanted in truth.must.items():
        there = view.records.get(place, [])
        ids = {one.id for one in there}
        offsets = {one.offset: one for one in there}
        last_of_key = {one.key: one.offset for one in there}  # in offset order: the last one stays
        for offset, record in wanted.items():
            if record.id in ids or offset >= view.ends.get(place, 0):
                continue  # there, if perhaps elsewhere; or merely stale
            if offset in offsets and offsets[offset][1:5] == record[1:5]:
                continue  # altered: its id is in the headers
            if place[0] in compacted and (record.value == "-" or last_of_key.get(record.key, -1) > offset):
                continue
            transaction = truth.transaction_of.get(record.id)
            kind = "torn" if transaction in torn_candidates else "lost"
            text = record.id + (f" of transaction {transaction}" if transaction else "")
            findings.append(Finding(kind, place, offset, text))
    return findings


def summary(findings, examples=3):
    """Lines for people: each kind with its count and its first examples."""
    lines = []
    for kind, count in Counter(one.kind for one in findings).most_common():
        lines.append(f"{kind}: {count}")
        lines += [f"    {one}" for one in [one for one in findings if one.kind == kind][:examples]]
    return lines


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: history.py DIRECTORY (of a round: build/chaos/...)")
    directory = Path(sys.argv[1])
    compacted = {line for line in (directory / "compacted").read_text().split()}
    findings = check(*read_round(directory), compacted)
    print("\n".join(summary(findings)) or "nothing is lost, doubled, displaced, altered, torn or stale")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
