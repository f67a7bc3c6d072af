"""Offsets without a record (transaction markers, compaction, a deleted head) cannot be mirrored at identical offsets as
they are: the partition that has them stops with a message that names what was met; its neighbours are mirrored
whole."""

from harness import integration


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


@integration(timeout_seconds=120)
def transaction_markers_stop_their_partition(lab):
    plain, markers, aborted = lab.load_all(
        [
            {"topic": "plain", "records": 5000, "partitions": 2, "codec": "lz4"},
            {"topic": "markers", "records": 300, "partitions": 2, "transaction": 100, "spread": "cycle"},
            {"topic": "aborted", "records": 300, "transaction": 100, "abort": 2},
        ]
    )
    failures = mirror_with_failures(lab, [plain, markers, aborted])
    assert set(failures) == {(markers, 0), (markers, 1), (aborted, 0)}, failures
    for failure in failures.values():
        assert "transaction" in failure["reason"] or "control" in failure["reason"], failure
    lab.assert_identical([plain])
    for topic, partition in failures:
        # Everything before the hole, at its place; nothing of what follows.
        arrived = lab.assert_prefix(topic, partition)
        assert arrived.count(b"\n") >= failures[topic, partition]["offset"], failures
        assert lab.ends(lab.target, [topic])[topic, partition] == failures[topic, partition]["offset"], failures
    # The second run says the same, and leaves everything as it is.
    ends = lab.ends(lab.target, [markers, aborted])
    assert set(mirror_with_failures(lab, [plain, markers, aborted])) == set(failures)
    assert lab.ends(lab.target, [markers, aborted]) == ends


@integration(timeout_seconds=150)
def compacted_records_stop_their_partition(lab):
    source = lab.cluster(
        "source",
        properties={
            "log.cleaner.backoff.ms": "100",
            "log.cleaner.min.cleanable.ratio": "0.01",
            "log.cleaner.delete.retention.ms": "0",
        },
    )
    topic = lab.topic("compacted")
    source.create_topic(topic, partitions=2, configs={"cleanup.policy": "compact", "segment.bytes": "1048576"})
    # Partition by partition the same keys with other values, over several segments: the older ones go. As in any
    # compacted topic the survivors keep their offsets, and batches keep the offsets of records they have lost.
    for seed in (1, 2, 3):
        lab.load(source, topic="compacted", records=4000, partitions=2, size=600, seed=seed)
    plain = lab.load(source, topic="plain", records=1000)
    lab.eventually(
        lambda: all(
            lab.dump(source, topic, partition).count(b"\n") < lab.ends(source, [topic])[topic, partition]
            for partition in (0, 1)
        ),
        60,
        "the cleaner has been there",
    )
    failures = mirror_with_failures(lab, [plain, topic], source=source)
    assert set(failures) == {(topic, 0), (topic, 1)}, failures
    lab.assert_identical([plain], source=source)
    for partition in (0, 1):
        lab.assert_prefix(topic, partition, source=source)


@integration(timeout_seconds=120)
def a_deleted_head_stops_its_partition(lab):
    topic, plain = lab.load_all(
        [{"topic": "headless", "records": 2000, "partitions": 2}, {"topic": "plain", "records": 500}]
    )
    lab.delete_records(lab.source, topic, 0, 400)
    failures = mirror_with_failures(lab, [topic, plain])
    assert set(failures) == {(topic, 0)}, failures
    assert "400" in failures[topic, 0]["reason"], failures
    assert lab.ends(lab.target, [topic]) == {(topic, 0): 0, (topic, 1): 1000}
    assert lab.dump(lab.source, topic, 1) == lab.dump(lab.target, topic, 1)
    lab.assert_identical([plain])


@integration(timeout_seconds=120)
def retention_that_overtakes_the_mirror_stops_the_partition(lab):
    topic = lab.load(topic="t", records=1000)
    assert lab.mirror([topic])["records"] == 1000
    lab.load(topic="t", records=1000, start=1000)
    lab.delete_records(lab.source, topic, 0, 1500)
    failures = mirror_with_failures(lab, [topic])
    assert "1500" in failures[topic, 0]["reason"] and "retention" in failures[topic, 0]["reason"], failures
    assert lab.ends(lab.target, [topic]) == {(topic, 0): 1000}
