"""A target partition that others write to is never mixed with the source's records: it is refused, and stays
as it is."""

from harness import integration
from holes_test import mirror_with_failures
from mapped_test import FOREIGN, MAPPED, assert_mirrored, write_foreign
from verify_test import verify

CONTINUE = {"shunt.on.foreign.writer": "continue", "offset-syncs.topic.location": "target"}


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
    write_foreign(lab, topic, 0, 1)
    after = lab.dump(lab.target, topic, 0)
    assert after.endswith(FOREIGN + b"0\n") and lab.ends(lab.target, [topic])[topic, 0] == 501
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
    # That batch is not at the source's offsets. A map takes it in where it is, and nothing is lost or doubled.
    lab.mirror([topic], settings=MAPPED)
    assert_mirrored(lab, [topic], 2)
    assert verify(lab, [topic], code=0, settings=MAPPED)["equal"]


@integration(timeout_seconds=240)
def a_partition_may_go_on_among_the_records_of_others(lab):
    topic = lab.topic("t")
    for cluster in (lab.source, lab.target):
        cluster.create_topic(topic, partitions=3)
    load = lab.start_load(topic="t", records=30000, partitions=3, transaction=20, abort=4, spread="cycle")
    seen = 0
    for number in range(6):
        run = lab.start_mirror([topic], settings=CONTINUE)
        lab.eventually(
            lambda: sum(lab.ends(lab.target, [topic]).values()) > seen or load.poll() is not None, 60, "the target grows"
        )
        if number % 2 == 1:  # partition 2 keeps its offsets
            write_foreign(lab, topic, number // 2 % 2, 5, first=5 * number)
            name = f"{topic}-{number // 2 % 2}"
            lab.eventually(lambda: f"the offsets of {name} are mapped" in run.log_text() or number > 3, 60, "it is noticed")
        assert run.kill(), f"shunt had ended by itself:\n{run.log_text()[-3000:]}"
        seen = sum(lab.ends(lab.target, [topic]).values())
    assert load.wait(180) == 0
    summary = lab.mirror([topic], settings=CONTINUE)
    assert not summary["failures"], summary
    assert_mirrored(lab, [topic], 3)
    assert lab.ends(lab.target, [topic])[topic, 2] == lab.ends(lab.source, [topic])[topic, 2]
    verdict = verify(lab, [topic], code=0, settings=CONTINUE)
    assert verdict["equal"], verdict
    assert lab.mirror([topic], settings=CONTINUE)["records"] == 0
