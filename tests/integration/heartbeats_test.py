"""Heartbeats, as MirrorMaker 2's own client reads them."""

import re

from groups_test import SYNC, commit
from harness import integration

BOTH_WAYS = {
    "replication.policy.class": "org.apache.kafka.connect.mirror.DefaultReplicationPolicy",
    "emit.heartbeats.enabled": "true",
    "heartbeats.topic.replication.factor": 3,
}


@integration(timeout_seconds=180)
def heartbeats_tell_where_data_comes_from(lab):
    """The flow that mirrors nothing writes them into the source, and the flow that mirrors brings them along."""
    source, target = lab.cluster("source"), lab.cluster("target")
    topic = lab.load(source, topic="t", records=100)
    mirror = lab.start_mirror([topic], source=source, target=target, settings=BOTH_WAYS)
    said = lab.eventually(
        lambda: told if (told := lab.judge("remote", "--bootstrap", target.bootstrap))["hops"] else None,
        60,
        "the target knows where its data comes from",
    )
    assert said["hops"] == {"source": 1}, said
    assert said["heartbeats"] == ["heartbeats", "source.heartbeats"], said
    lab.eventually(lambda: mirror.metrics("shunt_duty_done_total", source="source", target="target") >= 3, 30)
    mirror.drain()
    # Key and value are MirrorMaker 2's, byte for byte, but for the time.
    key, value = lab.kcat(
        target, "-C", "-q", "-e", "-t", "heartbeats", "-o", "beginning", "-c", "1", "-f", "%k|%S"
    ).split(b"|")
    assert key == b"\0\6source\0\6target" and value == b"10", (key, value)


@integration(timeout_seconds=240)
def clusters_two_hops_away_are_known_by_another_separator_too(lab):
    """other->source->target by one file, for MirrorMaker 2's client on the last cluster."""
    other, source, target = lab.cluster("other"), lab.cluster("source"), lab.cluster("target")
    topic = lab.load(other, topic="t", records=100)
    near, far = f"other_{topic}", f"source_other_{topic}"
    group = f"{lab.name}.group"
    mirror = lab.start_mirror([near], source=source, target=target, settings={
        **BOTH_WAYS, **SYNC, "replication.policy.separator": "_", "heartbeats.topic.replication.factor": 1,
        "clusters": "other, source, target", "other.bootstrap.servers": other.bootstrap,
        "other->source.enabled": "true", "other->source.topics": re.escape(topic),
    })  # fmt: skip
    lab.eventually(lambda: lab.ends(target, [far]).get((far, 0)) == 100, 90, "data has come over both hops")
    commit(lab, source, {group: {(near, 0): 60}})

    def told():
        said = lab.judge(
            "remote", "--bootstrap", target.bootstrap, "--separator", "_", "--alias", "source", "--group", group
        )
        return said if said["hops"].get("other") == 2 and said["groups"][group] else None

    said = lab.eventually(told, 90, "the target knows where its data comes from")
    assert said["hops"]["source"] == 1 and said["groups"][group] == {f"{far}-0": 60}, said
    assert said["checkpoints"] == ["source_checkpoints_internal"], said
    assert {"heartbeats", "source_heartbeats", "source_other_heartbeats"} <= set(said["heartbeats"]), said
    mirror.drain()


@integration(timeout_seconds=120)
def refused_heartbeats_are_told_and_data_goes_on(lab):
    """Bookkeeping that the target refuses is said once and counted; nothing waits for it, and it is tried again."""
    target = lab.cluster("target")
    lab.judge(
        "create-topic", "--bootstrap", target.bootstrap, "--topic", "heartbeats", "--config", "max.message.bytes=20"
    )
    topic = lab.load(topic="t", records=100)
    mirror = lab.start_mirror(
        [topic], target=target, settings={**BOTH_WAYS, "target->source.emit.heartbeats.enabled": "false"}
    )
    labels = {"source": "source", "target": "target", "duty": "heartbeats"}
    lab.eventually(lambda: mirror.metrics("shunt_duty_failed_total", **labels) >= 3, 60, "three heartbeats are refused")
    lab.eventually(lambda: lab.ends(target, ["source." + topic])["source." + topic, 0] == 100, 60, "data is mirrored")
    assert mirror.metrics("shunt_duty_failing", **labels) == 1
    assert mirror.log_text().count("MESSAGE_TOO_LARGE") == 1, mirror.log_text()
    lab.tool(
        target, "kafka.admin.ConfigCommand", "--alter", "--topic", "heartbeats", "--add-config", "max.message.bytes=1000"
    )
    lab.eventually(lambda: mirror.metrics("shunt_duty_failing", **labels) == 0, 30, "heartbeats are written")
    assert "heartbeats: well again" in mirror.log_text()
    mirror.drain()
