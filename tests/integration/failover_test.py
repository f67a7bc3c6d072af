"""`shunt failover` and `shunt failback`: clients move over and back again without a record lost or read twice, judged by Kafka's
own clients and by kcat, and over alone where names or offsets differ; what would be lost is named, and nothing is decided
then; a mirror of a flow that has failed over writes nothing."""

import re

from groups_test import commit, end_member, groups_of, start_member
from harness import integration
from mapped_test import FOREIGN, MAPPED, ours, records, write_foreign
from take_over_test import DEFAULT_POLICY

GROUPS = {"sync.group.offsets.enabled": "true", "sync.group.offsets.interval.seconds": 1}
MARKS = "mm2-failovers.source.internal"


def decide(lab, command, config, code, *options):
    """The JSON of a failover or failback that must end with this code, and what it said to people."""
    run = lab.shunt(command, config, "--json", *options)
    ended = run.wait(120)
    assert ended == code, f"{command} ended with {ended}: {run.log_text()[-4000:]}"
    return run.summary(), run.log_text()


def refused(lab, command, config, code, *options):
    run = lab.shunt(command, config, *options)
    assert run.wait(60) == code, run.log_text()
    return run.log_text()


def mirror(lab, config, code=0):
    run = lab.shunt("run", config, "--until-caught-up", "--json")
    ended = run.wait(120)
    assert ended == code, f"run ended with {ended}: {run.log_text()[-4000:]}"
    return run.summary()


def read_on(lab, cluster, group, topics, records=None):
    """[(partition, offset, content)] that a consumer of the group reads next; it commits and ends."""
    said = lab.judge(
        "consume", "--bootstrap", cluster.bootstrap, "--group", group,
        *(argument for topic in topics for argument in ("--topic", topic)),
        *(["--records", records] if records else []),
    )  # fmt: skip
    return [(record["partition"], record["offset"], record["content"]) for record in said["records"]]


def contents(lab, cluster, topics):
    """{(topic, partition): what kcat reads}, offsets and times included."""
    known = cluster.metadata()["topics"]
    return {(topic, index): lab.dump(cluster, topic, index) for topic in topics for index in known[topic]}


def assert_same_to_readers(lab, topic, source, target):
    """Offsets, times, keys and values that kcat reads of what was committed; aborted records may be on either side."""
    here, there = (
        lab.kcat(
            cluster, "-C", "-q", "-e", "-t", topic, "-o", "beginning", "-X", "isolation.level=read_committed",
            "-f", r"%o %T %h %K %S %k %s\n",
        )
        for cluster in (source, target)
    )  # fmt: skip
    assert here == there and here, topic


def is_marked(lab, cluster):
    """The newest record of the flow's mark holds something."""
    said = lab.kcat(cluster, "-C", "-q", "-e", "-t", MARKS, "-o", "beginning", "-f", "%k\t%S\n").decode()
    sizes = [line.split("\t")[1] for line in said.splitlines() if line.startswith("source->target\t")]
    return bool(sizes) and sizes[-1] != "-1"


def left(said):
    return {
        f"{entry['topic']}-{entry['partition']}": entry["problem"] for entry in said["partitions"] if entry["problem"]
    }


@integration(timeout_seconds=600)
def clients_move_over_and_back_and_over_again(lab):
    source, target = lab.cluster("source"), lab.cluster("target")
    both = {"source": source, "target": target}
    plain, committed, aborted = topics = lab.load_all(
        [
            {"topic": "plain", "records": 300, "partitions": 2, "codec": "lz4"},
            {"topic": "committed", "records": 120, "transaction": 30},
            {"topic": "aborted", "records": 90, "transaction": 30, "abort": 3},  # its last ones
        ],
        source,
    )
    group = f"{lab.name}.readers"
    commit(lab, source, {group: {(plain, 0): 0, (plain, 1): 0, (committed, 0): 0, (aborted, 0): 0}})
    read = read_on(lab, source, group, topics, 100)
    service = lab.start_mirror(topics, settings=GROUPS, **both)
    config = lab.config(topics, settings={**GROUPS, "refresh.topics.interval.seconds": 1}, **both)
    lab.until_level(topics, source, target)
    written = 300

    def write(cluster, count):
        nonlocal written
        lab.load_all(
            [
                {"topic": "plain", "records": count, "partitions": 2, "start": written, "codec": "zstd"},
                {"topic": "committed", "records": count, "transaction": 10, "start": written},
                {"topic": "aborted", "records": count, "transaction": 5, "abort": count // 5, "start": written},
            ],
            cluster,
        )
        written += count

    def moved_to(cluster, count):
        """The group goes on there."""
        nonlocal read
        read += read_on(lab, cluster, group, topics, count)

    for circle in range(2):
        # Over: all that producers have written, and where the group is.
        write(source, 40)
        said, text = decide(lab, "failover", config, 0)
        assert said["done"] and said["clean"] and not left(said), said
        assert is_marked(lab, target)
        assert f"bootstrap.servers = {target.bootstrap}" in text and f"group {group} goes on there" in text, text
        lab.assert_identical([plain], **both)
        assert_same_to_readers(lab, aborted, **both)
        lab.assert_identical([committed], batches=False, isolation="read_committed", **both)
        assert lab.ends(source, topics) == lab.ends(target, topics)
        if circle == 0:
            # The service that runs stops, and one that is started again does not begin.
            lab.eventually(
                lambda: "failed over to target at" in service.log_text()
                and service.metrics("shunt_conditions_total", condition="failed.over") > 0,
                30, "the service has noticed",
            )  # fmt: skip
            service.drain(code=1)
            assert "shunt failback FILE brings it back" in service.log_text()
        moved_to(target, 70)
        write(target, 30)
        before = contents(lab, target, topics), groups_of(lab, target)
        summary = mirror(lab, config, code=1)
        assert summary["records"] == 0 and "failed over to target at" in summary["failures"][0]["reason"], summary
        assert (contents(lab, target, topics), groups_of(lab, target)) == before
        assert "already" in refused(lab, "failover", config, 1)

        # Back: what the target was given meanwhile, and nothing that both had.
        said, _ = decide(lab, "failback", config, 1, "--dry-run")
        assert len(left(said)) == 4 and not said["done"], said
        said, text = decide(lab, "failback", config, 0)
        assert said["done"] and said["records"] == 30 + 30 + 25, said
        assert not is_marked(lab, target)
        assert lab.ends(source, topics) == lab.ends(target, topics)
        here, there = contents(lab, source, [plain]), contents(lab, target, [plain])
        assert here == there
        assert_same_to_readers(lab, aborted, **both)
        lab.assert_identical([committed], source=target, target=source, batches=False, isolation="read_committed")
        moved_to(source, 50)

        # And forwards again, from where both are.
        write(source, 25)
        summary = mirror(lab, config)
        assert summary["records"] == 25 + 25 + 20 and not summary["failures"], summary
        lab.assert_identical([plain], batches=False, **both)
        assert_same_to_readers(lab, aborted, **both)
        lab.assert_identical([committed], batches=False, isolation="read_committed", **both)
        assert lab.ends(source, topics) == lab.ends(target, topics)

    # Whatever cluster the group was reading from: each record once, in order.
    read += read_on(lab, source, group, topics)
    for partition in (f"{plain}-0", f"{plain}-1", f"{committed}-0", f"{aborted}-0"):
        offsets = [offset for where, offset, _ in read if where == partition]
        assert offsets == sorted(set(offsets)), (partition, offsets)
        topic, index = partition.rsplit("-", 1)
        all_there = [
            int(line.split()[0]) for line in lab.kcat(
                source, "-C", "-q", "-e", "-t", topic, "-p", index, "-o", "beginning",
                "-X", "isolation.level=read_committed", "-f", "%o\n",
            ).decode().splitlines()
        ]  # fmt: skip
        assert offsets == all_there, partition
        by_offset = {offset: content for where, offset, content in read if where == partition}
        assert len(set(map(str, by_offset.values()))) == len(by_offset), f"{partition} holds a record twice"
    assert len(read) == 300 + 120 + 60 + (written - 300) * 3 - 2 * 3 * 5


@integration(timeout_seconds=300)
def what_would_be_lost_is_named_and_nothing_is_decided(lab):
    source, target = lab.cluster("source"), lab.cluster("target")
    both = {"source": source, "target": target}
    level, foreign, behind = topics = lab.load_all(
        [{"topic": name, "records": 20} for name in ("level", "foreign", "behind")], source
    )
    lab.load(target, topic="foreign", records=3, seed=5)
    config = lab.config(topics, settings=GROUPS, **both)
    group, at_work, ahead = (f"{lab.name}.{name}" for name in ("group", "at-work", "ahead"))
    commit(lab, source, {group: {(level, 0): 5}, at_work: {(level, 0): 2}, ahead: {(level, 0): 3}})
    mirror(lab, config, code=1)
    commit(lab, target, {ahead: {(level, 0): 11}})
    lab.load(source, topic="behind", records=7, start=20)
    member, _ = start_member(lab, source, at_work, level, "classic")
    # Nothing is copied by looking.
    said, text = decide(lab, "failover", config, 1, "--dry-run")
    assert lab.ends(target, [behind]) == {(behind, 0): 20} and MARKS not in target.metadata()["topics"]
    problems = left(said)
    assert set(problems) == {f"{foreign}-0", f"{behind}-0"}, problems
    assert problems[f"{behind}-0"] == "offsets 20 to 26 (7 of them) would be lost", problems
    assert "written by others" in problems[f"{foreign}-0"] and "17 of them" in problems[f"{foreign}-0"], problems
    groups = {entry["group"]: entry["problem"] for entry in said["groups"]}
    assert not groups[group] and "members on the source" in groups[at_work] and "at 11 on target" in groups[ahead], groups
    assert "--force goes ahead all the same" in text, text
    said, text = decide(lab, "failover", config, 1)
    assert set(left(said)) == {f"{foreign}-0"} and not said["done"], said
    assert MARKS not in target.metadata()["topics"]
    end_member(member)
    # With --force the flow has failed over, with all that was named.
    said, text = decide(lab, "failover", config, 0, "--force")
    assert said["done"] and said["forced"] and not said["clean"], said
    assert is_marked(lab, target)
    assert "failed over" in lab_plan(lab, config)
    # A flow that is not failed over cannot be brought back, and names and offsets must be the same.
    assert "has not failed over" in refused(lab, "failback", lab.config([level], source=target, target=source), 1)
    for key, value in (("replication.policy.class", DEFAULT_POLICY), ("shunt.offsets", "mapped")):
        said = refused(lab, "failback", lab.config(topics, settings={key: value}, **both), 2)
        assert said.startswith(f"shunt: {key}: ") and "shunt failback FILE --force takes the mark" in said, said
    assert is_marked(lab, target)


def lab_plan(lab, config):
    run = lab.shunt("plan", config)
    assert run.wait(60) == 1, run.log_text()
    return run.output.read_text()


@integration(timeout_seconds=300)
def a_source_that_is_gone_takes_force_and_its_lost_records_are_named(lab):
    source, target = lab.cluster("source"), lab.cluster("target")
    both = {"source": source, "target": target}
    whole, torn = topics = lab.load_all([{"topic": "whole", "records": 50}, {"topic": "torn", "records": 50}], source)
    settings = {
        **GROUPS, "emit.checkpoints.enabled": "true", "emit.checkpoints.interval.seconds": 1,
        "checkpoints.topic.replication.factor": 1, "emit.heartbeats.enabled": "true",
        "heartbeats.topic.replication.factor": 1,
    }  # fmt: skip
    group = f"{lab.name}.group"
    commit(lab, source, {group: {(whole, 0): 30}})
    config = lab.config(topics, settings=settings, **both)
    mirror(lab, config)
    lab.load(source, topic="torn", records=8, start=50)  # which the target never gets
    source.broker(1).kill()
    said, text = decide(lab, "failover", config, 1)
    assert not said["source_reachable"] and not said["done"], said
    ends = {entry["topic"]: entry["target_end"] for entry in said["partitions"]}
    assert ends == {whole: 50, torn: 50}, said
    assert said["last_heartbeat_ms"] and said["last_checkpoint_ms"], said
    assert [(entry["group"], entry["target_offset"]) for entry in said["groups"]] == [(group, 30)], said
    assert "the source cannot be asked" in text, text
    said, _ = decide(lab, "failover", config, 0, "--force")
    assert said["done"] and is_marked(lab, target), said
    lab.load_all([{"topic": "whole", "records": 5, "start": 50}, {"topic": "torn", "records": 20, "start": 500}], target)
    source.broker(1).restart()
    # The old source is back: what it alone has is named, and is not overwritten.
    before = lab.dump(source, torn)
    said, text = decide(lab, "failback", config, 1)
    assert set(left(said)) == {f"{torn}-0"}, said
    assert any(re.search(rf"{re.escape(torn)}-0: source has offsets 50 to 57 \(8 of them\)", p) for p in said["problems"]), said
    assert lab.dump(source, torn) == before and is_marked(lab, target)
    lab.assert_identical([whole], source=target, target=source)
    # As it is said: the records are saved, the topic is deleted there, and all of it is mirrored back.
    source.delete_topic(torn)
    said, _ = decide(lab, "failback", config, 0)
    assert said["done"] and not is_marked(lab, target), said
    lab.assert_identical(topics, source=target, target=source)
    lab.load(source, topic="torn", records=10, start=900)
    mirror(lab, config)
    lab.assert_identical(topics, batches=False, **both)


@integration(timeout_seconds=180)
def an_open_transaction_and_producers_at_work_are_seen(lab):
    open_one, busy = lab.load_all([{"topic": name, "records": 100} for name in ("open", "busy")])
    # A producer that dies in its transaction: the broker keeps it open for a minute.
    load = lab.start_load(topic="open", records=2_000_000, start=100, transaction=2_000_000)
    lab.eventually(
        lambda: lab.ends(lab.source, [open_one], "read_uncommitted")[open_one, 0] > 100, 60, "it has written"
    )
    load.kill()
    load.wait()
    said, _ = decide(lab, "failover", lab.config([open_one]), 1)
    problem = left(said)[f"{open_one}-0"]
    assert problem.startswith("a transaction is open: offsets 100 to ") and "would be lost" in problem, problem
    assert lab.ends(lab.target, [open_one]) == {(open_one, 0): 100}
    load = lab.start_load(topic="busy", records=50_000_000, start=100, flush="1..1")
    lab.eventually(lambda: lab.ends(lab.source, [busy])[busy, 0] > 100, 60, "it writes")
    said, _ = decide(lab, "failover", lab.config([busy]), 1)
    assert "would be lost" in left(said)[f"{busy}-0"] or "producers still write" in left(said)[f"{busy}-0"], said
    load.kill()
    load.wait()
    assert MARKS not in lab.target.metadata()["topics"] or not is_marked(lab, lab.target)


@integration(timeout_seconds=300)
def of_two_flows_only_the_one_that_is_named_fails_over(lab):
    """A topic each, to a target each; one group reads both."""
    source, target, other = lab.cluster("source"), lab.cluster("target"), lab.cluster("other")
    moving, staying = lab.load_all([{"topic": name, "records": 50} for name in ("moving", "staying")], source)
    group = f"{lab.name}.group"
    commit(lab, source, {group: {(moving, 0): 20, (staying, 0): 20}})
    settings = {
        **GROUPS,
        "clusters": "source, target, other",
        "other.bootstrap.servers": other.bootstrap,
        "source->other.enabled": "true",
        "source->other.topics": re.escape(staying),
    }
    two_flows = {"source": source, "target": target, "settings": settings}
    config = lab.config([moving], **two_flows)
    named = ("--flow", "source->target")

    def at(cluster, topic):
        return groups_of(lab, cluster)[group][f"{topic}-0"]["offset"]

    # Which one is meant must be said, and must be in the file; commands that are about all flows do not take it.
    for command in ("failover", "failback"):
        said = refused(lab, command, config, 2)
        assert "the file has 2 enabled flows; say which with --flow: source->target, source->other" in said, said
        for unknown in ("target->source", "source", "source->nowhere"):
            said = refused(lab, command, config, 2, "--flow", unknown)
            assert f"--flow {unknown}: the enabled flows are source->target, source->other" in said, said
    for command in ("run", "plan", "check", "verify", "groups"):
        assert "--flow" in refused(lab, command, config, 2, *named)
    assert not [topic for cluster in (target, other) for topic in cluster.metadata()["topics"]]

    service = lab.start_mirror([moving], **two_flows)
    lab.until_level([moving], source, target)
    lab.until_level([staying], source, other)
    lab.load_all([{"topic": name, "records": 30, "start": 50} for name in ("moving", "staying")], source)
    commit(lab, source, {group: {(moving, 0): 60, (staying, 0): 60}})
    said, text = decide(lab, "failover", config, 0, *named)
    assert said["done"] and said["flow"] == "source->target", said
    assert {entry["topic"] for key in ("partitions", "groups") for entry in said[key]} == {moving}, said
    assert f"bootstrap.servers = {target.bootstrap}" in text and other.bootstrap not in text, text
    assert is_marked(lab, target) and MARKS not in other.metadata()["topics"]
    assert lab.ends(target, [moving]) == {(moving, 0): 80} and at(target, moving) == 60
    # The service ends this flow, and goes on with the other, groups and all.
    ended = {"target": "target", "condition": "failed.over"}
    lab.eventually(lambda: service.metrics("shunt_conditions_total", **ended) > 0, 30, "the service has noticed")
    lab.load(source, topic="staying", records=15, start=80)
    commit(lab, source, {group: {(staying, 0): 90}})
    lab.until_level([staying], source, other)
    lab.eventually(lambda: at(other, staying) == 90, 30, "the group has followed")
    assert service.metrics("shunt_conditions_total", target="other", condition="failed.over") == 0
    # A dry run for the other one finds nothing left; that it has not failed over is known, too.
    said, _ = decide(lab, "failover", config, 0, "--flow", "source->other", "--dry-run")
    assert said["clean"] and said["flow"] == "source->other" and not said["done"], said
    assert "source->other has not failed over" in refused(lab, "failback", config, 1, "--flow", "source->other")
    # Back again: what the target was given, and nothing else.
    lab.load(target, topic="moving", records=10, start=80)
    commit(lab, target, {group: {(moving, 0): 85}})
    said, _ = decide(lab, "failback", config, 0, *named)
    assert said["done"] and said["flow"] == "target->source" and said["records"] == 10, said
    assert not is_marked(lab, target) and at(source, moving) == 85 and at(source, staying) == 90
    lab.assert_identical([moving], source=source, target=target)
    lab.load_all([{"topic": "moving", "records": 5, "start": 90}, {"topic": "staying", "records": 5, "start": 95}], source)
    lab.until_level([staying], source, other)
    service.drain(code=1)
    assert mirror(lab, config)["records"] == 5
    lab.assert_identical([moving], source=source, target=target, batches=False)
    lab.assert_identical([staying], source=source, target=other)


def stops(lab, service):
    """A service that mirrors this flow alone."""
    lab.eventually(lambda: service.metrics("shunt_conditions_total", condition="failed.over") > 0, 30, "it has noticed")
    service.drain(code=1)


def forwards_again(lab, config, target, reason):
    """The mark is taken away, and nothing else is done."""
    said = refused(lab, "failback", config, 2, "--flow", "source->target")
    assert reason in said and "shunt failback FILE --force takes the mark" in said, said
    decide(lab, "failback", config, 1, "--flow", "source->target", "--force", "--dry-run")
    assert is_marked(lab, target)
    said, text = decide(lab, "failback", config, 0, "--flow", "source->target", "--force")
    assert said["done"] and said["flow"] == "source->target" and said["records"] == 0, said
    assert "Nothing was mirrored back" in text and not is_marked(lab, target), text
    assert "has not failed over" in refused(lab, "failback", config, 1, "--flow", "source->target", "--force")
    return said["problems"]


def backwards(lab, source, target, topics, settings):
    """A file of the flow target->source alone."""
    selected = ", ".join(re.escape(topic) for topic in topics)
    directions = {"source->target.enabled": "false", "target->source.enabled": "true", "target->source.topics": selected}
    return lab.config(topics, source=source, target=target, settings={**settings, **directions})


@integration(timeout_seconds=400)
def clients_move_over_to_other_names(lab):
    """Those of MirrorMaker 2's default: what was mirrored is read on there, and what comes is written beside it."""
    source, target = lab.cluster("source"), lab.cluster("target")
    settings = {**GROUPS, "replication.policy.class": DEFAULT_POLICY}
    both = {"source": source, "target": target, "settings": settings}
    plain, committed = topics = lab.load_all(
        [{"topic": "plain", "records": 200, "partitions": 2}, {"topic": "committed", "records": 120, "transaction": 30}],
        source,
    )
    there = [f"source.{topic}" for topic in topics]
    group = f"{lab.name}.readers"
    commit(lab, source, {group: {(plain, 0): 0, (plain, 1): 0, (committed, 0): 0}})
    config = lab.config(topics, **both)
    mirror(lab, config)
    read = read_on(lab, source, group, topics, 150)
    before = lab.ends(source, topics)
    lab.load_all(
        [
            {"topic": "plain", "records": 60, "partitions": 2, "start": 200},
            {"topic": "committed", "records": 30, "start": 120, "transaction": 30, "abort": 2},
        ],
        source,
    )
    after = lab.ends(source, topics)
    said, text = decide(lab, "failover", config, 1, "--dry-run")
    assert left(said) == {
        f"{topic}-{index}": f"offsets {before[topic, index]} to {end - 1} ({end - before[topic, index]} of them) would be lost"
        for (topic, index), end in after.items()
    }, (left(said), before, after)

    assert "It could not be mirrored back (replication.policy.class: " in text and said["no_way_back"] in text, text
    service = lab.start_mirror(topics, **both)
    lab.eventually(lambda: list(lab.ends(target, there).values()) == list(after.values()), 60, "all is copied")
    said, text = decide(lab, "failover", config, 0)
    assert said["done"] and said["clean"] and is_marked(lab, target), said
    assert {(one["target_topic"], one["producer_topic"], one["offsets"]) for one in said["partitions"]} == {
        (there[0], plain, "identical"), (there[1], committed, "identical"),
    }, said  # fmt: skip
    assert {(one["topic"], one["target_topic"]) for one in said["groups"]} == set(zip(topics, there)), said
    for topic, name in zip(topics, there):
        line = f"topic {topic}: consumers subscribe to {name}, and to {topic} for what comes; producers write to {topic}\n"
        assert line in text, text
    assert "it cannot be mirrored back (replication.policy.class: " in text and f"{there[0]}-0 at " in text, text
    stops(lab, service)

    # The group goes on at exactly the next record.
    read += [(where.removeprefix("source."), *rest) for where, *rest in read_on(lab, target, group, there)]
    for topic, index in after:
        here = [offset for offset, _ in records(lab, source, topic, index)]
        assert [offset for where, offset, _ in read if where == f"{topic}-{index}"] == here, (topic, index)
        assert records(lab, target, f"source.{topic}", index) == records(lab, source, topic, index)
    assert len({(where, str(content)) for where, _, content in read}) == len(read) == 200 + 120 + 60 + 30

    # Producers write beside it; and one does not, which is named.
    lab.load(target, topic="plain", records=20, partitions=2, start=900)
    write_foreign(lab, there[1], 0, 3, target=target)
    problems = forwards_again(lab, config, target, "replication.policy.class: ")
    end = after[committed, 0]
    assert problems == [f"{there[1]}-0: target was given offsets {end} to {end + 2} (3 of them) since"], problems
    # Forwards again, from where both are, but for the topic that others have written.
    lab.load_all([{"topic": "plain", "records": 40, "partitions": 2, "start": 260}], source)
    summary = mirror(lab, config, code=1)
    assert summary["records"] == 40 and [one["topic"] for one in summary["failures"]] == [committed], summary
    for index in (0, 1):
        assert records(lab, target, there[0], index) == records(lab, source, plain, index)
    lab.load(source, topic="committed", records=30, start=150)
    goes_on = lab.config(topics, **{**both, "settings": {
        **settings, "shunt.on.foreign.writer": "continue", "offset-syncs.topic.replication.factor": 1}})  # fmt: skip
    assert mirror(lab, goes_on)["records"] == 30
    assert [rest for _, rest in ours(records(lab, target, there[1]))] == [rest for _, rest in records(lab, source, committed)]
    # What producers have written there a flow of its own brings over.
    mirror(lab, backwards(lab, source, target, [plain], settings))
    for index in (0, 1):
        assert records(lab, source, f"target.{plain}", index) == records(lab, target, plain, index) != []

    # Of a source that is gone the target tells under both names.
    source.broker(1).kill()
    said, text = decide(lab, "failover", config, 1)
    ends = lab.ends(target, there)
    assert {(one["topic"], one["target_topic"], one["partition"]): one["target_end"] for one in said["partitions"]} == {
        (name.removeprefix("source."), name, index): end for (name, index), end in ends.items()
    }, said
    assert f"{there[0]}-0 ends at {ends[there[0], 0]} on target\n" in text, text


@integration(timeout_seconds=400)
def clients_move_over_where_offsets_are_mapped(lab):
    """Topics of two clusters are merged into one, which others write, too; one flow fails over, and goes forwards again."""
    source, other, target = lab.cluster("source"), lab.cluster("other"), lab.cluster("target")
    one, two = lab.topic("one"), lab.topic("two")
    merged = lab.topic("merged")
    target.create_topic(merged, partitions=2)
    write_foreign(lab, merged, 0, 7, target=target)
    lab.load(source, topic="one", records=300, partitions=2, transaction=20, abort=4)
    lab.load(other, topic="two", records=150, partitions=2, seed=5)
    settings = {
        **GROUPS, **MAPPED, "offset-syncs.topic.replication.factor": 1,
        "clusters": "source, other, target",
        "other.bootstrap.servers": other.bootstrap,
        "other->target.enabled": "true",
        "other->target.topics": re.escape(two),
        "source->target.shunt.topic.mapping": f"{one}:{merged}",
        "other->target.shunt.topic.mapping": f"{two}:{merged}",
    }  # fmt: skip
    flows = {"source": source, "target": target, "settings": settings}
    config, named = lab.config([one], **flows), ("--flow", "source->target")
    group, anothers = f"{lab.name}.group", f"{lab.name}.anothers"
    commit(lab, source, {group: {(one, 0): 0, (one, 1): 0}})
    commit(lab, other, {anothers: {(two, 0): 30, (two, 1): 40}})
    # Nothing is there yet: all of it would be lost.
    before = lab.ends(source, [one])
    said, _ = decide(lab, "failover", config, 1, "--dry-run", *named)
    assert {row["partition"]: (row["offsets"], row["left"]) for row in said["partitions"]} == {
        index: ("mapped", end) for (_, index), end in before.items()
    }, said
    mirror(lab, config)
    said, _ = decide(lab, "failover", config, 0, "--dry-run", *named)
    assert said["clean"] and not left(said), said

    read = read_on(lab, source, group, [one], 100)
    write_foreign(lab, merged, 1, 5, first=7, target=target)
    lab.load(source, topic="one", records=60, partitions=2, start=300, transaction=15)
    lab.load(other, topic="two", records=30, partitions=2, seed=5, start=150)
    after = lab.ends(source, [one])
    said, _ = decide(lab, "failover", config, 1, "--dry-run", *named)
    assert left(said) == {
        f"{one}-{index}": f"offsets {before[one, index]} to {end - 1} ({end - before[one, index]} of them) would be lost"
        for (_, index), end in after.items()
    }, (left(said), before, after)

    service = lab.start_mirror([one], **flows)
    said, text = decide(lab, "failover", config, 0, *named)
    assert said["done"] and said["clean"] and is_marked(lab, target), said
    assert [(row["target_topic"], row["producer_topic"], row["offsets"], row["copied_to"]) for row in said["partitions"]] == [
        (merged, merged, "mapped", end) for end in after.values()
    ], said
    assert f"topic {one}: consumers subscribe to {merged}; producers write to {merged}\n" in text, text
    assert "it cannot be mirrored back (shunt.topic.mapping: " in text, text
    ended = {"source": "source", "condition": "failed.over"}
    lab.eventually(lambda: service.metrics("shunt_conditions_total", **ended) > 0, 30, "the service has noticed")

    service.drain(code=1)

    # The group goes on at exactly the next record, and reads what others write there, too.
    everything = f"{lab.name}.everything"
    commit(lab, source, {everything: {(one, 0): 0, (one, 1): 0}})
    mine = {str(content): where for where, _, content in read_on(lab, source, everything, [one])}
    there = read_on(lab, target, group, [merged])
    places = {row["partition"]: row["target_offset"] for row in said["groups"] if row["group"] == group}
    for index in (0, 1):
        here = [content for content, where in mine.items() if where == f"{one}-{index}"]
        done = [str(content) for where, _, content in read if where == f"{one}-{index}"]
        rest = [(offset, str(content)) for where, offset, content in there if where == f"{merged}-{index}"]
        assert rest[0] == (places[index], here[len(done)]), (index, rest[0], places)
        assert done + [content for _, content in rest if content in mine] == here, index

    # The other flow goes on; what it and others write to the topic is named, and stays.
    lab.load(other, topic="two", records=20, partitions=2, seed=5, start=180)
    summary = mirror(lab, config, code=1)
    assert summary["records"] == 20 and "failed over to target" in summary["failures"][0]["reason"], summary
    problems = forwards_again(lab, config, target, "shunt.topic.mapping: ")
    assert [line.split(":")[0] for line in problems] == [f"{merged}-0", f"{merged}-1"], problems
    lab.load(source, topic="one", records=40, partitions=2, start=360)
    summary = mirror(lab, config)
    assert summary["records"] == 40 and not summary["failures"], summary
    for index in (0, 1):
        here = [rest for _, rest in records(lab, source, one, index)]
        known = set(here)
        assert [rest for _, rest in records(lab, target, merged, index) if rest in known] == here, index


@integration(timeout_seconds=300)
def one_partition_with_mapped_offsets_keeps_a_flow_from_failing_back(lab):
    """Names are the same, and which partitions are mapped the maps say."""
    source, target = lab.cluster("source"), lab.cluster("target")
    level, shared = topics = lab.load_all([{"topic": name, "records": 20} for name in ("level", "shared")], source)
    target.create_topic(shared)
    write_foreign(lab, shared, 0, 3, target=target)
    settings = {**GROUPS, **MAPPED, "shunt.offsets": "auto", "offset-syncs.topic.replication.factor": 1}
    config = lab.config(topics, settings=settings, source=source, target=target)

    def offsets(said):
        return {row["topic"]: (row["offsets"], row["copied_to"], row["target_end"]) for row in said["partitions"]}

    as_they_are = {level: ("identical", 20, 20), shared: ("mapped", 20, 23)}
    said, _ = decide(lab, "failover", config, 1, "--dry-run")
    assert offsets(said) == {level: ("identical", None, None), shared: ("mapped", 0, 3)}, said
    mirror(lab, config)
    lab.load(source, topic="shared", records=5, start=20)  # which the target never gets
    source.broker(1).kill()
    said, text = decide(lab, "failover", config, 1)
    assert not said["source_reachable"] and offsets(said) == as_they_are, said
    assert f"{shared}-0 ends at 23 on target, with what source had below 20\n" in text, text
    said, text = decide(lab, "failover", config, 0, "--force")
    assert f"it cannot be mirrored back ({shared}-0 has mapped offsets on target)" in text, text
    source.broker(1).restart()
    write_foreign(lab, shared, 0, 4, first=3, target=target)
    said = refused(lab, "failback", config, 1)
    assert f"{shared}-0 has mapped offsets on target; " in said and is_marked(lab, target), said
    # A flow of its own brings over what others have written there, and nothing else.
    leaves_out = {**settings, "shunt.offsets": "mapped", "shunt.loop.prevention": "true"}
    mirror(lab, backwards(lab, source, target, [shared], leaves_out))
    assert [rest for _, rest in records(lab, source, shared)][-7:] == [
        rest for _, rest in records(lab, target, shared) if FOREIGN in rest
    ]
    said, text = decide(lab, "failback", config, 0, "--force")
    assert said["done"] and said["problems"] == [f"{shared}-0: target was given offsets 23 to 26 (4 of them) since"], said
    assert not is_marked(lab, target)
    # Forwards again: what it never got, and not what it has given.
    loop = lab.config(topics, source=source, target=target, settings={**settings, "shunt.loop.prevention": "true"})
    assert mirror(lab, loop)["records"] == 5
    said, _ = decide(lab, "failover", loop, 0, "--dry-run")
    assert offsets(said)[shared] == ("mapped", 32, 32) and not left(said), said
    assert [rest for _, rest in ours(records(lab, target, shared))] == [rest for _, rest in ours(records(lab, source, shared))]
