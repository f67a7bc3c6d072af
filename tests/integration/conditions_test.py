"""What befalls source and target has a name, a counter and one line in the log, and is handled as the policy says; it
disturbs nothing else. (Retention: holes_test; foreign writers: foreign_writer_test; dying brokers: broker_failure_test.)"""

import signal
import time

from harness import Cluster, integration
from mapped_test import MAPPED

QUICK = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500"}


def failed(run, topic):
    return run.metrics("shunt_partition_failed", topic=topic)


def met(run, topic, condition):
    return run.metrics("shunt_conditions_total", topic=topic, condition=condition)


def recreate(lab, cluster, name, **load):
    """Another topic of the same name; loaded at once, if that is said how."""
    topic = lab.topic(name)
    cluster.delete_topic(topic)
    lab.eventually(lambda: topic not in cluster.metadata()["topics"], what="the topic is gone")
    if load:
        lab.load(cluster, topic=name, **load)
    else:
        cluster.create_topic(topic)


def cut_log_in_half(lab, broker, topic):
    """What a disk that lies about having written leaves behind when its machine fails. The broker must be dead."""
    data = broker.home / "data"
    log = data / f"{topic}-0" / "00000000000000000000.log"
    with open(log, "r+b") as file:
        file.truncate(log.stat().st_size // 2)
    (data / "recovery-point-offset-checkpoint").unlink(missing_ok=True)  # all of it is looked through


# ---- The source's topic ----------------------------------------------------------------------------------------------


@integration(timeout_seconds=180)
def a_deleted_source_topic_stops_alone_and_may_return_as_another(lab):
    stays, goes = lab.load_all([{"topic": name, "records": 500, "partitions": 2} for name in ("stays", "goes")])
    run = lab.start_mirror([stays, goes], settings={"shunt.on.source.recreated": "recreate"})
    lab.until_level([stays, goes])
    lab.source.delete_topic(goes)
    lab.eventually(lambda: failed(run, goes) == 2, 60, "its partitions stop")
    assert met(run, goes, "source.deleted") == 1
    assert run.metrics("shunt_partition_condition", topic=goes, condition="source.deleted") == 2
    lab.load(topic="stays", records=500, partitions=2, start=500)
    lab.until_level([stays])
    assert failed(run, stays) == 0 and lab.ends(lab.target, [goes]) == {(goes, 0): 250, (goes, 1): 250}
    assert run.log_text().count("stops (source.deleted)") == 1, run.log_text()

    lab.load(topic="goes", records=300, partitions=2, seed=2)
    lab.until_level([goes])
    lab.eventually(lambda: failed(run, goes) == 0, 60, "it is mirrored again")
    assert met(run, goes, "source.recreated") == 1
    run.drain()
    assert run.summary()["conditions"]["source.deleted"] == 1, run.summary()
    lab.assert_identical([stays, goes])


@integration(timeout_seconds=180)
def a_recreated_source_topic_is_mirrored_anew_if_that_is_asked_for(lab):
    topic, plain = lab.load_all([{"topic": name, "records": 2000, "partitions": 3} for name in ("t", "plain")])
    run = lab.start_mirror([topic, plain], settings={"shunt.on.source.recreated": "recreate"})
    lab.until_level([topic, plain])
    for seed, partitions in ((2, 4), (3, 2)):
        # More than before: nothing in the old positions tells that this is another log.
        recreate(lab, lab.source, "t", records=9000, partitions=partitions, seed=seed, codec="lz4")
        lab.eventually(lambda: met(run, topic, "source.recreated") == seed - 1, 60, "it is noticed")
        lab.until_level([topic])
        assert len(lab.target.metadata()["topics"][topic]) == partitions
        lab.assert_identical([topic])
    assert failed(run, topic) == 0 and met(run, plain, "source.recreated") == 0
    run.drain()
    lab.assert_identical([plain])


def recreated_while_away(lab, settings):
    less, more = lab.load_all([{"topic": name, "records": 1000} for name in ("less", "more")])
    lab.mirror([less, more], settings=settings)
    before = {topic: lab.dump(lab.target, topic) for topic in (less, more)}
    recreate(lab, lab.source, "less", records=400, seed=2)
    recreate(lab, lab.source, "more", records=4000, seed=2)
    run = lab.shunt("run", lab.config([less, more], settings=settings), "--until-caught-up", "--json")
    assert run.wait(90) == 1, run.log_text()
    failures = {entry["topic"]: entry for entry in run.summary()["failures"]}
    assert set(failures) == {less, more}, failures
    for topic, failure in failures.items():
        assert failure["condition"] == "source.recreated", failure
        assert "shunt.on.source.recreated" in failure["reason"], failure
        assert lab.dump(lab.target, topic) == before[topic]
    assert run.summary()["conditions"] == {"source.recreated": 2}, run.summary()
    lab.mirror([less, more], settings={**settings, "shunt.on.source.recreated": "recreate"})
    lab.assert_identical([less, more])


@integration(timeout_seconds=180)
def a_source_topic_recreated_while_shunt_was_away_is_called_that(lab):
    recreated_while_away(lab, {})


@integration(timeout_seconds=180)
def a_source_topic_recreated_while_a_mapped_mirror_was_away_is_called_that(lab):
    recreated_while_away(lab, MAPPED)


@integration()
def a_source_topic_recreated_while_shunt_stood_still_is_called_that(lab):
    """The new log is in the same leader epoch, and has a batch just where the mirror stands; nobody looks at topics."""
    topic = lab.load(topic="t", records=1000, flush="100..100")
    rarely = {"refresh.topics.interval.seconds": "3600", "source.consumer.metadata.max.age.ms": "3600000"}
    run = lab.start_mirror([topic], settings=rarely)
    lab.until_level([topic])
    before = lab.dump(lab.target, topic)
    run.signal(signal.SIGSTOP)
    time.sleep(2)  # the fetch under way is answered, after its 500 ms: it is not what tells
    recreate(lab, lab.source, "t", records=2000, flush="100..100", seed=2)
    run.signal(signal.SIGCONT)
    lab.eventually(lambda: failed(run, topic) == 1, 60, "the partition stops")
    assert met(run, topic, "source.recreated") == 1, run.log_text()
    assert lab.dump(lab.target, topic) == before
    run.drain(code=1)


@integration(timeout_seconds=120)
def a_target_topic_with_records_of_others_is_never_deleted(lab):
    topic = lab.load(topic="t", records=1000)
    wide = lab.topic("wide")
    lab.source.create_topic(wide, partitions=2)
    run = lab.start_mirror([topic, wide], settings={"shunt.on.source.recreated": "recreate"})
    lab.kcat(lab.source, "-P", "-t", wide, "-p", 0, feed=b"mirrored\n")
    lab.until_level([topic, wide])
    # Into a partition of which the source has nothing, so that no flow meets it.
    lab.kcat(lab.target, "-X", "enable.idempotence=true", "-P", "-t", wide, "-p", 1, feed=b"of others\n")
    recreate(lab, lab.source, "wide")
    lab.eventually(lambda: failed(run, wide) > 0, 60, "it stops")
    lab.eventually(lambda: "has written to" in run.log_text(), 60, "and says why")
    assert lab.dump(lab.target, wide, 0).endswith(b"mirrored\n") and lab.dump(lab.target, wide, 1).endswith(b"others\n")
    run.drain(code=1)


# ---- The target's topic ----------------------------------------------------------------------------------------------


@integration(timeout_seconds=180)
def a_deleted_target_topic_stops_or_is_created_again(lab):
    topic, plain = lab.load_all([{"topic": name, "records": 1000, "partitions": 2} for name in ("t", "plain")])
    run = lab.start_mirror([topic, plain])
    lab.until_level([topic, plain])
    lab.target.delete_topic(topic)
    lab.eventually(lambda: failed(run, topic) == 2, 60, "its partitions stop")
    assert met(run, topic, "target.deleted") == 1
    assert topic not in lab.target.metadata()["topics"]
    lab.load(topic="plain", records=500, partitions=2, start=1000)
    lab.until_level([plain])
    run.drain(code=1)
    assert {entry["condition"] for entry in run.summary()["failures"]} == {"target.deleted"}, run.summary()

    run = lab.start_mirror([topic, plain], settings={"shunt.on.target.deleted": "recreate"})
    lab.until_level([topic, plain])  # a start creates what is missing
    lab.target.delete_topic(topic)
    lab.eventually(lambda: met(run, topic, "target.deleted") == 1, 60, "it is noticed")
    lab.until_level([topic])
    lab.load(topic="t", records=500, partitions=2, start=1000)
    lab.until_level([topic])
    run.drain()
    lab.assert_identical([topic, plain])


@integration(timeout_seconds=120)
def a_target_topic_created_anew_by_others_is_mirrored_under_a_new_identity(lab):
    topic = lab.load(topic="t", records=1000)
    run = lab.start_mirror([topic])
    lab.until_level([topic])
    recreate(lab, lab.target, "t")
    lab.eventually(lambda: met(run, topic, "target.recreated") == 1, 60, "it is noticed")
    lab.until_level([topic])
    lab.load(topic="t", records=1000, start=1000)
    lab.until_level([topic])
    run.drain()
    lab.assert_identical([topic])


# ---- Logs that were cut off ------------------------------------------------------------------------------------------


def source_lost_records(lab, settings):
    source = lab.cluster("source")
    shorter, longer, plain = lab.load_all(
        [{"topic": name, "records": 1000, "flush": "100..100"} for name in ("shorter", "longer", "plain")], source
    )
    run = lab.start_mirror([shorter, longer, plain], source=source, settings=settings)
    lab.until_level([shorter, longer, plain], source=source)
    before = {topic: lab.dump(lab.target, topic) for topic in (shorter, longer)}
    run.signal(signal.SIGSTOP)
    broker = source.broker(1)
    broker.kill()
    for topic in (shorter, longer):
        cut_log_in_half(lab, broker, topic)
    broker.restart()
    ends = lab.ends(source, [shorter, longer])
    assert all(0 < end < 1000 for end in ends.values()), ends
    # This one ends beyond the mirror's position before shunt looks again: only leader epochs tell.
    lab.load(source, topic="longer", records=1000, start=5000, flush="100..100")
    run.signal(signal.SIGCONT)
    lab.load(source, topic="plain", records=500, start=1000)
    lab.eventually(lambda: failed(run, shorter) == 1 and failed(run, longer) == 1, 90, "both partitions stop")
    lab.until_level([plain], source=source)
    run.drain(code=1)
    failures = {entry["topic"]: entry for entry in run.summary()["failures"]}
    assert set(failures) == {shorter, longer}, failures
    assert all(failure["condition"] == "source.truncated" for failure in failures.values()), failures
    for number in (1000, ends[shorter, 0], 1000 - ends[shorter, 0]):
        assert str(number) in failures[shorter]["reason"], failures
    for topic in (shorter, longer):
        assert lab.dump(lab.target, topic) == before[topic]


@integration(timeout_seconds=180)
def a_source_that_lost_records_stops_the_partition(lab):
    source_lost_records(lab, {})


@integration(timeout_seconds=180)
def a_source_that_lost_records_stops_a_mapped_partition(lab):
    source_lost_records(lab, MAPPED)


@integration(timeout_seconds=180)
def a_mapped_source_that_lost_records_is_known_where_the_target_has_none_of_them_left(lab):
    source = lab.cluster("source")
    topic = lab.load(source, topic="t", records=1000, flush="100..100")
    lab.mirror([topic], source=source, settings=MAPPED)
    broker = source.broker(1)
    broker.kill()
    cut_log_in_half(lab, broker, topic)
    broker.restart()
    end = lab.ends(source, [topic])[topic, 0]
    lab.load(source, topic="t", records=1000, start=5000, flush="100..100")
    lab.delete_records(lab.target, topic, 0, 1000)
    run = lab.shunt("run", lab.config([topic], source=source, settings=MAPPED), "--until-caught-up", "--json")
    assert run.wait(90) == 1, run.log_text()
    (failure,) = run.summary()["failures"]
    assert failure["condition"] == "source.truncated", failure
    assert "up to offset 1000" in failure["reason"] and f"from {end} on" in failure["reason"], failure
    assert lab.ends(lab.target, [topic]) == {(topic, 0): 1000}


@integration(timeout_seconds=180)
def a_target_that_lost_records_stops_the_partition_or_gets_them_again(lab):
    target = lab.cluster("target")
    topic = lab.load(topic="t", records=1000, flush="100..100")
    for policy in ("stop", "continue"):
        run = lab.start_mirror([topic], target=target, settings={"shunt.on.target.truncated": policy})
        lab.until_level([topic], target=target)
        broker = target.broker(1)
        broker.kill()
        cut_log_in_half(lab, broker, topic)
        broker.restart()
        lab.eventually(lambda: met(run, topic, "target.truncated") == 1, 60, "it is named")
        if policy == "stop":
            end = lab.ends(target, [topic])[topic, 0]
            assert failed(run, topic) == 1 and 0 < end < 1000
            run.drain(code=1)
            (failure,) = run.summary()["failures"]
            assert failure["condition"] == "target.truncated" and str(1000 - end) in failure["reason"], failure
        else:
            lab.until_level([topic], target=target)
            run.drain()
        lab.assert_prefix(topic, target=target)
    lab.assert_identical([topic], target=target)


# ---- What passes -----------------------------------------------------------------------------------------------------


@integration(timeout_seconds=180)
def an_outage_is_told_once_and_its_end_too(lab):
    target = lab.cluster("target")
    topics = [lab.load(topic=name, records=500, partitions=4) for name in ("a", "b")]
    run = lab.start_mirror(topics, target=target)
    lab.until_level(topics, target=target)
    target.broker(1).kill()
    lab.load_all([{"topic": name, "records": 500, "partitions": 4, "start": 500} for name in ("a", "b")])
    lab.eventually(lambda: met(run, topics[0], "target.unreachable") == 4, 60, "it is named, once a partition")
    lab.eventually(
        lambda: run.metrics("shunt_partition_condition", topic=topics[0]) == 4, 60, "it is seen while it lasts"
    )
    target.broker(1).restart()
    lab.until_level(topics, target=target)
    lab.eventually(lambda: "target.unreachable is over" in run.log_text(), 60, "its end is said")
    lab.eventually(lambda: run.metrics("shunt_partition_condition") == 0, 60, "and is seen")
    run.drain()
    log = run.log_text()
    assert log.count("as long as it takes (target.unreachable)") == 1, log
    assert run.summary()["conditions"]["target.unreachable"] == 8, run.summary()
    lab.assert_identical(topics, target=target)


@integration(timeout_seconds=240)
def too_few_replicas_are_waited_for(lab):
    target = lab.cluster("target", brokers=3, properties=QUICK)
    topic = lab.load(topic="t", records=1000, partitions=2)
    target.create_topic(topic, partitions=2, replication=3, configs={"min.insync.replicas": "3"})
    run = lab.start_mirror([topic], target=target)
    lab.until_level([topic], target=target)
    target.broker(3).kill()
    target.wait()
    lab.load(topic="t", records=1000, partitions=2, start=1000)
    lab.eventually(lambda: met(run, topic, "target.under.replicated") == 2, 90, "it is named")
    lab.eventually(
        lambda: run.metrics("shunt_partition_condition", topic=topic, condition="target.under.replicated") == 2,
        60,
        "it is seen while it lasts",
    )
    target.broker(3).restart()
    lab.until_level([topic], target=target)
    run.drain()
    assert not run.summary()["failures"], run.summary()
    assert run.log_text().count("as long as it takes (target.under.replicated)") == 1, run.log_text()
    lab.assert_identical([topic], target=target)


@integration(timeout_seconds=180)
def a_disk_of_the_target_that_fails_is_waited_for(lab):
    home = Cluster("own-target").home / "broker-1"
    directories = [home / "data-1", home / "data-2"]
    target = lab.cluster(
        "target",
        properties={"log.dirs": ",".join(map(str, directories)), "replica.high.watermark.checkpoint.interval.ms": "200"},
    )
    topics = lab.load_all([{"topic": name, "records": 500} for name in ("a", "b", "c", "d")])
    run = lab.start_mirror(topics, target=target)
    lab.until_level(topics, target=target)
    # Cluster metadata is in the first directory: without it the broker would end.
    stays, fails = ([topic for topic in topics if (place / f"{topic}-0").exists()] for place in directories)
    assert stays and fails, (stays, fails)
    directories[1].rename(home / "gone")
    lab.load_all([{"topic": name, "records": 500, "start": 500} for name in ("a", "b", "c", "d")])
    lab.eventually(
        lambda: all(met(run, topic, "target.error") + met(run, topic, "target.leader") > 0 for topic in fails),
        60,
        "it is named",
    )
    lab.until_level(stays, target=target)
    target.broker(1).kill()
    (home / "gone").rename(directories[1])
    target.broker(1).restart()
    lab.until_level(topics, target=target)
    run.drain()
    assert not run.summary()["failures"], run.summary()
    lab.assert_identical(topics, target=target)


@integration(timeout_seconds=240)
def quotas_slow_the_mirror_down_and_are_named(lab):
    target = lab.cluster("target")
    topic = lab.load(topic="t", records=4000, partitions=2, kind="random", size=1000, flush="50..50")

    def quota(change):
        lab.tool(target, "kafka.admin.ConfigCommand", "--alter", change, "producer_byte_rate" +
                 ("=100000" if change == "--add-config" else ""), "--entity-type", "clients", "--entity-default")  # fmt: skip

    quota("--add-config")
    run = lab.start_mirror([topic], target=target)
    lab.eventually(lambda: met(run, topic, "target.throttled") > 0, 90, "it is named")
    lab.eventually(lambda: "(target.throttled)" in run.log_text(), 30, "and said")
    assert run.metrics("shunt_target_throttled_seconds_total", topic=topic) > 0
    quota("--delete-config")
    lab.until_level([topic], target=target, timeout_seconds=120)
    run.drain()
    assert not run.summary()["failures"], run.summary()
    lab.assert_identical([topic], target=target)


@integration(timeout_seconds=180)
def a_producer_that_the_target_has_forgotten_goes_on(lab):
    forgetful = {"producer.id.expiration.ms": "1000", "producer.id.expiration.check.interval.ms": "200"}
    target = lab.cluster("target", properties=forgetful)
    topic = lab.load(topic="t", records=1000, partitions=2)

    def is_forgotten():
        said = lab.tool(target, "org.apache.kafka.tools.TransactionsCommand", "describe-producers", "--topic", topic,
                        "--partition", 0)  # fmt: skip
        return len(said.split("\n")[1].split()) == 0

    run = lab.start_mirror([topic], target=target)
    for start in (1000, 2000):
        lab.until_level([topic], target=target)
        lab.eventually(is_forgotten, 60, "the target has forgotten the producer")
        lab.load(topic="t", records=1000, partitions=2, start=start, flush="1..20")
    lab.until_level([topic], target=target)
    run.drain()
    assert not run.summary()["failures"], run.summary()
    lab.eventually(is_forgotten, 60, "the target has forgotten the producer")
    lab.load(topic="t", records=1000, partitions=2, start=3000, flush="1..20")
    lab.mirror([topic], target=target)  # and another life as well
    assert lab.assert_identical([topic], target=target)["records"] == 4000


@integration(timeout_seconds=240)
def every_bootstrap_broker_may_go(lab):
    clusters = [lab.cluster(name, brokers=3, properties=QUICK) for name in ("source", "target")]
    source, target = clusters
    topic, later = lab.topic("t"), lab.topic("later")
    for cluster in clusters:
        cluster.create_topic(topic, partitions=6, replication=3)
    lab.load(source, topic="t", records=1000, partitions=6)
    run = lab.start_mirror(
        [topic, later],
        source=source,
        target=target,
        settings={
            "source.bootstrap.servers": source.broker(1).address,
            "target.bootstrap.servers": target.broker(1).address,
            "replication.factor": 2,
        },
    )
    lab.until_level([topic], source, target)
    for cluster in clusters:
        cluster.broker(1).kill()
        cluster.wait()
    source.create_topic(later, partitions=3, replication=2)
    lab.load_all([{"topic": "t", "records": 1000, "partitions": 6, "start": 1000}], source)
    lab.load(source, topic="later", records=500, partitions=3)
    lab.until_level([topic, later], source, target)
    run.drain()
    assert not run.summary()["failures"], run.summary()
    lab.assert_identical([topic, later], source, target)
