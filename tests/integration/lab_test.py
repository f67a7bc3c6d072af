"""The lab and the judge themselves: what every other test relies on."""

from harness import integration


@integration(timeout_seconds=120)
def a_broker_of_three_dies_and_returns(lab):
    cluster = lab.cluster("three", brokers=3)
    topic = lab.topic("replicated")
    cluster.create_topic(topic, partitions=6, replication=3, configs={"min.insync.replicas": "2"})
    before = cluster.metadata()["topics"][topic]
    cluster.broker(2).kill()
    cluster.wait()
    after = cluster.metadata()["topics"][topic]
    assert {leader for leader, _, _ in before.values()} == {1, 2, 3}, before
    assert {leader for leader, _, _ in after.values()} <= {1, 3}, after
    lab.load(cluster=cluster, topic="replicated", records=1000, partitions=6)
    cluster.broker(2).restart()
    assert all(len(isr) == 3 for _, _, isr in cluster.metadata()["topics"][topic].values())


@integration(timeout_seconds=60)
def a_paused_broker_keeps_its_connections(lab):
    broker = lab.cluster("one").broker(1)
    pid = broker.process.pid()
    broker.pause()
    assert broker.process.pid() == pid and not broker.process.running()
    broker.resume()
    lab.eventually(broker.process.running, what="the broker runs again")
    broker.cluster.wait()
    broker.restart()
    assert broker.process.pid() != pid


@integration(timeout_seconds=120)
def the_judge_sees_every_difference(lab):
    spec = {
        "records": 2000,
        "codec": "lz4",
        "partitions": 2,
        "headers": 2,
        "key": "mixed",
        "value": "mixed",
        "flush": "1..200",
    }
    same, other_seed, one_more = lab.load_all([{**spec, "topic": name} for name in ("same", "seed", "more")])
    lab.load_all(
        [{**spec, "topic": "same"}, {**spec, "topic": "seed", "seed": 2}, {**spec, "topic": "more", "records": 2001}],
        cluster=lab.target,
    )
    lab.assert_identical([same], batches=False)
    for topic in (other_seed, one_more):
        verdict = lab.judge(
            "compare", "--source", lab.source.bootstrap, "--target", lab.target.bootstrap, "--topic", topic, check=False
        )
        assert not verdict["equal"] and verdict["differences"], verdict
    lab.judge(
        "compare", "--source", lab.source.bootstrap, "--target", lab.source.bootstrap, "--topic", same, "--batches"
    )
