"""`shunt plan` says what `shunt run` then does, changing nothing on either cluster: clusters are as they were, and the run does
what was said, no more and no less."""

import json
import re

from acls_test import grant, revoke, rights
from groups_test import SYNC, commit, end_member, groups_of, start_member
from harness import integration
from permissions_test import PRINCIPAL
from secured_lab import client, secured
from topic_configs_test import create, settings


def plan(lab, config, code):
    """What it prints as JSON; the text says the same in the end."""
    text = lab.shunt("plan", config)
    assert text.wait(60) == code, text.output.read_text() + text.log_text()
    said = text.output.read_text()
    assert ("shunt run can begin" in said) == (code == 0) and "Nothing was changed." in said, said
    run = lab.shunt("plan", config, "--json")
    assert run.wait(60) == code, run.log_text()
    planned = run.summary()
    assert planned["can_begin"] == (code == 0), planned
    return planned["flows"][0], said


def picture(lab, topics, *clusters):
    """What there is on the clusters: topics, how far they go, what is set on them, groups."""
    there = []
    for cluster in clusters:
        known = cluster.metadata()["topics"]
        mine = [topic for topic in topics if topic in known]
        there.append(
            (
                sorted(known),
                {topic: known[topic] for topic in mine},
                lab.ends(cluster, mine) if mine else {},
                {topic: settings(lab, cluster, topic) for topic in mine},
                groups_of(lab, cluster),
            )
        )
    return there


def by_topic(flow):
    return {topic["topic"]: topic for topic in flow["topics"]}


@integration(timeout_seconds=300)
def a_plan_says_what_a_run_does_and_changes_nothing(lab):
    source, target = lab.cluster("source"), lab.cluster("target")
    new, short, grown, foreign, head, level = names = [
        lab.topic(name) for name in ("new", "short", "grown", "foreign", "head", "level")
    ]
    create(lab, source, new, "retention.ms=-1", "segment.ms=70000", partitions=2)
    create(lab, target, short, "flush.ms=1234")
    create(lab, target, grown, partitions=1)
    lab.load_all(
        [
            {"topic": "new", "records": 200, "partitions": 2},
            {"topic": "short", "records": 50},
            {"topic": "grown", "records": 30, "partitions": 3},
            {"topic": "foreign", "records": 20},
            {"topic": "head", "records": 100, "flush": "10..10"},
            {"topic": "level", "records": 10},
        ],
        source,
    )
    lab.delete_records(source, head, 0, 40)
    lab.load(target, topic="foreign", records=5, seed=7)
    where = {"source": source, "target": target}
    lab.mirror([level], **where)
    lab.load(source, topic="level", records=5, start=10)
    moving, ahead, active = (f"{lab.name}.{name}" for name in ("moving", "ahead", "active"))
    commit(
        lab, source,
        {moving: {(new, 0): 60, (new, 1): 7}, ahead: {(level, 0): 3}, active: {(level, 0): 4}},
    )  # fmt: skip
    commit(lab, target, {ahead: {(level, 0): 9}, active: {(level, 0): 1}})
    member, _ = start_member(lab, target, active, level, "classic")
    config = lab.config(names, settings={**SYNC, "emit.offset-syncs.enabled": "true"}, **where)
    before = picture(lab, names, source, target)
    flow, text = plan(lab, config, 1)
    assert picture(lab, names, source, target) == before

    topics = by_topic(flow)
    assert {name: topic["action"] for name, topic in topics.items()} == {
        new: "create", short: "none", grown: "add_partitions", foreign: "none", head: "create", level: "none",
    }  # fmt: skip
    assert [name for name, topic in topics.items() if topic["refused"]] == [foreign], topics
    assert "others" in topics[foreign]["partitions"][0]["reason"], topics[foreign]
    assert f"REFUSED partition 0: target topic already written by others: the last batch of {foreign}-0" in text, text
    assert topics[new]["replication_factor"] == 1 and topics[new]["source_partitions"] == 2
    assert topics[new]["settings"]["segment.ms"] == "70000", topics[new]
    assert topics[short]["settings"]["flush.ms"] is None, topics[short]
    assert (topics[grown]["target_partitions"], topics[grown]["source_partitions"]) == (1, 3)
    assert topics[head]["partitions"][0]["begin"] == 40 and topics[head]["partitions"][0]["filled_head"] == 40
    assert topics[level]["partitions"][0]["begin"] == 10, topics[level]
    planned = {(group["group"], group["partition"]): group for group in flow["groups"]}
    assert {where for where, group in planned.items() if group["moves"]} == {(moving, 0), (moving, 1)}, planned
    assert "further on" in planned[ahead, 0]["reason"] and "members" in planned[active, 0]["reason"], planned
    assert flow["own_topics"] == [
        "target: source.checkpoints.internal", "source: mm2-offset-syncs.target.internal",
    ], flow["own_topics"]  # fmt: skip

    # The run does just that.
    run = lab.shunt("run", config, "--until-caught-up", "--json")
    assert run.wait(90) == 1, run.log_text()
    summary = run.summary()
    assert [failure["topic"] for failure in summary["failures"]] == [foreign], summary
    to_copy = sum(p["to_copy"] for topic in topics.values() for p in topic["partitions"] if not p["refused"])
    assert summary["records"] == to_copy == 200 + 50 + 30 + 60 + 5, (summary, to_copy)
    for topic in (new, head):
        made = settings(lab, target, topic)
        assert made == topics[topic]["settings"], (made, topics[topic]["settings"])
    assert "flush.ms" not in settings(lab, target, short)
    assert len(target.metadata()["topics"][grown]) == 3
    there = groups_of(lab, target)
    for (group, partition), entry in planned.items():
        if entry["moves"]:
            assert there[group][f"{new}-{partition}"]["offset"] == entry["target_offset"], (group, partition)
    assert there[ahead][f"{level}-0"]["offset"] == 9
    end_member(member)

    # Now there is nothing left to do.
    flow, text = plan(lab, config, 1)
    after = by_topic(flow)
    assert all(topic["action"] == "none" and not topic["settings"] for topic in after.values()), after
    assert not flow["own_topics"] and not any(group["moves"] for group in flow["groups"]), flow
    flow, text = plan(lab, lab.config([new, short, grown, head, level], settings=SYNC, **where), 0)
    assert re.search(r"^  5 topics as they are, identical offsets: 0 offsets to copy$", text, re.MULTILINE), text


@integration(timeout_seconds=240)
def limits_that_would_break_a_mirror_are_named(lab):
    small, old, kept, unwritable, head = names = [
        lab.topic(name) for name in ("small", "old", "kept", "unwritable", "head")
    ]
    create(lab, lab.source, small, "max.message.bytes=3000000")
    create(lab, lab.target, small, "max.message.bytes=100000")
    create(lab, lab.target, old, "message.timestamp.before.max.ms=86400000")
    create(lab, lab.target, kept, "retention.ms=86400000")
    create(lab, lab.target, unwritable, "min.insync.replicas=2")
    lab.load_all([{"topic": name, "records": 40, "flush": "10..10"} for name in ("small", "old", "kept", "unwritable", "head")])
    lab.delete_records(lab.source, head, 0, 20)
    as_they_are = {"sync.topic.configs.enabled": "false", "shunt.offsets.padding.max": 10}
    flow, text = plan(lab, lab.config(names, settings=as_they_are), 1)
    topics = by_topic(flow)
    said = {name: [(f["weight"], f["text"]) for f in topic["findings"]] for name, topic in topics.items()}

    def is_said(topic, weight, *parts):
        return any(w == weight and all(part in found for part in parts) for w, found in said[topic])

    assert is_said(small, "warning", "max.message.bytes=100000 on target, and 3000000"), said
    assert is_said(old, "refused", "message.timestamp.before.max.ms=86400000", "would be refused"), said
    assert is_said(kept, "warning", "retention.ms=86400000", "deleted at once"), said
    assert is_said(unwritable, "refused", "min.insync.replicas=2", "1 replica"), said
    assert "shunt.offsets.padding.max (10)" in topics[head]["partitions"][0]["reason"], topics[head]
    assert sorted(name for name, topic in topics.items() if topic["refused"]) == sorted([old, unwritable, head])
    # With `auto` the head is no reason to refuse: its offsets are mapped. And settings that follow the source's lift some.
    follows = {"shunt.offsets": "auto", "shunt.offsets.padding.max": 10, "offset-syncs.topic.replication.factor": 1}
    flow, text = plan(lab, lab.config([small, kept, head], settings=follows), 0)
    topics = by_topic(flow)
    assert topics[small]["settings"] == {"max.message.bytes": "3000000"} and not topics[small]["findings"], topics[small]
    assert topics[head]["partitions"][0]["offsets"] == "mapped", topics[head]
    assert "shunt.offsets=auto" in topics[head]["partitions"][0]["reason"], topics[head]
    run = lab.shunt("run", lab.config([small, kept, head], settings=follows), "--until-caught-up", "--json")
    assert run.wait(60) == 0, run.log_text()
    assert f"the offsets of {head}-0 are mapped" in run.log_text() and settings(lab, lab.target, small)["max.message.bytes"] == "3000000"
    flow, _ = plan(lab, lab.config([head], settings=follows), 0)
    assert "goes on with it" in by_topic(flow)[head]["partitions"][0]["reason"], flow
    # What the run meets is what was said.
    run = lab.shunt("run", lab.config([old, head], settings={**as_they_are, "shunt.offsets": "identical"}), "--until-caught-up", "--json")
    assert run.wait(60) == 1, run.log_text()
    assert old in {failure["topic"] for failure in run.summary()["failures"]}, run.summary()


@integration(timeout_seconds=120)
def names_and_clusters_that_cannot_be_are_refused(lab):
    one, other = lab.load_all([{"topic": name, "records": 1} for name in ("one", "other")])
    alike = {"shunt.topic.mapping": f"{one}:{other}"}
    flow, text = plan(lab, lab.config([one, other], settings=alike), 1)
    assert all(topic["action"] == "refuse" for topic in flow["topics"]), flow
    assert "would both be called" in text, text
    elsewhere = lab.source.bootstrap.replace("127.0.0.1", "localhost")
    flow, text = plan(lab, lab.config([one], settings={"target.bootstrap.servers": elsewhere}), 1)
    assert "copied onto itself" in flow["topics"][0]["reason"], flow
    flow, text = plan(lab, lab.config([one], settings={"target.bootstrap.servers": "127.0.0.1:1"}), 1)
    assert flow["findings"][0]["about"] == "target target" and "REFUSED" in text, text
    flow, text = plan(lab, lab.config([lab.topic("none")]), 0)
    assert "would wait for one" in text, text
    broken = lab.home / "broken.properties"
    broken.write_text("clusters = A, B\nA->B.enabled = true\nA->B.topics = (\n")
    run = lab.shunt("plan", broken)
    assert run.wait(30) == 2 and not run.output.read_text(), run.log_text()


@integration(timeout_seconds=400)
def access_rights_to_be_carried_over_and_those_that_are_missing_are_named(lab):
    source, target = secured(lab)
    topic = lab.load(source, topic="t", records=10)
    there = lab.load(source, topic="there", records=10)
    target.create_topic(there, partitions=1)
    for principal, operation in (("alice", "Read"), ("bob", "Write"), ("carol", "All")):
        grant(lab, source, "--allow-principal", f"User:{principal}", "--topic", topic, "--operation", operation)
    stale = ("TOPIC", there, "LITERAL", "User:former", "READ", "ALLOW")
    grant(lab, target, "--allow-principal", "User:former", "--topic", there, "--operation", "Read")
    acls = {
        "sync.topic.acls.enabled": "true",
        "shunt.acls.remove": "true",
        "shunt.acls.keep.principals": PRINCIPAL,
        **client("source", source, "SASL_PLAINTEXT", "SCRAM-SHA-256"),
        **client("target", target, "SASL_PLAINTEXT", "SCRAM-SHA-256"),
    }
    config = lab.config([topic, there], source=source, target=target, settings=acls)
    flow, text = plan(lab, config, 0)
    assert flow["acls_granted"] == [
        f"ALLOW Read on topic {topic} for User:alice", f"ALLOW Read on topic {topic} for User:carol",
    ], flow  # fmt: skip
    assert flow["acls_removed"] == [f"ALLOW Read on topic {there} for User:former"], flow
    assert stale in rights(lab, target)
    # A right that is missing is named with the command that grants it.
    denied = ("--deny-principal", PRINCIPAL, "--operation", "Write", "--topic", there)
    grant(lab, target, *denied)

    def refused():
        run = lab.shunt("plan", config, "--json")
        return run.wait(60) == 1 and json.dumps(run.summary())

    said = lab.eventually(refused, 60, "the right is missed")
    assert f"permission Write on topic {there}" in said and "kafka-acls.sh" in said, said
    revoke(lab, target, *denied)
    lab.eventually(lambda: lab.shunt("plan", config).wait(60) == 0, 60, "the right is there again")
    run = lab.shunt("run", config, "--until-caught-up", "--json")
    assert run.wait(60) == 0, run.log_text()
    assert rights(lab, target) == {
        ("TOPIC", topic, "LITERAL", "User:alice", "READ", "ALLOW"),
        ("TOPIC", topic, "LITERAL", "User:carol", "READ", "ALLOW"),
    }
