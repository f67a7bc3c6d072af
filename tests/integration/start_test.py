"""Where a mirror begins (`shunt.start.offset`), and how much of one it is (`shunt.sync`)."""

from datetime import datetime, timezone

from groups_test import commit, groups_of
from harness import integration

FIRST_MS = 1700000000000  # of the judge's records, one a millisecond


def tail(dump, offset):
    """The lines of a dump from an offset on."""
    return b"".join(line for line in dump.splitlines(keepends=True) if int(line.split(b" ", 1)[0]) >= offset)


@integration(timeout_seconds=240)
def a_mirror_may_begin_at_a_time(lab):
    """In the middle of a batch, too; what comes before is not there, at the offsets that it has on the source."""
    small, large, late = lab.load_all(
        [
            {"topic": "small", "records": 2000, "flush": "7..7"},
            {"topic": "large", "records": 2000, "codec": "lz4"},
            {"topic": "late", "records": 1000},
        ]
    )
    created, began = lab.topic("small"), FIRST_MS + 1234
    when = {"shunt.start.offset": began}
    lab.target.create_topic(late, partitions=1)
    summary = lab.mirror([small, large, late], settings=when)
    assert not summary["failures"], summary
    for topic in (small, large):
        assert lab.dump(lab.target, topic) == tail(lab.dump(lab.source, topic), 1234) != b"", topic
    # Later than every record: at the end, in a topic that was there, too.
    assert lab.dump(lab.target, late) == b"" and lab.ends(lab.target, [late])[late, 0] == 1000
    # Another life goes on behind what was mirrored, whatever is asked for now; where nothing was, it begins there.
    lab.load_all([{"topic": name, "records": 300, "start": start} for name, start in (("small", 2000), ("late", 1600))])
    summary = lab.mirror([small, large, late], settings={"shunt.start.offset": FIRST_MS + 1500})
    assert summary["records"] == 600 and not summary["failures"], summary
    assert lab.dump(lab.target, created) == tail(lab.dump(lab.source, small), 1234)
    assert lab.dump(lab.target, late) == tail(lab.dump(lab.source, late), 1000)
    # The same time as people write it, with mapped offsets.
    second = datetime.fromtimestamp(FIRST_MS // 1000 + 1, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    mapped = lab.load(topic="mapped", records=2000, flush="7..7")
    summary = lab.mirror([mapped], settings={"shunt.start.offset": second, "shunt.offsets": "mapped"})
    assert summary["records"] == 1000, summary


@integration(timeout_seconds=120)
def one_flow_may_begin_at_the_end(lab):
    topic = lab.load(topic="t", records=500)
    settings = {"shunt.start.offset": "earliest", "source->target.shunt.start.offset": "latest"}
    run = lab.start_mirror([topic], settings=settings)
    lab.until_level([topic])  # what is before its first record is filled
    lab.load(topic="t", records=100, start=500)
    lab.until_level([topic])
    run.drain()
    assert run.summary()["records"] == 100 and not run.summary()["failures"], run.summary()
    assert lab.dump(lab.target, topic) == tail(lab.dump(lab.source, topic), 500) != b""


@integration(timeout_seconds=120)
def what_is_carried_over_is_metadata_then_messages_then_offsets_too(lab):
    topic = lab.load(topic="t", records=100, partitions=3)
    summary = lab.mirror([topic], settings={"shunt.sync": "metadata"})
    assert summary["records"] == 0 and not summary["failures"], summary
    assert len(lab.target.metadata()["topics"][topic]) == 3
    assert set(lab.ends(lab.target, [topic]).values()) == {0}
    # Messages, too, and with `offsets` groups, though the file says nothing of those.
    group = f"{lab.name}.group"
    commit(lab, lab.source, {group: {(topic, 0): 3}})
    assert lab.mirror([topic], settings={"shunt.sync": "messages"})["records"] == 100
    lab.assert_identical([topic])
    assert group not in groups_of(lab, lab.target)
    lab.mirror([topic], settings={"shunt.sync": "offsets", "groups": group})
    assert groups_of(lab, lab.target)[group][f"{topic}-0"]["offset"] == 3
