"""Topics and partitions that appear, and disappear, while a mirror runs."""

import re

from harness import integration


def add_partitions(lab, cluster, topic, count):
    lab.tool(cluster, "org.apache.kafka.tools.TopicCommand", "--alter", "--topic", topic, "--partitions", count)


@integration(timeout_seconds=120)
def new_topics_and_partitions_are_followed(lab):
    first = lab.load(topic="first", records=1000, partitions=2)
    second = lab.topic("second")
    run = lab.start_mirror([first, second])
    lab.until_level([first])
    assert lab.load(topic="second", records=500, partitions=3) == second
    lab.until_level([first, second])
    add_partitions(lab, lab.source, first, 5)
    lab.load(topic="first", records=1000, partitions=5, start=1000)
    lab.until_level([first, second])
    assert len(lab.target.metadata()["topics"][first]) == 5
    run.drain()
    summary = run.summary()
    assert summary["records"] == 2500 and not summary["failures"], summary
    lab.assert_identical([first, second])


@integration(timeout_seconds=120)
def fewer_partitions_on_the_target_are_added(lab):
    topic = lab.load(topic="t", records=1000, partitions=6)
    lab.target.create_topic(topic, partitions=2)
    assert lab.mirror([topic])["records"] == 1000
    assert len(lab.target.metadata()["topics"][topic]) == 6
    lab.assert_identical([topic])


@integration(timeout_seconds=120)
def more_partitions_on_the_target_stay_empty(lab):
    topic = lab.load(topic="t", records=1000, partitions=2)
    lab.target.create_topic(topic, partitions=4)
    summary = lab.mirror([topic])
    assert summary["records"] == 1000 and summary["conditions"] == {"target.more.partitions": 1}, summary
    lab.assert_identical([topic])
    ends = lab.ends(lab.target, [topic])
    assert ends[topic, 2] == ends[topic, 3] == 0, ends


@integration(timeout_seconds=120)
def a_recreated_source_topic_is_not_mixed_with_the_old(lab):
    topic = lab.load(topic="t", records=2000, seed=1)
    run = lab.start_mirror([topic])
    lab.until_level([topic])
    before = lab.dump(lab.target, topic)
    lab.source.delete_topic(topic)
    lab.eventually(lambda: topic not in lab.source.metadata()["topics"], what="the topic is gone")
    lab.load(topic="t", records=3000, seed=2)
    lab.eventually(
        lambda: run.metrics("shunt_partition_failed", topic=topic) == 1, 60, "the partition stops and says so"
    )
    assert lab.dump(lab.target, topic) == before
    assert run.metrics("shunt_conditions_total", topic=topic, condition="source.recreated") == 1
    run.drain(code=1)


@integration(timeout_seconds=120)
def a_replication_factor_beyond_the_brokers_is_lowered_and_said(lab):
    topic = lab.load(topic="t", records=10)
    run = lab.shunt("run", lab.config([topic], settings={"replication.factor": 3}), "--until-caught-up")
    assert run.wait(60) == 0, run.log_text()
    assert "replication factor 3 lowered to 1" in run.log_text(), run.log_text()
    lab.assert_identical([topic])


@integration(timeout_seconds=120)
def two_flows_of_one_file_keep_their_clusters_apart(lab):
    """Both clusters number their brokers alike, and both hold a topic of the same name."""
    topic = lab.load(topic="t", records=1000, partitions=2, seed=1)
    assert lab.load(lab.target, topic="t", records=700, partitions=2, seed=2) == topic
    both_ways = {
        "replication.policy.class": "org.apache.kafka.connect.mirror.DefaultReplicationPolicy",
        "target->source.enabled": "true",
        "target->source.topics": re.escape(topic),
    }
    summary = lab.mirror([topic], settings=both_ways)
    assert summary["records"] == 1700 and not summary["failures"], summary
    lab.assert_identical([f"{topic}=source.{topic}"])
    lab.assert_identical([f"{topic}=target.{topic}"], source=lab.target, target=lab.source)
