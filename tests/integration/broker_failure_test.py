"""Brokers die, pause and change places in mid-copy; shunt goes on by itself, and the copy is exact."""

from harness import integration

SAFE = {"min.insync.replicas": "2"}
# A cluster of three that fails over quickly; groups and transactions are not used.
QUICK = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500"}


def progress(lab, cluster, topics):
    return sum(lab.ends(cluster, topics).values())


def start(lab, source, target, topics, **settings):
    """A mirror that has begun to copy."""
    run = lab.start_mirror(topics, source=source, target=target, settings=settings)
    lab.eventually(lambda: progress(lab, target, topics) > 0, 60, "the copy begins")
    return run


def finish(lab, run, load, source, target, topics, records):
    assert load.wait(120) == 0, (lab.home / "load-0.log").read_text()[-2000:]
    lab.until_level(topics, source, target)
    run.drain()
    summary = run.summary()
    assert not summary["failures"], summary
    judged = lab.assert_identical(topics, source, target, batches=False)
    # A producer whose answers were lost with its broker sends again; a broker that has come back knows the last batch of an
    # idempotent producer only, and may take the ones before it twice.
    assert judged["records"] >= records, judged
    return summary


@integration(timeout_seconds=180)
def single_brokers_die_and_return(lab):
    source, target = lab.cluster("source"), lab.cluster("target")
    topic = lab.topic("t")
    source.create_topic(topic, partitions=6)
    load = lab.start_load(
        source, topic="t", records=80000, partitions=6, kind="small", batch=400, linger=0, codec="lz4"
    )
    run = start(lab, source, target, [topic])
    for cluster in (target, source):
        cluster.broker(1).restart()  # SIGKILL first
        seen = progress(lab, target, [topic])
        lab.eventually(
            lambda: progress(lab, target, [topic]) > seen
            or lab.ends(source, [topic]) == lab.ends(target, [topic]),
            60,
            f"the copy goes on after the death of {cluster.name}",
        )
    # A broker that was killed comes back with what it had flushed and what the page cache kept: all of it, as the
    # machine did not fail.
    summary = finish(lab, run, load, source, target, [topic], 80000)
    assert summary["interruptions"] > 0, summary


@integration(timeout_seconds=240)
def a_broker_of_three_dies_on_either_side(lab):
    source = lab.cluster("source", brokers=3, properties=QUICK)
    target = lab.cluster("target", brokers=3, properties=QUICK)
    topic = lab.topic("t")
    for cluster in (source, target):
        cluster.create_topic(topic, partitions=9, replication=3, configs=SAFE)
    load = lab.start_load(source, topic="t", records=100000, partitions=9, kind="small", batch=800, linger=0)
    run = start(lab, source, target, [topic], **{"replication.factor": 3})
    for cluster, broker in ((target, 2), (source, 3)):
        cluster.broker(broker).kill()
        cluster.wait()
        lab.eventually(
            lambda: lab.ends(target, [topic]) == lab.ends(source, [topic]) or load.poll() is None,
            60,
            "the copy goes on with two brokers",
        )
        cluster.broker(broker).restart()
    finish(lab, run, load, source, target, [topic], 100000)
    # Leaders move back in order, without a failure: the answer NOT_LEADER_OR_FOLLOWER is all that tells.
    run = start(lab, source, target, [topic])
    load = lab.start_load(source, topic="t", records=50000, partitions=9, kind="small", start=100000)
    for cluster in (source, target):
        before = {index: leader for index, (leader, _, _) in cluster.metadata()["topics"][topic].items()}
        lab.tool(
            cluster, "org.apache.kafka.tools.LeaderElectionCommand", "--election-type", "PREFERRED",
            "--all-topic-partitions",
        )  # fmt: skip
        cluster.wait()
        after = {index: leader for index, (leader, _, _) in cluster.metadata()["topics"][topic].items()}
        assert before != after, "no leader moved"
    finish(lab, run, load, source, target, [topic], 150000)


@integration(timeout_seconds=240)
def a_frozen_broker_is_left_for_the_leaders_that_others_elect(lab):
    # It keeps its connections and says nothing; only its cluster tells that it leads no more. Nothing here would end
    # the wait for its answers within the test's time.
    source = lab.cluster("source", brokers=3, properties=QUICK)
    target = lab.cluster("target", brokers=3, properties=QUICK)
    clients = ("source.consumer", "source.admin", "target.producer", "target.admin")
    patience = {f"{client}.request.timeout.ms": 600000 for client in clients} | {"shunt.stall.timeout.ms": 600000}
    topics = [lab.topic("plain"), lab.topic("committed")]
    for cluster in (source, target):
        for topic in topics:
            cluster.create_topic(topic, partitions=6, replication=3, configs=SAFE)
    loads = 0

    def load(without=None):
        nonlocal loads
        # The judge's clients are as patient with a frozen broker as others are: they do not hear of it.
        addresses = [address for number, address in enumerate(source.bootstrap.split(","), 1) if number != without]
        common = f"records=3000,partitions=6,start={loads * 3000}"
        lab.judge("load", "--bootstrap", ",".join(addresses), "--spec", f"topic={topics[0]},{common}",
                  "--spec", f"topic={topics[1]},transaction=20,abort=5,{common}")  # fmt: skip
        loads += 1

    load()
    run = start(lab, source, target, topics, **{"replication.factor": 3, "shunt.log.level": "debug", **patience})
    lab.until_level(topics, source, target)
    for alias, cluster, broker in (("target", target, 2), ("source", source, 3)):
        led = lambda: [leader for topic in topics for leader, _, _ in cluster.metadata()["topics"][topic].values()]
        assert broker in led(), led()
        cluster.broker(broker).pause()
        lab.eventually(lambda: broker not in led(), 60, "the others have elected leaders")
        load(without=broker if cluster is source else None)
        lab.until_level(topics, source, target, timeout_seconds=90)
        said = f"silent, while {alias} has elected broker"
        assert said in run.log_text(), run.log_text()
        cluster.broker(broker).resume()
        cluster.wait()
    run.drain()
    assert not run.summary()["failures"], run.summary()
    lab.assert_identical(topics, source, target, batches=False, isolation="read_committed")


@integration(timeout_seconds=240)
def brokers_die_among_transactions(lab):
    source = lab.source
    target = lab.cluster("target", brokers=3, properties=QUICK)
    topic = lab.topic("t")
    source.create_topic(topic, partitions=6)
    target.create_topic(topic, partitions=6, replication=3, configs=SAFE)
    load = lab.start_load(source, topic="t", records=100000, partitions=6, transaction=60, abort=5, spread="cycle")
    run = start(lab, source, target, [topic])
    for broker in (1, 2, 3):
        before = progress(lab, target, [topic])
        lab.eventually(
            lambda: progress(lab, target, [topic]) > before
            or lab.ends(source, [topic]) == lab.ends(target, [topic]),
            60,
            "the copy goes on",
        )
        target.broker(broker).kill()
        target.wait()
        target.broker(broker).restart()
    assert load.wait(180) == 0
    lab.until_level([topic], source, target)
    run.drain()
    assert not run.summary()["failures"], run.summary()
    lab.assert_identical([topic], source, target, batches=False, isolation="read_committed")


@integration(timeout_seconds=240)
def a_source_broker_stalls_in_mid_batch(lab):
    # A paused broker keeps its leaderships for as long as its session lives, so the session must outlive the test.
    source = lab.cluster(
        "source", brokers=3, properties={"broker.session.timeout.ms": "120000", "socket.request.max.bytes": "104857600"}
    )
    target = lab.cluster("target", heap="1g")
    led_by = {}
    for number in range(100):  # leaders are drawn at random; a hundred draws find all three brokers for certain
        if len(led_by) == 3:
            break
        name = f"t{number}"
        source.create_topic(lab.topic(name), configs={"max.message.bytes": "60000000"})
        led_by.setdefault(source.metadata()["topics"][lab.topic(name)][0][0], name)
    assert set(led_by) == {1, 2, 3}, led_by
    topics = [lab.topic(name) for name in led_by.values()]
    stalled, neighbour = led_by[2], led_by[3]
    lab.load_all([{"topic": name, "records": 100} for name in led_by.values()], source)
    run = lab.start_mirror(
        topics,
        source=source,
        target=target,
        settings={"shunt.stall.timeout.ms": 2000, "shunt.buffer.memory": 4 << 20, "shunt.log.level": "debug"},
    )
    lab.until_level(topics, source, target)

    # One batch of 40 MB: more than sockets and buffers on its way hold while the target does not read. So when its
    # source is paused as well, a part of it has been sent to the target and a part is still in the source.
    target.broker(1).pause()
    lab.load(source, topic=stalled, records=1, size=40_000_000, kind="random", start=100)
    lab.eventually(
        lambda: run.metrics("shunt_in_flight_bytes", topic=lab.topic(stalled)) > 40_000_000, 60, "its head is sent"
    )
    source.broker(2).pause()
    target.broker(1).resume()
    # The neighbours' data goes through a connection of its own, while this broker is silent.
    lines = b"".join(b"%d\n" % number for number in range(5000))
    lab.kcat(source, "-b", source.broker(3).address, "-P", "-t", lab.topic(neighbour), "-p", 0, feed=lines)
    lab.eventually(
        lambda: lab.ends(target, [lab.topic(neighbour)])[lab.topic(neighbour), 0] == 5100,
        60,
        "partitions of other brokers go on",
    )
    lab.eventually(lambda: "in the middle of a fetch" in run.log_text(), 30, "the stall is named in the log")
    assert run.metrics("shunt_interruptions_total", topic=lab.topic(stalled)) > 0
    assert lab.ends(target, [lab.topic(stalled)])[lab.topic(stalled), 0] == 100
    source.broker(2).resume()
    lab.until_level(topics, source, target)
    run.drain()
    assert not run.summary()["failures"], run.summary()
    lab.assert_identical(topics, source, target)


@integration(timeout_seconds=180)
def a_target_broker_pauses(lab):
    target = lab.cluster("target")
    topic = lab.topic("t")
    lab.source.create_topic(topic, partitions=4)
    load = lab.start_load(topic="t", records=100000, partitions=4, kind="small", flush="1..400")
    run = start(lab, lab.source, target, [topic])
    target.broker(1).pause()
    assert load.wait(60) == 0
    target.broker(1).resume()
    finish(lab, run, load, lab.source, target, [topic], 100000)


@integration(timeout_seconds=120)
def a_mirror_starts_before_its_clusters_are_whole(lab):
    target = lab.cluster("target")
    topic = lab.load(topic="t", records=1000)
    target.broker(1).kill()
    run = lab.start_mirror([topic], target=target)
    lab.eventually(lambda: "looking at both clusters" in run.log_text(), what="it has started")
    target.broker(1).restart()
    lab.until_level([topic], target=target)
    run.drain()
    lab.assert_identical([topic], target=target)
