"""`shunt failover` and `shunt failback`: clients move over and back again without a record lost or read twice, judged by Kafka's
own clients and by kcat; what would be lost is named, and nothing is decided then; a mirror of a flow that has failed over
writes nothing. (failover_names_test.py: where names or offsets differ.)"""

import re

from groups_test import commit, end_member, groups_of, start_member
from harness import integration
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
def a_mirror_that_runs_forwards_nothing_of_what_comes_behind_a_failover(lab):
    """Whatever the source is given once `failover` has ended stays there: where the mark's topic is new, where it was there
    already, and where its leader was away meanwhile."""
    source, target = lab.cluster("source"), lab.cluster("target")
    both = {"source": source, "target": target}
    orders = lab.load(source, topic="orders", records=50)
    config = lab.config([orders], **both)
    written = 50
    for is_restarted in (False, False, True):
        service = lab.start_mirror([orders], **both)
        lab.until_level([orders], source, target)
        if is_restarted:
            target.broker(1).restart()
            lab.load(source, topic="orders", records=10, start=written)
            written += 10
            lab.until_level([orders], source, target)
        said, _ = decide(lab, "failover", config, 0)
        assert said["done"] and said["late"] == [] and said["partitions"][0]["target_end"] == written, said
        lab.load(source, topic="orders", records=10, start=written)
        lab.eventually(
            lambda: service.metrics("shunt_conditions_total", condition="failed.over") > 0, 30, "the service has noticed"
        )
        service.drain(code=1)
        assert lab.ends(target, [orders]) == {(orders, 0): written}
        written += 10
        # Forwards again, with what the target did not get.
        said, _ = decide(lab, "failback", config, 0, "--force")
        assert said["done"] and not is_marked(lab, target), said
    mirror(lab, config)
    lab.assert_identical([orders], **both)


@integration(timeout_seconds=300)
def what_is_written_while_a_flow_fails_over_is_named(lab):
    source, target = lab.cluster("source"), lab.cluster("target")
    both = {"source": source, "target": target}
    busy, calm = topics = lab.load_all([{"topic": name, "records": 100} for name in ("busy", "calm")], source)
    service = lab.start_mirror(topics, **both)
    lab.until_level(topics, source, target)
    load = lab.start_load(source, topic="busy", records=50_000_000, start=100, flush="1..1")
    lab.eventually(lambda: lab.ends(target, [busy])[busy, 0] > 100, 60, "it is mirrored")
    said, text = decide(lab, "failover", lab.config(topics, **both), 0, "--force")
    load.kill()
    load.wait()
    lab.eventually(
        lambda: service.metrics("shunt_conditions_total", condition="failed.over") > 0, 30, "the service has noticed"
    )
    service.drain(code=1)
    (late,) = said["late"]
    (seen,) = (one for one in said["partitions"] if one["topic"] == busy)
    came = re.search(r"producers still write to it: offsets? (?:\d+ to )?(\d+) ", seen["problem"])
    looked_to = int(came[1]) + 1 if came else seen["source_end"]
    end = lab.ends(target, [busy])[busy, 0]
    assert (late["topic"], late["target_topic"], late["partition"]) == (busy, busy, 0), said
    assert late["source_offset"] == looked_to and late["source_count"] > 0, (late, seen)
    assert late["source_offset"] + late["source_count"] <= lab.ends(source, [busy])[busy, 0], late
    # The mirror that ran has stopped there: the rest is what clients do not find on the target.
    assert late["missing_offset"] == max(end, looked_to) and late["missing_count"] > 0, (late, end)
    assert late["missing_offset"] + late["missing_count"] == late["source_offset"] + late["source_count"], late
    assert late["target_offset"] == seen["target_end"] and late["target_offset"] + late["target_count"] == end, (late, end)
    assert re.search(rf"LATE  {re.escape(busy)}-0: .* source was given offsets {looked_to} to ", text), text
    assert f"of which target has not got offsets {late['missing_offset']} to " in text, text
    assert f"LATE  {calm}" not in text, text


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
