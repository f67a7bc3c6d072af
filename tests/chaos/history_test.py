"""The history checker names every kind of damage, planted into a round that real clusters have recorded (recorded/,
see excerpt.py), and nothing else."""

import unittest
from pathlib import Path

import history
from history import COMMITTED, UNCOMMITTED, Record, View

RECORDED = Path(__file__).resolve().parent / "recorded"
PLAIN, LEDGER, KEYED = "plain", "ledger", "keyed"


class Recording:
    """The recorded round, to be damaged. Damage is done to the views in self.damaged; places are chosen by topic."""

    def __init__(self, isolations=(COMMITTED, UNCOMMITTED)):
        self.history, self.source, self.target = history.read_round(RECORDED)
        self.compacted = set((RECORDED / "compacted").read_text().split())
        self.isolations = isolations

    def kinds(self):
        return {one.kind for one in self.findings()}

    def findings(self):
        return history.check(self.history, self.source, self.target, self.compacted)

    def place(self, topic, partition=0):
        (found,) = {name for name, _ in self.source[UNCOMMITTED].ends if name.endswith("." + topic)}
        return found, partition

    def damaged(self):
        return [self.target[isolation] for isolation in self.isolations]

    def edit(self, place, change):
        """Replaces the records of a place on the target by change(records)."""
        for view in self.damaged():
            view.records[place] = sorted(change(list(view.records[place])))

    def aborted(self):
        """(place, record) of one that only a reader of uncommitted records sees on the source."""
        for place, records in self.source[UNCOMMITTED].records.items():
            hidden = set(records) - set(self.source[COMMITTED].records.get(place, []))
            if hidden:
                return place, min(hidden)
        raise AssertionError("nothing was aborted in the recording")

    def hole(self, place):
        """An offset without a record, on either side."""
        taken = {one.offset for one in self.source[UNCOMMITTED].records[place]}
        return next(offset for offset in range(self.source[UNCOMMITTED].ends[place]) if offset not in taken)

    def of_transaction(self):
        """(place, record) of a committed transaction that has more records."""
        names = {sent.record.id: sent.transaction for sent in self.history.sent if sent.transaction != "-"}
        there = [
            (place, record)
            for place, records in self.source[COMMITTED].records.items()
            for record in records
            if record.id in names
        ]
        for place, record in there:
            if sum(names[other.id] == names[record.id] for _, other in there) > 1:
                return place, record
        raise AssertionError("no transaction of two records in the recording")


def lost(recording):
    recording.edit(recording.place(PLAIN), lambda records: records[:7] + records[8:])


def lost_with_its_transaction(recording):
    _, record = recording.of_transaction()
    names = {sent.record.id: sent.transaction for sent in recording.history.sent}
    for place in recording.source[COMMITTED].records:
        recording.edit(place, lambda records: [one for one in records if names.get(one.id) != names[record.id]])


def lost_although_the_last_of_its_key(recording):
    place = recording.place(KEYED)
    records = recording.target[COMMITTED].records[place]
    last = {one.key: one for one in records}
    chosen = next(one for one in records if one.value != "-" and last[one.key] == one)
    recording.edit(place, lambda records: [one for one in records if one != chosen])


def torn(recording):
    place, record = recording.of_transaction()
    recording.edit(place, lambda records: [one for one in records if one != record])


def duplicated(recording):
    place = recording.place(LEDGER)
    hole = recording.hole(place)
    recording.edit(place, lambda records: [*records, records[0]._replace(offset=hole)])


def reordered(recording):
    def swap(records):
        a, b = records[3], records[4]
        return [*records[:3], b._replace(offset=a.offset), a._replace(offset=b.offset), *records[5:]]

    recording.edit(recording.place(PLAIN), swap)


def diverged(recording):
    place = recording.place(PLAIN)
    recording.edit(place, lambda records: records[:5] + [one._replace(offset=one.offset + 1) for one in records[5:]])
    for view in recording.damaged():
        view.ends[place] += 1


def log_end_diverged(recording):
    for view in recording.damaged():
        view.ends[recording.place(LEDGER, 1)] += 1


def altered(field, value):
    def alter(recording):
        def change(records):
            return [*records[:9], records[9]._replace(**{field: value}), *records[10:]]

        recording.edit(recording.place(PLAIN, 1), change)

    alter.__name__ = f"altered_{field}"
    return alter


def altered_headers_with_the_id(recording):
    recording.edit(
        recording.place(PLAIN), lambda records: [records[0]._replace(headers="0", id="somebody:1"), *records[1:]]
    )


def aborted(recording):
    place, record = recording.aborted()
    recording.edit(place, lambda records: [*records, record])


def invented(recording):
    place = recording.place(LEDGER)
    record = Record(recording.hole(place), 0, "CreateTime", "-", "0", "0", "nobody:0")
    recording.edit(place, lambda records: [*records, record])


def stale(recording):
    place = recording.place(PLAIN)
    recording.edit(place, lambda records: records[:-2])
    for view in recording.damaged():
        view.ends[place] -= 2


def stale_partition_that_is_not_there(recording):
    place = recording.place(KEYED, 1)
    for view in recording.damaged():
        del view.records[place], view.ends[place]


DAMAGE = {
    "lost": [lost, lost_with_its_transaction, lost_although_the_last_of_its_key],
    "torn": [torn],
    "duplicated": [duplicated],
    "reordered": [reordered],
    "diverged": [diverged, log_end_diverged],
    "altered": [
        altered("key", "0"),
        altered("value", "-"),
        altered("headers", "0"),
        altered("timestamp", 1),
        altered("timestamp_type", "LogAppendTime"),
        altered_headers_with_the_id,
    ],
    "aborted": [aborted],
    "invented": [invented],
    "stale": [stale, stale_partition_that_is_not_there],
}


class HistoryTest(unittest.TestCase):
    def test_the_recorded_round_is_whole(self):
        self.assertEqual(Recording().findings(), [])

    def test_every_damage_is_named_as_what_it_is(self):
        for kind, damages in DAMAGE.items():
            for damage in damages:
                for isolations in ((COMMITTED,), (UNCOMMITTED,), (COMMITTED, UNCOMMITTED)):
                    with self.subTest(damage=damage.__name__, isolations=isolations):
                        recording = Recording(isolations)
                        damage(recording)
                        found = recording.findings()
                        self.assertEqual({one.kind for one in found}, {kind}, found)
                        self.assertEqual({one.text.split("(")[-1] for one in found}, {f"{i})" for i in isolations})

    def test_a_batch_appended_twice_is_a_duplicate_that_displaces_the_rest(self):
        recording = Recording()
        place = recording.place(PLAIN)

        def twice(records):
            batch, rest = records[5:8], records[8:]
            return records[:8] + [one._replace(offset=one.offset + 3) for one in [*batch, *rest]]

        recording.edit(place, twice)
        for view in recording.damaged():
            view.ends[place] += 3
        self.assertEqual(recording.kinds(), {"duplicated", "diverged"})

    def test_what_compaction_may_take_is_not_missed(self):
        recording = Recording()
        place = recording.place(KEYED, 1)
        records = recording.target[COMMITTED].records[place]
        last = {one.key: one for one in records}
        replaced = [one for one in records if last[one.key] != one or one.value == "-"]
        self.assertTrue(replaced)
        recording.edit(place, lambda records: [one for one in records if one not in replaced])
        self.assertEqual(recording.findings(), [])

    def test_what_the_source_has_compacted_since_may_be_there(self):
        recording = Recording()
        place = recording.place(KEYED)
        for view in recording.source.values():
            del view.records[place][2]
        self.assertEqual(recording.findings(), [])

    def test_a_source_that_is_not_what_its_producers_were_told_is_named(self):
        place = Recording().place(PLAIN)

        def forget(view):
            del view.records[place][4]

        def double(view):
            view.records[place].append(view.records[place][0]._replace(offset=view.ends[place]))

        def alter(view):
            view.records[place][4] = view.records[place][4]._replace(value="0")

        for damage in (forget, double, alter):
            with self.subTest(damage=damage.__name__):
                recording = Recording()
                for view in recording.source.values():
                    damage(view)
                self.assertIn("source", recording.kinds())

    def test_a_transaction_of_unknown_outcome_is_judged_by_the_source(self):
        recording = Recording()
        recording.history.outcomes.update({name: "unknown" for name in recording.history.outcomes})
        self.assertEqual(recording.findings(), [])

    def test_an_empty_target_is_stale(self):
        recording = Recording()
        recording.target = {isolation: View({}, {}) for isolation in (COMMITTED, UNCOMMITTED)}
        self.assertEqual(recording.kinds(), {"stale"})


if __name__ == "__main__":
    unittest.main()
