"""Logs that are not written in today's way: message formats 0 and 1 from the days before Kafka 0.11, a log that ends
behind its last record, a stored batch that is damaged. Mirrored record by record, or named."""

from crash_test import kill_ten_times
from harness import integration
from holes_test import mirror_with_failures
from verify_test import verify

CODECS = ("none", "gzip", "snappy", "lz4")


def load_old_formats(lab, cluster, **more):
    """Topics that the broker writes in formats 0 and 1, in every codec there was, and one whose format was raised
    twice; their names."""
    # Producers of those formats know neither idempotence nor headers.
    old = {"records": 3000, "partitions": 2, "key": "mixed", "value": "mixed", "flush": "1..200", "idempotence": "false"}
    specs = []
    for version in ("0.9.0", "0.10.0"):
        for codec in CODECS:
            name = f"v{version}-{codec}"
            specs.append({"topic": name, "codec": codec, **old, **more})
            if "start" not in more:
                cluster.create_topic(lab.topic(name), 2, configs={"message.format.version": version})
    specs.append({"topic": "append-time", "codec": "lz4", **old, **more})
    if "start" not in more:
        cluster.create_topic(
            lab.topic("append-time"),
            2,
            configs={"message.format.version": "0.10.0", "message.timestamp.type": "LogAppendTime"},
        )
    return lab.load_all(specs, cluster)


def assert_same(lab, topics, **ends):
    """What the new format cannot say, "no time" and "the broker's time", does not count."""
    lab.assert_identical(topics, batches=False, time_types=False, **ends)


@integration(timeout_seconds=300)
def old_message_formats_are_mirrored(lab):
    old = lab.cluster("old", version="2.8.2")
    ends = {"source": old, "target": lab.target}
    topics = load_old_formats(lab, old)
    # A topic that has seen every format: each upgrade begins a new piece of the log.
    upgraded = lab.topic("upgraded")
    old.create_topic(upgraded, 1, configs={"message.format.version": "0.9.0"})
    for start, version in ((0, "0.10.0"), (1000, "2.8"), (2000, None)):
        lab.load(old, topic="upgraded", start=start, records=1000, idempotence="false", codec="lz4", flush="1..100")
        if version:
            lab.tool(old, "kafka.admin.ConfigCommand", "--alter", "--entity-type", "topics",
                     "--entity-name", upgraded, "--add-config", f"message.format.version={version}")  # fmt: skip
    topics.append(upgraded)
    assert {stored_magic(old, topic) for topic in topics} == {0, 1}
    summary = lab.mirror(topics, **ends)
    assert summary["records"] == 30000 and summary["slow_path_batches"] > 0 and not summary["failures"], summary
    assert_same(lab, topics, **ends)
    for topic in topics:  # librdkafka as well; its view has no times where format 0 has none
        assert lab.dump(old, topic).count(b"\n") == lab.dump(lab.target, topic).count(b"\n"), topic
    assert verify(lab, topics, code=0, **ends)["equal"]
    # Known again, and continued, in the middle of anything.
    assert lab.mirror(topics, **ends)["records"] == 0
    load_old_formats(lab, old, start=3000, records=500)
    assert lab.mirror(topics, **ends)["records"] == 4500
    assert_same(lab, topics, **ends)


@integration(timeout_seconds=300)
def ten_kills_among_old_formats(lab):
    old = lab.cluster("old", version="2.8.2")
    ends = {"source": old, "target": lab.target}
    topic = lab.topic("t")
    old.create_topic(topic, 2, configs={"message.format.version": "0.10.0"})
    lab.target.create_topic(topic, 2)
    def load():
        lab.load(old, topic="t", records=40000, partitions=2, idempotence="false", codec="lz4", flush="1..20", size=300)

    load()
    kill_ten_times(lab, [topic], load, **ends)
    lab.mirror([topic], **ends)
    assert_same(lab, [topic], **ends)


def stored_magic(cluster, topic):
    """The format of the first record of partition 0, from the broker's own file."""
    (log,) = cluster.brokers()[0].home.glob(f"data*/{topic}-0/{0:020}.log")
    return log.read_bytes()[16]


def tamper(lab, cluster, topic, change):
    """Stops the cluster's only broker in good order, calls change(directory of the topic's partition 0), starts it."""
    (broker,) = cluster.brokers()
    broker.stop()
    (directory,) = broker.home.glob(f"data*/{topic}-0")
    change(directory)
    broker.start()
    cluster.wait(must_run=[broker], topics=[topic])


def batch_starts(log):
    """Where each batch of a segment begins, and where the last one ends."""
    data, starts = log.read_bytes(), [0]
    while starts[-1] < len(data):
        starts.append(starts[-1] + 12 + int.from_bytes(data[starts[-1] + 8 : starts[-1] + 12], "big"))
    return starts


@integration(timeout_seconds=240)
def a_log_that_ends_behind_its_last_record_is_filled_to_its_end(lab):
    # As the cleaner leaves one when all of a segment is gone: the next segment begins behind what the last one holds.
    source = lab.cluster("source")
    spec = {"records": 100, "flush": "10..10", "linger": 60_000}  # ten records a batch, on the slowest machine
    topic, plain = lab.load_all([{"topic": name, **spec} for name in ("t", "plain")], source)

    def remove_the_last_batches(directory):
        log = directory / f"{0:020}.log"
        with open(log, "r+b") as file:
            file.truncate(batch_starts(log)[-4])
        (directory / f"{100:020}.log").touch()

    tamper(lab, source, topic, remove_the_last_batches)
    assert lab.ends(source, [topic]) == {(topic, 0): 100}
    summary = lab.mirror([topic, plain], source=source)
    assert summary["records"] == 170 and summary["filled_offsets"] == 30, summary
    lab.assert_identical([plain], source=source)
    assert lab.ends(lab.target, [topic]) == {(topic, 0): 100}
    assert lab.mirror([topic, plain], source=source)["records"] == 0
    run = lab.start_mirror([topic, plain], source=source)
    for name in ("t", "plain"):
        lab.load(source, topic=name, start=100, **spec)
    lab.until_level([topic, plain], source=source)
    run.drain()
    # Only now: no consumer gets over such an end before another record follows.
    lab.assert_identical([topic, plain], source=source, batches=False)


def damage_batch(number, at=100):
    """For tamper(): turns one bit in a batch, as a failing disk does; by default in its payload."""

    def change(directory):
        log = directory / f"{0:020}.log"
        with open(log, "r+b") as file:
            file.seek(batch_starts(log)[number] + at)
            byte = file.read(1)[0]
            file.seek(-1, 1)
            file.write(bytes([byte ^ 0x20]))

    return change


@integration(timeout_seconds=300)
def a_damaged_batch_is_found_and_named(lab):
    source = lab.cluster("source")
    target = lab.cluster("target")
    ends = {"source": source, "target": target}
    spec = {"records": 100, "flush": "10..10", "linger": 60_000}  # ten records a batch, on the slowest machine
    topic, plain, packed = lab.load_all(
        [{"topic": "t", **spec}, {"topic": "plain", **spec}, {"topic": "packed", "codec": "lz4", **spec}], source
    )
    lab.mirror([topic, plain, packed], **ends)
    assert verify(lab, [topic, plain, packed], code=0, **ends)["equal"]
    tamper(lab, target, topic, damage_batch(5))
    tamper(lab, target, packed, damage_batch(5, at=17))  # the checksum itself: all else is still the source's
    answer = verify(lab, [topic, plain, packed], code=1, **ends)
    found = {partition["topic"]: partition for partition in answer["partitions"]}
    assert found[plain]["equal"], found
    for name in (topic, packed):
        difference = found[name]["difference"]
        assert (difference["kind"], difference["offset"]) == ("damaged", 50), found
        assert f"target: {name}-0 at offset 50" in difference["text"] and "CRC" in difference["text"], found
    # Damage on the source is never passed on: the target checks, and the partition stops with the batch named.
    lab.load(source, topic="t", start=100, **spec)
    tamper(lab, source, topic, damage_batch(12))
    failures = mirror_with_failures(lab, [topic, plain], **ends)
    assert set(failures) == {(topic, 0)} and "120..129" in failures[topic, 0]["reason"], failures
    assert lab.ends(target, [topic]) == {(topic, 0): 120}
