"""A target partition that others write to is never mixed with the source's records: it is refused, and stays
as it is."""

from harness import integration
from holes_test import mirror_with_failures


@integration(timeout_seconds=120)
def a_target_written_by_others_is_refused(lab):
    specs = {
        "fewer": {"records": 1000},
        "more": {"records": 100},
        "same-count": {"records": 500},
        "same-batches": {"records": 500, "flush": "100..100"},
    }
    topics = lab.load_all([{"topic": name, **spec} for name, spec in specs.items()])
    plain = lab.load(topic="plain", records=300)
    foreign = {"fewer": 10, "more": 5000, "same-count": 500, "same-batches": 500}
    lab.load_all(
        [{"topic": name, **spec, "records": foreign[name], "seed": 7} for name, spec in specs.items()], lab.target
    )
    before = {topic: lab.dump(lab.target, topic) for topic in topics}
    failures = mirror_with_failures(lab, [*topics, plain])
    assert set(failures) == {(topic, 0) for topic in topics}, failures
    for failure in failures.values():
        assert "others" in failure["reason"] and failure["condition"] == "foreign.writer", failure
    for topic in topics:
        assert lab.dump(lab.target, topic) == before[topic], topic
    lab.assert_identical([plain])


@integration(timeout_seconds=120)
def a_copy_made_by_others_is_continued(lab):
    # Written by another program, but record by record what the source holds, in the same batches: nothing tells it
    # from shunt's own work, and nothing would be gained by refusing it.
    topic = lab.load(topic="t", records=400, flush="100..100")
    lab.load(lab.target, topic="t", records=400, flush="100..100")
    run = lab.shunt("run", lab.config([topic]), "--until-caught-up", "--json")
    code = run.wait(60)
    assert code in (0, 1), run.log_text()
    lab.assert_identical([topic], batches=False)
    assert lab.ends(lab.target, [topic]) == {(topic, 0): 400}


@integration(timeout_seconds=120)
def a_foreign_writer_stops_a_running_partition(lab):
    topic, plain = lab.load_all([{"topic": name, "records": 1000, "partitions": 2} for name in ("t", "plain")])
    run = lab.start_mirror([topic, plain])
    lab.until_level([topic, plain])
    lab.kcat(lab.target, "-P", "-t", topic, "-p", 0, feed=b"not from the source\n")
    after = lab.dump(lab.target, topic, 0)
    assert after.endswith(b"not from the source\n") and lab.ends(lab.target, [topic])[topic, 0] == 501
    lab.load_all([{"topic": name, "records": 2000, "partitions": 2, "start": 1000} for name in ("t", "plain")])
    lab.eventually(
        lambda: run.metrics("shunt_partition_failed", topic=topic, partition=0) == 1, 60, "the partition stops"
    )
    lab.until_level([plain])
    lab.eventually(
        lambda: lab.ends(lab.target, [topic])[topic, 1] == 1500, 60, "the other partition of the topic goes on"
    )
    run.drain(code=1)
    failures = [(entry["topic"], entry["partition"]) for entry in run.summary()["failures"]]
    assert failures == [(topic, 0)], run.summary()
    assert run.summary()["conditions"]["foreign.writer"] == 1, run.summary()
    assert f"{topic}-0" in run.log_text()
    # At most the one batch that met the foreign record is behind it; nothing of it is doubled or lost before.
    assert lab.dump(lab.target, topic, 0).startswith(after)
    lab.assert_identical([plain])
    # That batch is not at the source's offsets: a map would not know where to begin, and nothing is guessed.
    there = lab.dump(lab.target, topic, 0)
    failures = mirror_with_failures(lab, [topic], settings={"shunt.offsets": "mapped"})
    assert set(failures) == {(topic, 0)} and failures[topic, 0]["condition"] == "foreign.writer", failures
    assert lab.dump(lab.target, topic, 0) == there
