"""What the target's topic does not take: batches beyond its limit are split, the rest stops its partition with the
record and the setting named. Settings that change what is stored are warned about, and mirrored with."""

import time

from crash_test import kill_ten_times
from harness import integration
from holes_test import mirror_with_failures

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
FOR_EVER = 9223372036854775807


@integration(timeout_seconds=180)
def batches_beyond_the_targets_limit_are_split(lab):
    large = {"records": 3000, "batch": 600_000, "linger": 100, "kind": "random", "size": "500..1500", "headers": 1}
    topics = lab.load_all([{"topic": codec, "codec": codec, **large} for codec in CODECS])
    plain = lab.load(topic="plain", records=500)
    for topic in topics:
        lab.target.create_topic(topic, configs={"max.message.bytes": "50000"})
        # Small ones in front of large ones and behind them.
    lab.load_all([{"topic": codec, "codec": codec, "records": 300, "start": 3000, "flush": "1..5"} for codec in CODECS])
    summary = lab.mirror([*topics, plain])
    assert summary["slow_path_batches"] > 0 and not summary["failures"], summary
    lab.assert_identical([plain])
    lab.assert_identical(topics, batches=False)
    assert lab.mirror([*topics, plain])["records"] == 0


@integration(timeout_seconds=240)
def ten_kills_while_batches_are_split(lab):
    spec = {"records": 40000, "batch": 900_000, "linger": 100, "kind": "random", "partitions": 2, "codec": "lz4"}
    topic = lab.load(topic="t", **spec)
    lab.target.create_topic(topic, partitions=2, configs={"max.message.bytes": "20000"})
    kill_ten_times(lab, [topic], lambda: lab.load(topic="t", **spec))
    lab.mirror([topic])
    lab.assert_identical([topic], batches=False)


@integration(timeout_seconds=120)
def a_half_written_batch_of_others_is_continued_only_where_it_is_the_same(lab):
    """Another writer has begun what is a batch of the source: with the source's own records, as MirrorMaker 2 would, or with
    others."""
    same, other = (lab.load(topic=name, records=100, flush="100..100", linger=1000) for name in ("same", "other"))
    lab.load(lab.target, topic="same", records=50, flush="50..50", linger=1000)
    lab.load(lab.target, topic="other", records=50, flush="50..50", linger=1000, seed=2)
    failures = mirror_with_failures(lab, [same, other])
    assert set(failures) == {(other, 0)}, failures
    assert lab.ends(lab.target, [other]) == {(other, 0): 50}
    lab.assert_identical([same], batches=False)


@integration(timeout_seconds=120)
def a_record_beyond_the_targets_limit_is_named(lab):
    topic, plain = lab.load_all([{"topic": name, "records": 100} for name in ("t", "plain")])
    lab.load(topic="t", records=1, start=100, size=200_000, kind="random", batch=300_000)
    lab.load(topic="t", records=100, start=101)
    lab.target.create_topic(topic, configs={"max.message.bytes": "150000"})
    failures = mirror_with_failures(lab, [topic, plain])
    assert set(failures) == {(topic, 0)}, failures
    reason = failures[topic, 0]["reason"]
    for text in ("offset 100 ", "150000", "kafka-configs.sh", f"--entity-name {topic} ", "max.message.bytes="):
        assert text in reason, (text, reason)
    assert lab.ends(lab.target, [topic]) == {(topic, 0): 100}
    lab.assert_identical([plain])
    # What it says is what helps.
    (setting,) = (word for word in reason.split() if word.startswith("max.message.bytes="))
    lab.tool(lab.target, "kafka.admin.ConfigCommand", "--alter", "--entity-type", "topics",
             "--entity-name", topic, "--add-config", setting)  # fmt: skip
    lab.mirror([topic, plain])
    lab.assert_identical([topic])


@integration(timeout_seconds=120)
def records_that_the_topic_refuses_are_named(lab):
    future = int(time.time() * 1000) + 40 * 86_400_000
    keyless, late, fresh, plain = (lab.topic(name) for name in ("keyless", "late", "fresh", "plain"))
    for topic in (late, fresh):
        lab.source.create_topic(topic, configs={"message.timestamp.after.max.ms": str(FOR_EVER)})
    names = ("keyless", "late", "fresh", "plain")
    lab.load_all([{"topic": name, "records": 100, "flush": "10..10"} for name in names])
    lab.load_all(
        [
            {"topic": "keyless", "records": 50, "start": 100, "key": "null", "flush": "10..10"},
            {"topic": "late", "records": 50, "start": 100, "timestamp": f"{future}+1", "flush": "10..10"},
            {"topic": "fresh", "records": 50, "start": 100, "timestamp": f"{future}+1", "flush": "10..10"},
        ]
    )
    lab.target.create_topic(keyless, configs={"cleanup.policy": "compact"})
    lab.target.create_topic(late)
    failures = mirror_with_failures(lab, [keyless, late, fresh, plain])
    assert set(failures) == {(keyless, 0), (late, 0)}, failures
    for topic, texts in {
        keyless: ("record at offset 100", "key", "cleanup.policy=delete"),
        late: ("record at offset 100", "imestamp", "message.timestamp.after.max.ms=9223372036854775807"),
    }.items():
        for text in (*texts, "kafka-configs.sh", f"--entity-name {topic} "):
            assert text in failures[topic, 0]["reason"], (text, failures[topic, 0]["reason"])
    assert lab.ends(lab.target, [keyless, late]) == {(keyless, 0): 100, (late, 0): 100}
    lab.assert_identical([fresh, plain])  # what shunt creates takes whatever time the source has taken


@integration(timeout_seconds=180)
def settings_of_the_target_that_change_what_is_stored(lab):
    times, packed, plain = lab.load_all(
        [{"topic": name, "records": 2000, "codec": "lz4", "flush": "1..100"} for name in ("times", "packed", "plain")]
    )
    lab.target.create_topic(times, configs={"message.timestamp.type": "LogAppendTime"})
    lab.target.create_topic(packed, configs={"compression.type": "zstd"})
    run = lab.start_mirror([times, packed, plain])
    lab.until_level([times, packed, plain])
    lab.load_all([{"topic": name, "records": 500, "start": 2000} for name in ("times", "packed", "plain")])
    lab.until_level([times, packed, plain])
    lab.eventually(lambda: run.metrics("shunt_records_total") >= 7500, 30, "all is acknowledged")
    run.drain()
    summary = run.summary()
    assert summary["records"] == 7500 and summary["duplicates"] == 0, summary
    for topic, setting in ((times, "message.timestamp.type=LogAppendTime"), (packed, "compression.type=zstd")):
        named = [line for line in run.log_text().splitlines() if setting in line]
        assert len(named) == 1 and topic in named[0], (setting, run.log_text())
    lab.assert_identical([plain])
    lab.assert_identical([packed], batches=False)
    source, target = (lab.dump(cluster, times, layout=r"%o %h %K %S %k %s\n") for cluster in (lab.source, lab.target))
    assert source and source == target
    for _ in range(2):  # known again, in spite of other times and other codecs
        assert lab.mirror([times, packed, plain])["records"] == 0


@integration(timeout_seconds=180)
def quotas_slow_the_mirror_down_and_nothing_else(lab):
    source = lab.cluster("source")
    transactions = lab.load(source, topic="t", records=1500, transaction=100, abort=3, size=2000)
    plain = lab.load(source, topic="plain", records=3000, partitions=3)
    ends = {"source": source, "target": lab.cluster("target")}
    quotas = {"source": "consumer_byte_rate", "target": "producer_byte_rate"}
    limited = ("kafka.admin.ConfigCommand", "--alter", "--entity-type", "clients", "--entity-default")
    for side, quota in quotas.items():
        lab.tool(ends[side], *limited, "--add-config", f"{quota}=700000")
    summary = lab.mirror([transactions, plain], timeout_seconds=120, **ends)
    for side, quota in quotas.items():
        lab.tool(ends[side], *limited, "--delete-config", quota)
    assert summary["records"] == 4000 and not summary["failures"], summary
    lab.assert_identical([plain], **ends)
    lab.assert_identical([transactions], batches=False, isolation="read_committed", **ends)
