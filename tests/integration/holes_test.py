"""Offsets without a record (transaction markers, aborted data, compaction) are filled on the target, so that every record
keeps its offset and no reader sees anything else. What retention has taken before it was mirrored stops its partition
with a message that names it; its neighbours are mirrored whole."""

from crash_test import kill_ten_times
from harness import integration

EAGER_CLEANER = {
    "log.cleaner.backoff.ms": "100",
    "log.cleaner.min.cleanable.ratio": "0.01",
    "log.cleaner.delete.retention.ms": "0",
}


def until_compacted(lab, cluster, topic):
    """Every partition has lost records, and no other goes: the cleaner would go on between two looks at it."""
    lab.eventually(
        lambda: all(
            lab.dump(cluster, topic, partition).count(b"\n") < end
            for (_, partition), end in lab.ends(cluster, [topic]).items()
        ),
        60,
        "the cleaner has been there",
    )
    lab.tool(cluster, "kafka.admin.ConfigCommand", "--alter", "--entity-type", "topics",
             "--entity-name", topic, "--add-config", "cleanup.policy=delete,retention.ms=-1")  # fmt: skip


def mirror_with_failures(lab, topics, **config):
    """The failures of a run that must end by itself with exit code 1."""
    run = lab.shunt("run", lab.config(topics, **config), "--until-caught-up", "--json")
    code = run.wait(90)
    assert code == 1, f"shunt ended with {code} instead of 1; its log says:\n{run.log_text()[-3000:]}"
    failures = {(entry["topic"], entry["partition"]): entry for entry in run.summary()["failures"]}
    for entry in failures.values():  # a person reading the log finds the same
        assert f"{entry['topic']}-{entry['partition']}" in run.log_text(), run.log_text()
        assert entry["reason"] in run.log_text(), run.log_text()
    return failures


def load_transactions(lab, cluster=None, records=300):
    """Committed transactions, mixed ones, and one of each codec; their names, each with the partitions it has."""
    return lab.load_all(
        [
            {"topic": "committed", "records": records, "partitions": 2, "transaction": 50, "spread": "cycle"},
            {"topic": "mixed", "records": records, "transaction": 20, "abort": 2, "codec": "lz4"},
            {"topic": "aborted-end", "records": records, "transaction": records // 3, "abort": 3, "codec": "zstd"},
        ],
        cluster,
    )


@integration(timeout_seconds=120)
def transactions_are_mirrored_as_far_as_they_were_committed(lab):
    plain = lab.load(topic="plain", records=5000, partitions=2, codec="lz4")
    topics = load_transactions(lab)
    summary = lab.mirror([plain, *topics])
    assert summary["filled_offsets"] > 0 and summary["slow_path_batches"] == 0, summary
    lab.assert_identical([plain])
    lab.assert_identical(topics, batches=False, isolation="read_committed")
    # What is there is known again, markers at the end included, and is continued.
    assert lab.mirror([plain, *topics])["records"] == 0
    lab.load(topic="mixed", records=200, start=300, transaction=30, abort=3)
    lab.mirror([plain, *topics])
    lab.assert_identical(topics, batches=False, isolation="read_committed")


@integration(timeout_seconds=120)
def aborted_records_are_mirrored_if_that_is_asked_for(lab):
    topics = load_transactions(lab)
    lab.mirror(topics, settings={"shunt.isolation": "read_uncommitted"})
    lab.assert_identical(topics, batches=False)


@integration(timeout_seconds=240)
def ten_kills_among_transactions(lab):
    spec = {"records": 8000, "partitions": 3, "transaction": 10, "abort": 4, "spread": "cycle"}
    topic = lab.load(topic="t", **spec)
    lab.target.create_topic(topic, partitions=3)
    kill_ten_times(lab, [topic], lambda: lab.load(topic="t", **spec))
    lab.mirror([topic])
    lab.assert_identical([topic], batches=False, isolation="read_committed")


@integration(timeout_seconds=180)
def running_transactions_are_followed(lab):
    topic = lab.topic("t")
    lab.source.create_topic(topic, partitions=2)
    run = lab.start_mirror([topic])
    load = lab.start_load(topic="t", records=2000, partitions=2, transaction=100, abort=5, spread="cycle")
    assert load.wait(120) == 0
    lab.until_level([topic])
    run.drain()
    lab.assert_identical([topic], batches=False, isolation="read_committed")


@integration(timeout_seconds=180)
def two_instances_among_transactions(lab):
    topic = lab.topic("t")
    for cluster in (lab.source, lab.target):
        cluster.create_topic(topic, partitions=3)
    load = lab.start_load(topic="t", records=3000, partitions=3, transaction=30, abort=4, spread="cycle")
    runs = [lab.start_mirror([topic]) for _ in range(2)]
    lab.eventually(
        lambda: sum(run.metrics("shunt_conditions_total", condition="another.instance") for run in runs) > 0,
        60,
        "the one that lost a partition says so",
    )
    assert load.wait(120) == 0
    lab.until_level([topic])
    lab.assert_identical([topic], batches=False, isolation="read_committed")
    runs[0].kill()
    lab.load(topic="t", records=300, partitions=3, transaction=30, abort=4, spread="cycle", start=3000)
    lab.until_level([topic])
    runs[1].drain()
    assert not runs[1].summary()["failures"], runs[1].summary()
    lab.assert_identical([topic], batches=False, isolation="read_committed")


@integration(timeout_seconds=120)
def an_open_transaction_is_lag_and_is_named(lab):
    topic = lab.load(topic="t", records=100)
    run = lab.start_mirror([topic], settings={"shunt.open.transaction.warn.ms": 500})
    lab.until_level([topic])
    # A producer that dies in its transaction: the broker keeps it open for a minute.
    load = lab.start_load(topic="t", records=2_000_000, start=100, transaction=2_000_000)
    lab.eventually(lambda: run.metrics("shunt_lag_records", topic=topic) > 100, 60, "the open records count as lag")
    load.kill()
    load.wait()
    lab.eventually(lambda: "held back by an open transaction: producer id" in run.log_text(), 30, "it is named")
    assert run.metrics("shunt_held_back_records", topic=topic) > 100
    assert run.metrics("shunt_conditions_total", topic=topic, condition="open.transaction") == 1
    assert lab.dump(lab.target, topic).count(b"\n") == 100
    run.drain()


@integration(timeout_seconds=120)
def append_times_are_kept(lab):
    topic = lab.topic("t")
    lab.source.create_topic(topic, partitions=2, configs={"message.timestamp.type": "LogAppendTime"})
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        lab.load(topic="t", records=500, partitions=2, codec=codec, flush="50..50", headers=2)
    lab.mirror([topic])
    for partition in (0, 1):
        assert lab.dump(lab.source, topic, partition) == lab.dump(lab.target, topic, partition)
    assert lab.mirror([topic])["records"] == 0


@integration(timeout_seconds=150)
def compacted_records_leave_every_other_at_its_offset(lab):
    source = lab.cluster("source", properties=EAGER_CLEANER)
    topic = lab.topic("compacted")
    source.create_topic(topic, partitions=2, configs={"cleanup.policy": "compact", "segment.bytes": "1048576"})
    # Partition by partition the same keys with other values, over several segments: the older ones go. As in any
    # compacted topic the survivors keep their offsets, and batches keep the offsets of records they have lost.
    for seed in (1, 2, 3):
        lab.load(source, topic="compacted", records=4000, partitions=2, size=600, seed=seed)
    lab.load(source, topic="compacted", records=3000, partitions=2, size=600, seed=4, start=3500)
    plain = lab.load(source, topic="plain", records=1000)
    until_compacted(lab, source, topic)
    summary = lab.mirror([plain, topic], source=source)
    assert summary["filled_offsets"] > 0, summary
    lab.assert_identical([plain], source=source)
    lab.assert_identical([topic], source=source, batches=False)
    assert lab.mirror([plain, topic], source=source)["records"] == 0


@integration(timeout_seconds=120)
def a_missing_head_is_filled(lab):
    # At the beginning of a batch and inside one; on topics that shunt creates and on one that is there.
    new, cut, old, plain = lab.load_all(
        [
            {"topic": "new", "records": 2000, "partitions": 2, "flush": "100..100"},
            {"topic": "cut", "records": 1000, "codec": "zstd"},
            {"topic": "old", "records": 1000, "flush": "50..50", "codec": "lz4"},
            {"topic": "plain", "records": 500},
        ]
    )
    lab.delete_records(lab.source, new, 0, 400)
    lab.delete_records(lab.source, cut, 0, 333)
    lab.delete_records(lab.source, old, 0, 1000)  # nothing is left
    lab.target.create_topic(old, partitions=1)
    topics = [new, cut, old, plain]
    lab.mirror(topics)
    lab.assert_identical(topics, batches=False)
    assert lab.dump(lab.target, old) == b"" and lab.ends(lab.target, [old]) == {(old, 0): 1000}
    assert lab.mirror(topics)["records"] == 0
    for topic in ("cut", "old"):
        lab.load(topic=topic, records=100, start=1000)
    lab.mirror(topics)
    lab.assert_identical(topics, batches=False)


@integration(timeout_seconds=180)
def a_head_of_a_million_survives_kills(lab):
    size = 1_000_000
    many = {"records": size, "kind": "zeros", "size": 1, "codec": "zstd"}
    topic, there = lab.load_all([{"topic": name, **many} for name in ("t", "there")])
    for name in (topic, there):
        lab.delete_records(lab.source, name, 0, size)
    lab.load_all([{"topic": name, "records": 1000, "start": size} for name in ("t", "there")])
    lab.target.create_topic(there)
    for _ in range(5):
        run = lab.shunt("run", lab.config([topic, there]), "--json")
        before = ends = lab.ends(lab.target, [there])[there, 0]
        while ends == before and ends < size + 1000:
            ends = lab.ends(lab.target, [there])[there, 0]
        run.kill()
    lab.mirror([topic, there])
    lab.assert_identical([topic, there], batches=False)


@integration(timeout_seconds=120)
def a_head_beyond_the_limit_is_left_to_the_user(lab):
    topic = lab.load(topic="t", records=2000, flush="100..100")
    lab.delete_records(lab.source, topic, 0, 1500)
    failures = mirror_with_failures(lab, [topic], settings={"shunt.offsets.padding.max": 1000})
    assert "1500" in failures[topic, 0]["reason"], failures
    assert "shunt.offsets.padding.max" in failures[topic, 0]["reason"], failures
    assert lab.ends(lab.target, [topic]) == {(topic, 0): 0}


@integration(timeout_seconds=120)
def a_mirror_may_begin_at_the_end(lab):
    topic = lab.load(topic="t", records=2000, partitions=2)
    latest = {"source.consumer.auto.offset.reset": "latest"}
    run = lab.start_mirror([topic], settings=latest)
    lab.until_level([topic])
    assert lab.dump(lab.target, topic, 0) == b""
    lab.load(topic="t", records=500, partitions=2, start=2000)
    lab.until_level([topic])
    run.drain()
    assert run.summary()["records"] == 500, run.summary()
    for partition in (0, 1):
        assert lab.dump(lab.source, topic, partition).endswith(lab.dump(lab.target, topic, partition))
        assert lab.dump(lab.target, topic, partition).count(b"\n") == 250


@integration(timeout_seconds=120)
def retention_that_overtakes_the_mirror_stops_the_partition_or_is_counted(lab):
    topic, plain = lab.load_all([{"topic": name, "records": 1000} for name in ("t", "plain")])
    lab.mirror([topic, plain])
    lab.load_all([{"topic": name, "records": 1000, "start": 1000, "flush": "100..100"} for name in ("t", "plain")])
    lab.delete_records(lab.source, topic, 0, 1500)
    failures = mirror_with_failures(lab, [topic, plain])
    assert set(failures) == {(topic, 0)}, failures
    assert "1500" in failures[topic, 0]["reason"] and "shunt.on.overtaken" in failures[topic, 0]["reason"], failures
    assert failures[topic, 0]["condition"] == "overtaken", failures
    assert lab.ends(lab.target, [topic]) == {(topic, 0): 1000}
    lab.assert_identical([plain])
    summary = lab.mirror([topic, plain], settings={"shunt.on.overtaken": "continue"})
    assert summary["lost_offsets"] == 500 and summary["records"] == 500, summary
    assert summary["conditions"] == {"overtaken": 1}, summary
    assert lab.ends(lab.target, [topic]) == {(topic, 0): 2000}
    # What the source still has is there, each record at its offset; what it had before is there still.
    assert lab.dump(lab.target, topic).endswith(lab.dump(lab.source, topic))
    assert lab.dump(lab.target, topic).count(b"\n") == 1500
