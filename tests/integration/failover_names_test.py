"""`shunt failover` where names or offsets differ on the target: clients move over without a record lost or read twice, judged by
Kafka's own clients; such a flow is not mirrored back, and says so; without its mark it goes forwards again."""

import re

from failover_test import GROUPS, decide, is_marked, left, mirror, read_on, refused
from groups_test import commit, two_into_one
from harness import integration
from mapped_test import FOREIGN, MAPPED, ours, records, write_foreign
from take_over_test import DEFAULT_POLICY


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

    # Producers write beside it, where the group reads on; and one does not, which is named.
    lab.load(target, topic="plain", records=20, partitions=2, start=900)
    both_names = [argument for name in (there[0], plain) for argument in ("--topic", name)]
    more = lab.judge("consume", "--bootstrap", target.bootstrap, "--group", group, *both_names, "--reset", "earliest")
    assert sorted((one["partition"], one["offset"]) for one in more["records"]) == [
        (f"{plain}-{index}", offset) for index in (0, 1) for offset in range(10)
    ], more
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


@integration(timeout_seconds=300)
def a_topic_that_came_over_two_hops_has_consumers_and_no_producers(lab):
    """other->source->target, by MirrorMaker 2's default names."""
    other, source, target = lab.cluster("other"), lab.cluster("source"), lab.cluster("target")
    remote = lab.load(other, topic="remote", records=80)
    own = lab.load(source, topic="own.with.dots", records=40)
    names = {**GROUPS, "replication.policy.class": DEFAULT_POLICY}
    checkpoints = {"emit.checkpoints.enabled": "true", "checkpoints.topic.replication.factor": 1}
    commit(lab, other, {f"{lab.name}.others": {(remote, 0): 7}})

    def bring(alias):
        """By a file of the flow other->alias alone."""
        mirror(lab, lab.config([remote], source=source, target=target, settings={
            **names, **checkpoints, "clusters": f"other, {alias}", "other.bootstrap.servers": other.bootstrap,
            "source->target.enabled": "false", f"other->{alias}.enabled": "true",
            f"other->{alias}.topics": re.escape(remote)}))  # fmt: skip

    bring("source")
    first = f"other.{remote}"
    second = f"source.{first}"
    group = f"{lab.name}.group"
    commit(lab, source, {group: {(first, 0): 0, (own, 0): 0}})
    read = read_on(lab, source, group, [first, own], 50)
    moves = (
        rf"  topic {re.escape(first)}: consumers subscribe to {re.escape(second)}; no producer writes to it: a mirror has "
        rf"brought it to source from other, and what other is given from now on a flow other->target brings to target"
    )
    # Of the file's own clusters it is known, and of others by what their mirrors keep on the source.
    told = lab.config([first, own], source=source, target=target, settings={
        **names, "clusters": "source, target, other", "other.bootstrap.servers": other.bootstrap})  # fmt: skip
    untold = lab.config([first, own], source=source, target=target, settings=names)
    expected = {(first, second, None, "other"), (own, f"source.{own}", own, None)}
    for config, options, code in ((told, ("--dry-run", "--force"), 1), (untold, (), 0)):
        said, text = decide(lab, "failover", config, code, *options)
        assert {
            (one["topic"], one["target_topic"], one["producer_topic"], one["origin"]) for one in said["partitions"]
        } == expected, said
    assert said["done"] and said["clean"] and re.search(moves, text), text
    assert f"topic {own}: consumers subscribe to source.{own}, and to {own} for what comes; producers write to {own}\n" in text
    # The group goes on behind what it has read, and what the last cluster is given comes under the first one's name.
    read += [(where.removeprefix("source."), *rest) for where, *rest in read_on(lab, target, group, [second, f"source.{own}"])]
    for topic, count in ((first, 80), (own, 40)):
        assert [offset for where, offset, _ in read if where == f"{topic}-0"] == list(range(count)), topic
    lab.load(other, topic="remote", records=20, start=80)
    bring("target")
    whole = records(lab, target, first)
    assert whole == records(lab, other, remote) and whole[:80] == records(lab, target, second)


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
        **two_into_one(other, one, two, merged),
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
    # Without that topic the others can fail back.
    without = lab.config(topics, settings={**settings, "topics.exclude": re.escape(shared)}, source=source, target=target)
    said, _ = decide(lab, "failback", without, 0, "--dry-run")
    assert said["clean"] and list(offsets(said)) == [level], said
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


@integration(timeout_seconds=180)
def a_name_that_is_cut_keeps_a_flow_from_failing_back(lab):
    """No key says so, but the topics that there are."""
    source, target = lab.cluster("source"), lab.cluster("target")
    long = lab.load(source, topic="n" * 140, records=30)
    cut = long[:128]
    group = f"{lab.name}.group"
    commit(lab, source, {group: {(long, 0): 10}})
    config = lab.config(
        [long], settings={**GROUPS, "shunt.metadata.policy": "conservative"}, source=source, target=target
    )
    said, text = decide(lab, "failover", config, 0)
    assert said["clean"] and said["no_way_back"] == f"{long} is called {cut} on target", said
    assert f"topic {long}: consumers subscribe to {cut}; producers write to {cut}\n" in text, text
    assert [offset for _, offset, _ in read_on(lab, target, group, [cut])] == list(range(10, 30))
    assert f"{long} is called {cut} on target; " in refused(lab, "failback", config, 1) and is_marked(lab, target)
    said, _ = decide(lab, "failback", config, 0, "--force")
    assert said["done"] and not is_marked(lab, target), said
    lab.load(source, topic="n" * 140, records=5, start=30)
    assert mirror(lab, config)["records"] == 5
