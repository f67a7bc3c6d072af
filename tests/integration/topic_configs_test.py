"""Settings of topics on the target follow the source's, as kafka-configs shows them on both sides."""

import re

from harness import integration
from take_over_test import DEFAULT_POLICY, MirrorMaker

CONFIGS = "kafka.admin.ConfigCommand"
DUTY = {"duty": "topic-configs"}
EVERY_SECOND = {"sync.topic.configs.interval.seconds": 1}


def alter(lab, cluster, topic, *, add=(), delete=()):
    arguments = [
        *(["--add-config", ",".join(add)] if add else []),
        *(["--delete-config", ",".join(delete)] if delete else []),
    ]
    lab.tool(cluster, CONFIGS, "--alter", "--topic", topic, *arguments)


def settings(lab, cluster, topic, *all_of_them):
    """{name: value} of what is set on the topic itself; with "--all" its brokers' defaults, too."""
    said = lab.tool(cluster, CONFIGS, "--describe", "--topic", topic, *all_of_them)
    return dict(re.findall(r"^  ([\w.]+)=(\S*) sensitive=", said, re.MULTILINE))


def create(lab, cluster, topic, *configs, partitions=1):
    lab.judge(
        "create-topic", "--bootstrap", cluster.bootstrap, "--topic", topic, "--partitions", partitions,
        *(argument for config in configs for argument in ("--config", config)),
    )  # fmt: skip


@integration(timeout_seconds=300)
def settings_follow_the_source(lab):
    topic, foreign = lab.topic("t"), lab.topic("foreign")
    create(lab, lab.source, topic, "retention.ms=3600000", "min.insync.replicas=1", "segment.ms=70000")
    lab.load(topic="t", records=100)
    # One that somebody else writes is not mirrored, and none of shunt's business.
    lab.load(topic="foreign", records=10, seed=1)
    create(lab, lab.target, foreign, "retention.ms=7200000")
    lab.load(lab.target, topic="foreign", records=10, seed=2)
    mirror = lab.start_mirror([topic, foreign], settings=EVERY_SECOND)
    lab.eventually(lambda: mirror.metrics("shunt_duty_done_total", **DUTY) >= 2, 60, "two rounds")
    made = settings(lab, lab.target, topic)
    assert made["retention.ms"] == "3600000" and made["segment.ms"] == "70000", made
    assert "min.insync.replicas" not in made, made
    limit = made["message.timestamp.before.max.ms"]
    alter(
        lab, lab.source, topic,
        add=["retention.ms=7200000", "max.message.bytes=2000000", "message.timestamp.before.max.ms=9000000000000"],
        delete=["segment.ms"],
    )  # fmt: skip
    alter(lab, lab.target, topic, add=["flush.ms=1234"])
    lab.eventually(
        lambda: (now := settings(lab, lab.target, topic))["retention.ms"] == "7200000"
        and now["max.message.bytes"] == "2000000"
        and "segment.ms" not in now
        and "flush.ms" not in now,
        60,
        "the target's settings are the source's",
    )
    # What mirroring needs itself is as it was, and a size that records were taken with is not taken back.
    alter(lab, lab.source, topic, add=["max.message.bytes=1000000"])
    done = mirror.metrics("shunt_duty_done_total", **DUTY)
    said = mirror.log_text().count("settings follow the source")
    lab.eventually(lambda: mirror.metrics("shunt_duty_done_total", **DUTY) >= done + 3, 60, "three more rounds")
    now = settings(lab, lab.target, topic)
    assert now["message.timestamp.before.max.ms"] == limit and now["max.message.bytes"] == "2000000", now
    assert mirror.log_text().count("settings follow the source") == said, mirror.log_text()
    assert settings(lab, lab.target, foreign) == {"retention.ms": "7200000"}
    mirror.drain(code=1)


@integration(timeout_seconds=240)
def settings_that_the_target_does_not_know_are_named(lab):
    """To an old broker; and a run that ends by itself has seen to settings, too."""
    old = lab.cluster("old", version="2.8.2")
    topic = lab.topic("t")
    create(lab, lab.source, topic, "local.retention.ms=1000000", "retention.ms=3600000")
    lab.load(topic="t", records=100)
    create(lab, old, topic)
    run = lab.shunt("run", lab.config([topic], target=old), "--until-caught-up", "--json")
    assert run.wait(60) == 0, run.log_text()
    assert "not possible: local.retention.ms=1000000: target does not know it" in run.log_text(), run.log_text()
    assert settings(lab, old, topic)["retention.ms"] == "3600000"


@integration(timeout_seconds=240)
def settings_that_the_target_refuses_are_named_and_the_others_are_set(lab):
    """Kafka 4 takes no segments below a MiB (KIP-1030), which brokers before it do."""
    old = lab.cluster("old", version="3.9.1")
    there, new = topics = [lab.topic(name) for name in ("there", "new")]
    for topic in topics:
        create(lab, old, topic, "segment.bytes=100000", "segment.ms=70000", "flush.messages=1000")
    create(lab, lab.target, there)
    lab.load_all([{"topic": name, "records": 100} for name in ("there", "new")], old)
    plan = lab.shunt("plan", lab.config(topics, source=old))
    assert plan.wait(30) == 0, plan.log_text()
    foreseen = [line for line in plan.output.read_text().splitlines() if "segment.bytes=100000" in line]
    assert len(foreseen) == 2 and all("must be at least 1048576" in line for line in foreseen), foreseen
    mirror = lab.start_mirror(topics, source=old, settings=EVERY_SECOND)

    def are_set(**wanted):
        wanted = {name.replace("_", "."): value for name, value in wanted.items()}
        return all(wanted.items() <= settings(lab, lab.target, topic).items() for topic in topics)

    def rounds(count):
        done = mirror.metrics("shunt_duty_done_total", **DUTY)
        lab.eventually(lambda: mirror.metrics("shunt_duty_done_total", **DUTY) >= done + count, 60, "more rounds")

    lab.eventually(lambda: are_set(segment_ms="70000", flush_messages="1000"), 60, "the others are set")
    # What is refused is named once, also among changes of a running mirror, which goes on.
    for topic in topics:
        alter(lab, old, topic, add=["segment.bytes=200000", "flush.messages=2000"])
    lab.eventually(lambda: are_set(segment_ms="70000", flush_messages="2000"), 60, "the others have followed")
    rounds(2)
    lab.load_all([{"topic": name, "records": 100, "start": 100} for name in ("there", "new")], old)
    lab.until_level(topics, source=old)
    log = mirror.log_text()
    for topic in topics:
        for value in (100000, 200000):
            said = f"{topic}: a setting of the source was not possible: segment.bytes={value}: target answered INVALID_CONFIG"
            assert log.count(said) == 1, (said, log)
        assert "segment.bytes" not in settings(lab, lab.target, topic)
    assert "must be at least 1048576" in log and mirror.metrics("shunt_duty_failed_total", **DUTY) == 0, log
    # One that the target takes is set as any other.
    for topic in topics:
        alter(lab, old, topic, add=["segment.bytes=2000000"])
    lab.eventually(lambda: are_set(segment_bytes="2000000", flush_messages="2000"), 60, "a size that the target takes")
    mirror.drain()


@integration(timeout_seconds=300)
def defaults_are_those_of_either_side_as_with_mirror_maker(lab):
    """What is default on the source: the target's own default, or with use.defaults.from=source the source's, set on the topic.
    Both at once, in two flows of a file that MirrorMaker 2 runs, too."""
    source = lab.cluster("source", properties={"log.flush.interval.ms": "5000"})
    target = lab.cluster(
        "target", properties={"log.segment.bytes": "4194304", "log.roll.ms": "3600000", "log.flush.interval.ms": "7000"}
    )
    topic = lab.load(source, topic="t", records=100)
    alter(lab, source, topic, add=["retention.ms=7200000", "segment.ms=70000"])
    # Neither from the topic nor from Kafka: a default that was given to the source's brokers while they run.
    lab.tool(source, CONFIGS, "--alter", "--entity-type", "brokers", "--entity-default",
             "--add-config", "log.retention.bytes=1000000000")  # fmt: skip

    def config(from_target, from_source):
        """Both flows are from the same cluster; their names say whose defaults they follow."""
        flows = {
            "clusters": f"{from_target}, {from_source}, target",
            "replication.policy.class": DEFAULT_POLICY,
            f"{from_source}->target.use.defaults.from": "source",
            "emit.checkpoints.enabled": "true",
            "emit.offset-syncs.enabled": "true",
            "shunt.metrics.listen": "127.0.0.1:0",
            **EVERY_SECOND,
        }
        for own in ("offset-syncs.topic", "checkpoints.topic", "heartbeats.topic"):
            flows[f"{own}.replication.factor"] = 1
        for own in ("offset", "status", "config"):
            flows[f"target.{own}.storage.replication.factor"] = 1
        for alias in (from_target, from_source):
            flows[f"{alias}.bootstrap.servers"] = source.bootstrap
            flows[f"{alias}->target.enabled"] = "true"
            flows[f"{alias}->target.topics"] = re.escape(topic)
        return lab.config([topic], source=source, target=target, settings=flows)

    def in_force(alias):
        """All settings, but for those that a mirror has needs of its own in."""
        there = settings(lab, target, f"{alias}.{topic}", "--all")
        return {name: value for name, value in there.items() if not name.startswith(("message.timestamp.", "max.message."))}

    def assert_as_mirror_maker(ours, theirs, **wanted):
        wanted = {name.replace("_", "."): value for name, value in wanted.items()}
        for alias in (ours, theirs):
            lab.eventually(lambda: wanted.items() <= in_force(alias).items(), 120, f"{alias}.{topic} has {wanted}")
        assert in_force(ours) == in_force(theirs), (in_force(ours), in_force(theirs))

    mirror = lab.shunt("run", config("source", "same"), "--json")
    maker = MirrorMaker(lab, target, config("other", "likewise"), "mm2")
    # What the source's brokers have in their files is no wish for its topics, whatever is asked for.
    alike = {"retention_ms": "7200000", "retention_bytes": "1000000000", "flush_ms": "7000"}
    assert_as_mirror_maker("source", "other", **alike, segment_ms="70000", segment_bytes="4194304")
    assert_as_mirror_maker("same", "likewise", **alike, segment_ms="70000", segment_bytes="1073741824")
    alter(lab, source, topic, delete=["segment.ms"])
    assert_as_mirror_maker("source", "other", **alike, segment_ms="3600000", segment_bytes="4194304")
    assert_as_mirror_maker("same", "likewise", **alike, segment_ms="604800000", segment_bytes="1073741824")
    # Nothing is set on a topic that its brokers say already, and nothing is sent again and again.
    own = {alias: settings(lab, target, f"{alias}.{topic}") for alias in ("source", "same")}
    assert not own["source"].keys() & {"segment.bytes", "segment.ms"}, own
    assert {"segment.bytes", "segment.ms"} <= own["same"].keys() and "cleanup.policy" not in own["same"], own
    said = mirror.log_text().count("settings follow the source")
    done = mirror.metrics("shunt_duty_done_total", **DUTY)
    lab.eventually(lambda: mirror.metrics("shunt_duty_done_total", **DUTY) >= done + 4, 60, "two more rounds of both")
    assert mirror.log_text().count("settings follow the source") == said, mirror.log_text()
    maker.stop()
    mirror.drain()


@integration(timeout_seconds=240)
def conservatively_only_retention_is_lifted_and_partitions_grow(lab):
    topic = lab.topic("t")
    create(lab, lab.source, topic, "retention.ms=3600000", "min.insync.replicas=3", "segment.bytes=2000000")
    run = {"shunt.metadata.policy": "conservative", **EVERY_SECOND}
    mirror = lab.start_mirror([topic], settings=run)
    lab.eventually(lambda: mirror.metrics("shunt_duty_done_total", **DUTY) >= 2, 60, "two rounds")
    made = settings(lab, lab.target, topic)
    assert made["retention.ms"] == "3600000" and made["segment.bytes"] == "2000000", made
    assert made["cleanup.policy"] == "delete" and made["unclean.leader.election.enable"] == "false", made
    # More replicas in sync than the topic has would let nothing be written.
    assert made["min.insync.replicas"] == "1", made
    assert "min.insync.replicas=3 is more than the 1 replica: 1 instead" in mirror.log_text(), mirror.log_text()
    # A shortened retention upstream must not delete data downstream.
    alter(lab, lab.source, topic, add=["retention.ms=1000", "segment.bytes=3000000", "retention.bytes=-1"])
    lab.tool(lab.source, "org.apache.kafka.tools.TopicCommand", "--alter", "--topic", topic, "--partitions", 3)
    lab.eventually(lambda: len(lab.target.metadata()["topics"][topic]) == 3, 60, "the target has three partitions")
    done = mirror.metrics("shunt_duty_done_total", **DUTY)
    lab.eventually(lambda: mirror.metrics("shunt_duty_done_total", **DUTY) >= done + 2, 60, "two more rounds")
    assert settings(lab, lab.target, topic) == made
    alter(lab, lab.source, topic, add=["retention.ms=-1"])
    lab.eventually(
        lambda: settings(lab, lab.target, topic) == {**made, "retention.ms": "-1"}, 60, "retention is lifted"
    )
    mirror.drain()
