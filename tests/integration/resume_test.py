"""The target's own log is the checkpoint: a mirror that comes back continues there, and copies nothing twice."""

from harness import integration


@integration(timeout_seconds=120)
def a_second_run_copies_only_what_is_new(lab):
    topics = lab.load_all(
        [
            {"topic": "packed", "records": 30000, "partitions": 4, "codec": "zstd", "flush": "1..500"},
            {"topic": "plain", "records": 3000, "partitions": 3},
        ]
    )
    assert lab.mirror(topics)["records"] == 33000
    again = lab.mirror(topics)
    assert again["records"] == 0 and again["batches"] == 0 and again["duplicates"] == 0, again
    lab.load_all(
        [
            {"topic": "packed", "records": 4000, "partitions": 4, "codec": "none", "start": 30000, "seed": 2},
            {"topic": "plain", "records": 7, "partitions": 3, "start": 3000},
        ]
    )
    third = lab.mirror(topics)
    assert third["records"] == 4007 and third["duplicates"] == 0, third
    lab.assert_identical(topics)


@integration(timeout_seconds=120)
def sigterm_drains_and_the_next_run_continues(lab):
    topic = lab.topic("stream")
    lab.source.create_topic(topic, partitions=6)
    load = lab.start_load(topic="stream", records=120000, partitions=6, codec="lz4", kind="small", flush="1..60")
    copied = 0
    for _ in range(4):
        before = sum(lab.ends(lab.target, [topic]).values()) if copied else 0
        run = lab.start_mirror([topic])
        lab.eventually(lambda: sum(lab.ends(lab.target, [topic]).values()) > before, what="it copies something")
        run.drain()
        summary = run.summary()
        assert not summary["failures"], summary
        copied += summary["records"]
        # Drained: what the summary counts is what the target has, to the record.
        assert sum(lab.ends(lab.target, [topic]).values()) == copied, summary
    assert load.wait(90) == 0
    copied += lab.mirror([topic])["records"]
    assert copied == 120000, copied
    lab.assert_identical([topic])


@integration(timeout_seconds=120)
def continues_after_the_target_lost_its_memory_of_producers(lab):
    # Producer state expires (producer.id.expiration.ms) and is gone when the last of its batches is deleted; the log
    # end is not.
    target = lab.cluster("forgetful", properties={
        "producer.id.expiration.ms": "1", "producer.id.expiration.check.interval.ms": "100",
    })  # fmt: skip
    topic = lab.load(topic="t", records=5000, partitions=2, flush="1..100")
    assert lab.mirror([topic], target=target)["records"] == 5000
    lab.load(topic="t", records=5000, partitions=2, flush="1..100", start=5000)
    assert lab.mirror([topic], target=target)["records"] == 5000
    lab.assert_identical([topic], target=target)


@integration(timeout_seconds=120)
def continues_after_the_target_was_emptied_by_retention(lab):
    topic = lab.load(topic="t", records=3000, flush="1..100")
    lab.mirror([topic])
    lab.delete_records(lab.target, topic, 0, 3000)
    lab.load(topic="t", records=2000, flush="1..100", start=3000)
    assert lab.mirror([topic])["records"] == 2000
    assert lab.ends(lab.target, [topic]) == {(topic, 0): 5000}
    source, target = (lab.dump(cluster, topic) for cluster in (lab.source, lab.target))
    assert target.startswith(b"3000 ") and source.endswith(target)
