"""Consumer groups go on at exactly the next record on the target, wherever their offsets lie, judged by Kafka's own clients."""

import json
import re
import subprocess

from acls_test import grant, revoke
from harness import IDENTITY, ROOT, integration
from holes_test import load_transactions, until_compacted
from mapped_test import FOREIGN, records
from permissions_test import PRINCIPAL
from secured_lab import client
from take_over_test import MirrorMaker

SYNC = {
    "sync.group.offsets.enabled": "true",
    "sync.group.offsets.interval.seconds": 1,
    "emit.checkpoints.enabled": "true",
    "emit.checkpoints.interval.seconds": 1,
    "checkpoints.topic.replication.factor": 1,
}
CHECKPOINTS = "source.checkpoints.internal"


def two_into_one(other, one, two, merged):
    """Settings: a second source, of which a topic is merged with one of the first."""
    return {
        "clusters": "source, other, target",
        "other.bootstrap.servers": other.bootstrap,
        "other->target.enabled": "true",
        "other->target.topics": re.escape(two),
        "source->target.shunt.topic.mapping": f"{one}:{merged}",
        "other->target.shunt.topic.mapping": f"{two}:{merged}",
    }


def commit(lab, cluster, groups, *more):
    """{group: {(topic, partition): offset}}, committed without any member."""
    sets = [
        argument
        for group, offsets in groups.items()
        for (topic, partition), offset in offsets.items()
        for argument in ("--set", f"{group}={topic}:{partition}:{offset}")
    ]
    lab.judge("commit", "--bootstrap", cluster.bootstrap, *sets, *more)


def groups_of(lab, cluster, topics=(), isolation="read_committed"):
    """{group: {"topic-partition": {offset, left, next, in_log}}} as Kafka's own client reads them."""
    asked = [argument for topic in topics for argument in ("--topic", topic)]
    return lab.judge("groups", "--bootstrap", cluster.bootstrap, "--isolation", isolation, *asked)


def everywhere(topic, partitions, ends, step=1):
    """A group at each offset of every partition, the end included."""
    return {
        f"{topic}.{partition}.at-{offset}": {(topic, partition): offset}
        for partition in range(partitions)
        for offset in [*range(0, ends[topic, partition], step), ends[topic, partition]]
    }


def assert_same_next_records(here, there, groups):
    """So many records, beginning with this one, are left to each group on both sides."""
    for group in groups:
        assert group in there, f"{group} is not on the target"
        for partition, source in here[group].items():
            target = there[group][partition]
            assert target["in_log"], (group, partition, target)
            assert (source["left"], source["next"]) == (target["left"], target["next"]), (group, source, target)


def start_member(lab, cluster, group, topic, protocol):
    """A consumer that reads all there is, commits, and stays; (process, what it has read)."""
    member = subprocess.Popen(
        [
            str(ROOT / "tests" / "judge" / "judge"), "consume", "--bootstrap", cluster.bootstrap, "--group", group,
            "--topic", topic, "--protocol", protocol, "--hold",
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return member, json.loads(member.stdout.readline())


def end_member(member):
    member.communicate("\n", timeout=60)
    assert member.returncode == 0


def start_awkward_source(lab):
    """A cluster whose topics have holes of transactions and of compaction and a head that is gone, and groups
    everywhere in them: (cluster, topics, {group: {(topic, partition): offset}})."""
    source = lab.cluster(
        "source", properties={"log.cleaner.backoff.ms": "100", "log.cleaner.min.cleanable.ratio": "0.01"}
    )
    transactions = load_transactions(lab, source)
    headless = lab.load(source, topic="headless", records=500, flush="100..100")
    lab.delete_records(source, headless, 0, 250)
    compacted = lab.topic("compacted")
    source.create_topic(compacted, configs={"cleanup.policy": "compact", "segment.bytes": "1048576"})
    for seed in (1, 2):
        lab.load(source, topic="compacted", records=3000, size=600, seed=seed)
    lab.load(source, topic="compacted", records=2500, size=600, seed=3, start=2700)
    until_compacted(lab, source, compacted)
    topics = [*transactions, headless, compacted]
    ends = lab.ends(source, topics)
    groups = {}
    for topic in transactions:
        groups.update(everywhere(topic, 2 if topic.endswith("committed") else 1, ends, step=3))
    groups.update(everywhere(headless, 1, ends, step=25))
    groups.update(everywhere(compacted, 1, ends, step=97))
    commit(lab, source, groups)
    return source, topics, groups


@integration(timeout_seconds=300)
def groups_at_every_offset_go_on_at_the_next_record(lab):
    """Holes, heads that are gone, starts, ends, and positions past the end."""
    source, topics, groups = start_awkward_source(lab)
    target = lab.cluster("target")
    transactions, headless = topics[:-2], topics[-2]
    ends = lab.ends(source, topics)
    past = {"past-the-end": {(transactions[0], 0): 10**9}, "many": {(topic, 0): 7 for topic in topics}}
    commit(lab, source, past)
    run = lab.shunt("run", lab.config(topics, source=source, target=target, settings=SYNC), "--until-caught-up", "--json")
    assert run.wait(120) == 0, run.log_text()[-3000:]

    here, there = groups_of(lab, source, topics), groups_of(lab, target, topics)
    at_head = [group for group in groups if group.startswith(headless) and not here[group][f"{headless}-0"]["in_log"]]
    assert at_head, "no group before the log's start"
    assert_same_next_records(here, there, [*groups, "many"])
    assert there["past-the-end"][f"{transactions[0]}-0"]["offset"] == ends[transactions[0], 0]
    assert "past-the-end" in run.log_text() and "behind the end of its log" in run.log_text(), run.log_text()[-3000:]
    assert set(there) == {*groups, *past}, set(there) ^ {*groups, *past}

    # What MirrorMaker 2's own client makes of the checkpoints is where the groups are.
    asked = [*list(groups)[::40], "many", "past-the-end"]
    said = lab.judge(
        "remote", "--bootstrap", target.bootstrap, "--alias", "source", "--policy",
        "org.apache.kafka.connect.mirror.IdentityReplicationPolicy", *(part for group in asked for part in ("--group", group)),
    )  # fmt: skip
    assert said["checkpoints"] == [CHECKPOINTS], said
    for group in asked:
        assert said["groups"][group] == {p: place["offset"] for p, place in there[group].items()}, (group, said)

    # And what shunt says of them.
    answer = lab.shunt("groups", lab.config(topics, source=source, target=target, settings=SYNC), "--json")
    assert answer.wait(60) == 0, answer.log_text()
    rows = {(row["group"], f"{row['topic']}-{row['partition']}"): row for row in answer.summary()["groups"]}
    for group in {**groups, **past}:
        for partition, place in there[group].items():
            row = rows[group, partition]
            assert (row["source_offset"], row["target_offset"]) == (here[group][partition]["offset"], place["offset"]), row
            assert row["left"] >= place["left"] and row["target_state"] == "Empty", row

    # A second life finds nothing to write.
    written = lab.ends(target, [CHECKPOINTS])[CHECKPOINTS, 0]
    lab.mirror(topics, source=source, target=target, settings=SYNC)
    assert lab.ends(target, [CHECKPOINTS])[CHECKPOINTS, 0] == written
    assert groups_of(lab, target, topics) == there


@integration(timeout_seconds=240)
def mapped_groups_go_on_at_the_next_record(lab):
    """Among records of others, before and between the mirror's, with the map in either place."""
    source, target = lab.cluster("source"), lab.cluster("target")
    topics = load_transactions(lab, source)
    for topic in topics:
        target.create_topic(topic, partitions=2)
        feed = b"".join(FOREIGN + b"%d\n" % number for number in range(7))
        lab.kcat(target, "-P", "-t", topic, "-p", 0, feed=feed)
    settings = {**SYNC, "shunt.offsets": "auto", "offset-syncs.topic.replication.factor": 1}
    ends = lab.ends(source, topics)
    groups = {}
    for topic in topics:
        groups.update(everywhere(topic, 2 if topic.endswith("committed") else 1, ends, step=5))
    commit(lab, source, groups)
    mirror = lab.start_mirror(topics, source=source, target=target, settings=settings)
    lab.eventually(lambda: mirror.metrics("shunt_lag_records") == 0 and mirror.metrics("shunt_records_total") > 0, 60)
    lab.kcat(target, "-P", "-t", topics[1], "-p", 0, feed=b"".join(FOREIGN + b"%d\n" % n for n in range(7, 12)))
    lab.load(source, topic="mixed", records=200, start=300, transaction=30, abort=3)
    later = lab.ends(source, topics)
    more = {group: place for group, place in everywhere(topics[1], 1, later, step=5).items() if group not in groups}
    commit(lab, source, more)
    mirror.drain()

    there = groups_of(lab, target)
    logs = {}
    for topic in topics:
        for partition in range(2 if topic.endswith("committed") else 1):
            ours = [one for one in records(lab, target, topic, partition) if FOREIGN not in one[1]]
            logs[topic, partition] = records(lab, source, topic, partition), ours
    for group, places in {**groups, **more}.items():
        for (topic, partition), offset in places.items():
            at = there[group][f"{topic}-{partition}"]["offset"]
            here, ours = logs[topic, partition]
            want = [rest for where, rest in here if where >= offset]
            have = [rest for where, rest in ours if where >= at]
            assert want == have, (group, offset, at, len(want), len(have))
    moved = [g for g, p in groups.items() for (t, i), o in p.items() if there[g][f"{t}-{i}"]["offset"] != o]
    assert len(moved) > 100, moved


def consumers_go_on(lab, source, target, settings, protocols=("classic", "consumer")):
    """Consumers of every group protocol read a part on the source; the same groups read all the rest on the target."""
    topic = lab.load(source, topic=f"{source.name}-{target.name}", records=3000, partitions=3, transaction=40, abort=4)
    everything = {}
    for protocol in protocols:
        read = lab.judge(
            "consume", "--bootstrap", source.bootstrap, "--group", f"{source.name}-{protocol}", "--topic", topic, "--records", 1111,
            "--protocol", "classic" if source.state["version"].startswith("2") else protocol, "--reset", "earliest",
        )  # fmt: skip
        assert len(read["records"]) == 1111, read
        everything[protocol] = read["records"]
    lab.mirror([topic], source=source, target=target, settings=settings)
    # The rest of what a reader of the source sees, from the group's own offsets.
    here = groups_of(lab, source, [topic])
    for protocol in protocols:
        group = f"{source.name}-{protocol}"
        left = sum(place["left"] for place in here[group].values())
        rest = lab.judge(
            "consume", "--bootstrap", target.bootstrap, "--group", group, "--topic", topic, "--protocol", protocol, "--reset", "none"
        )["records"]
        assert left > 0 and len(rest) == left, (protocol, left, len(rest))
        before = {(one["partition"], one["content"]) for one in everything[protocol]}
        after = {(one["partition"], one["content"]) for one in rest}
        assert not before & after and len(before | after) == len(before) + left, protocol
        for partition, place in here[group].items():
            first = next((one for one in rest if one["partition"] == partition), None)
            assert (first["content"] if first else None) == place["next"], (partition, place, first)


@integration(timeout_seconds=240)
def java_consumers_of_both_protocols_go_on(lab):
    consumers_go_on(lab, lab.cluster("source"), lab.cluster("target"), SYNC)


@integration(timeout_seconds=300)
def java_consumers_go_on_from_and_to_2_8(lab):
    old, new = lab.cluster("old", version="2.8.2"), lab.cluster("new")
    consumers_go_on(lab, old, new, SYNC)
    consumers_go_on(lab, new, old, SYNC, protocols=("classic",))


@integration(timeout_seconds=240)
def groups_of_the_target_belong_to_the_target(lab):
    """Active ones are not touched, deleted ones stay deleted, those that are further on stay where they are."""
    source, target = lab.cluster("source"), lab.cluster("target")
    topic = lab.load(source, topic="t", records=1000)
    place = (topic, 0)
    key = f"{topic}-0"
    names = ("old", "new", "gone", "ahead", "back")
    commit(lab, source, {name: {place: 100} for name in names})
    mirror = lab.start_mirror([topic], source=source, target=target, settings=SYNC)

    def at(group):
        return groups_of(lab, target).get(group, {}).get(key, {}).get("offset")

    lab.eventually(lambda: all(at(name) == 100 for name in names), 60, "all groups are there")
    members = {}
    for name, protocol in (("old", "classic"), ("new", "consumer")):
        members[name], read = start_member(lab, target, name, topic, protocol)
        assert len(read["records"]) == 900, len(read["records"])
    lab.tool(target, "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--delete", "--group", "gone")
    commit(lab, target, {"ahead": {place: 700}, "back": {place: 50}})
    labels = {"source": "source", "target": "target"}
    lab.eventually(lambda: mirror.metrics("shunt_groups", state="active", **labels) == 2, 30, "active groups are seen")
    lab.eventually(lambda: mirror.metrics("shunt_groups", state="deleted", **labels) == 1, 30, "the deletion is seen")
    # All but the deleted one move on the source; those with members are not written by anyone else.
    commit(lab, source, {name: {place: 500} for name in names if name != "gone"})
    lab.eventually(lambda: at("back") == 500, 30, "the source's group has moved on")
    done = mirror.metrics("shunt_duty_done_total", duty="group offsets", **labels)
    lab.eventually(lambda: mirror.metrics("shunt_duty_done_total", duty="group offsets", **labels) >= done + 2, 30)
    assert [at(name) for name in names] == [1000, 1000, None, 700, 500], [at(name) for name in names]
    mirror.drain()
    # Nor does another life bring it back, or move a group that is further on.
    for member in members.values():
        end_member(member)
    lab.mirror([topic], source=source, target=target, settings=SYNC)
    assert [at(name) for name in names] == [1000, 1000, None, 700, 500], [at(name) for name in names]
    # Until it moves on the source.
    commit(lab, source, {"gone": {place: 600}, "ahead": {place: 400}})
    lab.mirror([topic], source=source, target=target, settings=SYNC)
    assert [at(name) for name in names] == [1000, 1000, 600, 700, 500], [at(name) for name in names]
    commit(lab, source, {"ahead": {place: 390}})
    lab.mirror([topic], source=source, target=target, settings={**SYNC, "shunt.group.offsets.rewind": "true"})
    assert at("ahead") == 390, at("ahead")


@integration(timeout_seconds=120)
def filters_choose_groups(lab):
    topic = lab.load(topic="t", records=10)
    names = [lab.topic(name) for name in ("yes", "yes-but", "other")]
    commit(lab, lab.source, {name: {(topic, 0): 5} for name in names})
    settings = {**SYNC, "groups": r"filters-choose-groups\.yes.*", "groups.exclude": r".*-but"}
    lab.mirror([topic], settings=settings)
    there = groups_of(lab, lab.target)
    assert [name in there for name in names] == [True, False, False], there
    said = lab.shunt("groups", lab.config([topic], settings=settings))
    assert said.wait(30) == 0
    assert said.output.read_text() == f"source->target {names[0]} {topic}-0: source 5, target 5, 5 left to read\n"


@integration(timeout_seconds=120)
def share_groups_begin_at_the_same_record(lab):
    """Forwards only, as all groups; what a deleted one was is known in the next life."""
    source, target = lab.cluster("source"), lab.cluster("target")
    topic = lab.load(source, topic="t", records=200, partitions=2)
    place, key = (topic, 0), f"{topic}-0"
    commit(lab, source, {"share": {place: 40, (topic, 1): 30}, "later": {place: 10}}, "--share")
    lab.mirror([topic], source=source, target=target, settings=SYNC)
    there = groups_of(lab, target, [topic])
    assert there["share"][key]["offset"] == 40 and there["share"][f"{topic}-1"]["offset"] == 30, there
    assert_same_next_records(groups_of(lab, source, [topic]), there, ["share", "later"])
    commit(lab, source, {"share": {place: 20}, "later": {place: 60}}, "--share")
    lab.mirror([topic], source=source, target=target, settings=SYNC)
    there = groups_of(lab, target)
    assert [there[group][key]["offset"] for group in ("share", "later")] == [40, 60], there


@integration(timeout_seconds=120)
def a_group_that_the_target_refuses_is_named_until_the_right_is_given(lab):
    """To ask where a group is takes Describe on it, to write it Read, and Read on the topic; the others go on meanwhile."""
    target = lab.cluster("target", secure=True)
    topic = lab.load(topic="t", records=100)
    place, key = (topic, 0), f"{topic}-0"
    allowed, seen, hidden = names = [lab.topic(name) for name in ("allowed", "seen", "hidden")]
    for group, operation in ((allowed, "Read"), (seen, "Describe")):
        grant(lab, target, "--allow-principal", PRINCIPAL, "--group", group, "--operation", operation)
    commit(lab, lab.source, {name: {place: 40} for name in names})
    settings = {**SYNC, **client("target", target, "SASL_PLAINTEXT", "SCRAM-SHA-256")}
    mirror = lab.start_mirror([topic], target=target, settings=settings)

    def at():
        there = groups_of(lab, target)
        return [there.get(group, {}).get(key, {}).get("offset") for group in names]

    def rounds(count):
        duty = {"duty": "group offsets"}
        done, failed = (mirror.metrics(f"shunt_duty_{how}_total", **duty) for how in ("done", "failed"))
        lab.eventually(lambda: mirror.metrics("shunt_duty_done_total", **duty) >= done + count, 60, "more rounds")
        assert mirror.metrics("shunt_duty_failed_total", **duty) == failed, mirror.log_text()

    lab.eventually(lambda: mirror.metrics("shunt_groups", state="refused") == 2, 60, "two groups are refused")
    lab.eventually(lambda: at() == [40, None, None], 30, "the third one is written")
    assert {labels["group"] for labels, _ in mirror.samples("shunt_group_refused")} == {seen, hidden}
    assert mirror.metrics("shunt_groups", state="current") == 1
    # So does a run that ends by itself say it.
    refused = lab.mirror([topic], target=target, settings=settings)["refused_groups"]
    assert {one["group"] for one in refused} == {seen, hidden}, refused
    lacks = f"; grant Read on the group there to {PRINCIPAL}"
    for one in refused:
        assert one["flow"] == "source->target" and one["reason"].endswith(lacks), one
        assert "GROUP_AUTHORIZATION_FAILED" in one["reason"], one
    # Those that are allowed go on, and what is refused is said once.
    commit(lab, lab.source, {name: {place: 60} for name in names})
    lab.eventually(lambda: at() == [60, None, None], 30, "the group that is allowed has moved on")
    rounds(2)
    said = [line for line in mirror.log_text().splitlines() if "are not taken" in line]
    assert len(said) == 2 and all("GROUP_AUTHORIZATION_FAILED" in line and line.endswith(lacks) for line in said), said
    assert sorted(group for line in said for group in (seen, hidden) if f" {group} " in line) == [hidden, seen], said
    # Once the right is given both are written.
    for group in (seen, hidden):
        grant(lab, target, "--allow-principal", PRINCIPAL, "--group", group, "--operation", "Read")
    lab.eventually(lambda: at() == [60, 60, 60], 30, "all groups are there")
    lab.eventually(lambda: mirror.metrics("shunt_groups", state="current") == 3, 30, "all groups are current")
    assert not mirror.samples("shunt_group_refused") and mirror.metrics("shunt_groups", state="refused") == 0
    lab.eventually(lambda: "offsets are taken again of group" in mirror.log_text(), 10, "it is said")
    # Nor are groups written on topics that the mirror may not read.
    denied = ("--deny-principal", PRINCIPAL, "--topic", topic, "--operation", "Read")
    grant(lab, target, *denied)
    commit(lab, lab.source, {name: {place: 80} for name in names})
    lab.eventually(lambda: mirror.metrics("shunt_groups", state="refused") == 3, 60, "all groups are refused")
    lacks = f"TOPIC_AUTHORIZATION_FAILED (29) to its offset for {key}; grant Read on the topic there to {PRINCIPAL}\n"
    assert lacks in mirror.log_text() and at() == [60, 60, 60], mirror.log_text()
    revoke(lab, target, *denied)
    lab.eventually(lambda: at() == [80, 80, 80], 30, "all groups have moved on")
    mirror.drain()


@integration(timeout_seconds=300)
def mirror_maker_translates_by_mapped_offsets_and_never_too_far(lab):
    """MirrorMaker 2's own checkpoints, made of shunt's offset syncs, leave no group behind a record that it has not read. And in
    place of them shunt puts its own, which are exact: both as MirrorMaker 2's client reads them."""
    source, target = lab.cluster("source"), lab.cluster("target")
    # A beginning that no reader sees, and more than the thousand runs of records that are stored at once.
    late, steps, mixed, _ = lab.load_all(
        [
            {"topic": "late", "records": 20, "transaction": 20, "abort": 1},
            {"topic": "steps", "records": 1200, "transaction": 1},
            {"topic": "mixed", "records": 300, "transaction": 20, "abort": 2},
            {"topic": "late", "records": 40, "start": 20, "transaction": 20},
        ],
        source,
    )
    topics = [late, steps, mixed]
    for topic in topics:
        target.create_topic(topic)
        lab.kcat(target, "-P", "-t", topic, "-p", 0, feed=b"".join(FOREIGN + b"%d\n" % n for n in range(7)))
    # Where MirrorMaker 2 goes on: it has nothing to copy.
    target.create_topic("mm2-offsets.source.internal", partitions=25, configs={"cleanup.policy": "compact"})
    here = {topic: [offset for offset, _ in records(lab, source, topic)] for topic in topics}
    ends = lab.ends(source, topics)
    places = {
        late: (0, 10, here[late][0], here[late][1], ends[late, 0]),
        steps: (0, 1, 1999, 2000, 2001, ends[steps, 0]),  # the second thousand begins behind the marker at 1999
        mixed: (0, 135, ends[mixed, 0]),
    }
    groups = {f"{topic}.at-{offset}": (topic, offset) for topic, offsets in places.items() for offset in offsets}
    commit(lab, source, {group: {(topic, 0): offset} for group, (topic, offset) in groups.items()})
    settings = {
        "shunt.offsets": "mapped",
        "emit.offset-syncs.enabled": "true",
        "source.consumer.isolation.level": "read_committed",
        **{f"{own}.replication.factor": 1 for own in ("offset-syncs.topic", "checkpoints.topic", "heartbeats.topic")},
        **{f"target.{own}.storage.replication.factor": 1 for own in ("offset", "status", "config")},
    }
    where = {"source": source, "target": target}
    lab.mirror(topics, settings=settings, **where)
    copied = lab.ends(target, topics)
    there = {topic: [offset for offset, rest in records(lab, target, topic) if FOREIGN not in rest] for topic in topics}

    def with_checkpoints():
        keys = lab.kcat(target, "-C", "-q", "-e", "-t", CHECKPOINTS, "-o", "beginning", "-f", "%k\n").decode(errors="replace")
        return {group for group in groups if f"{group}\0" in keys}

    def read_twice():
        """{group: records} as MirrorMaker 2's client translates; less than none: it would miss records."""
        said = lab.judge(
            "remote", "--bootstrap", target.bootstrap, "--alias", "source", "--policy", IDENTITY,
            *(part for group in groups for part in ("--group", group)),
        )["groups"]  # fmt: skip
        found = {}
        for group, (topic, offset) in groups.items():
            for at in said[group].values():
                found[group] = sum(one >= at for one in there[topic]) - sum(one >= offset for one in here[topic])
        return found

    # It knows the first record of what is stored at once, and the last one of all; of what is before it may know nothing.
    firsts = {late: here[late][0], steps: 2000, mixed: here[mixed][0]}
    known = {group for group, (topic, offset) in groups.items() if offset >= firsts[topic]}
    exact = {group for group in known if groups[group][1] in (firsts[groups[group][0]], ends[groups[group][0], 0])}
    often = {"emit.checkpoints.enabled": "true", "emit.checkpoints.interval.seconds": 1, "refresh.groups.interval.seconds": 1}
    maker = MirrorMaker(lab, target, lab.config(topics, settings={**settings, **often}, **where), "mm2")
    lab.eventually(lambda: with_checkpoints() >= known, 60, "MirrorMaker 2 has translated what it knows")
    maker.stop()
    found = read_twice()
    assert found.keys() >= known and min(found.values()) >= 0, found
    assert {found[group] for group in exact} == {0}, found
    assert lab.ends(target, topics) == copied, "MirrorMaker 2 had something to copy"
    # What shunt says in its place is exact, everywhere.
    lab.mirror(topics, settings={**settings, **SYNC}, **where)
    assert read_twice() == dict.fromkeys(groups, 0)


@integration(timeout_seconds=180)
def checkpoints_that_make_no_sense_are_named_and_groups_go_on(lab):
    """Of whoever else has written to the topic: in keys that nobody knows, and in the place of a group's own."""
    target = lab.cluster("target")
    topic = lab.load(topic="t", records=100)
    group, mangled = (f"{lab.name}.{name}" for name in ("group", "mangled"))
    commit(lab, lab.source, {group: {(topic, 0): 40}, mangled: {(topic, 0): 50}})
    target.create_topic(CHECKPOINTS, configs={"cleanup.policy": "compact"})

    def text(value):
        return len(value).to_bytes(2, "big") + value.encode()

    key = text(mangled) + text(topic) + bytes(4)
    for value in (b"nonsense", b"\0", b"\xff" * 40):
        feed = b"nobody's key" + b"<key>" + value + b"<end>" + key + b"<key>" + value + b"<end>"
        lab.kcat(target, "-P", "-t", CHECKPOINTS, "-K", "<key>", "-D", "<end>", feed=feed)
    # From their beginning, for other tests have groups on the shared source.
    only = {**SYNC, "groups": f"{group}, {mangled}"}
    run = lab.start_mirror([topic], target=target, settings=only)

    def at(one):
        return groups_of(lab, target).get(one, {}).get(f"{topic}-0", {}).get("offset")

    lab.eventually(lambda: (at(group), at(mangled)) == (40, 50), 60, "both groups are there")
    commit(lab, lab.source, {group: {(topic, 0): 60}, mangled: {(topic, 0): 70}})
    lab.eventually(lambda: (at(group), at(mangled)) == (60, 70), 60, "both have moved")
    run.drain()
    said = [line for line in run.log_text().splitlines() if "records of the checkpoints topic make no sense" in line]
    assert len(said) == 1 and "6 records" in said[0], run.log_text()
    # What is written now stands behind what made no sense: another life reads it, and writes nothing again.
    ends = lab.ends(target, [CHECKPOINTS])
    again = lab.shunt("run", lab.config([topic], target=target, settings=only), "--until-caught-up", "--json")
    assert again.wait(60) == 0, again.log_text()
    assert (at(group), at(mangled)) == (60, 70) and lab.ends(target, [CHECKPOINTS]) == ends


@integration(timeout_seconds=300)
def a_group_of_two_sources_in_one_topic_misses_no_record_of_either(lab):
    """Its place on the target is the smaller one of both."""
    source, other, target = lab.cluster("source"), lab.cluster("other"), lab.cluster("target")
    one, two, merged = (lab.topic(name) for name in ("one", "two", "merged"))
    target.create_topic(merged)
    lab.load(source, topic="one", records=100)
    lab.load(other, topic="two", records=100, seed=5)
    settings = {
        **SYNC, "shunt.offsets": "mapped", "offset-syncs.topic.location": "target",
        "offset-syncs.topic.replication.factor": 1,
        **two_into_one(other, one, two, merged),
    }  # fmt: skip
    flows = {"source": source, "target": target, "settings": settings}
    config = lab.config([one], **flows)
    both, late, alone = (f"{lab.name}.{name}" for name in ("both", "late", "alone"))
    commit(lab, source, {both: {(one, 0): 60}, alone: {(one, 0): 70}})
    commit(lab, other, {both: {(two, 0): 35}})
    run = lab.start_mirror([one], **flows)

    def place(cluster, topic, offset):
        """Where a record of a source is on the target; None: not yet."""
        wanted = dict(records(lab, cluster, topic))[offset]
        return {rest: at for at, rest in records(lab, target, merged)}.get(wanted)

    def at(group):
        return groups_of(lab, target).get(group, {}).get(f"{merged}-0", {}).get("offset")

    lab.eventually(lambda: lab.ends(target, [merged])[merged, 0] == 200, 60, "all is copied")
    places = place(source, one, 60), place(other, two, 35)
    lab.eventually(lambda: at(both) == min(places), 30, "the group is at the smaller place")
    lab.eventually(lambda: at(alone) == place(source, one, 70), 30, "a group of one source is at its own")
    # Both go on: the group follows the one that is behind, and one that only the other source turns out to have, goes back.
    lab.load(source, topic="one", records=100, start=100)
    lab.eventually(lambda: lab.ends(target, [merged])[merged, 0] == 300, 60, "all is copied")
    commit(lab, source, {both: {(one, 0): 190}, late: {(one, 0): 195}})
    commit(lab, other, {both: {(two, 0): 80}})
    lab.eventually(lambda: at(both) == place(other, two, 80), 30, "the group has followed")
    lab.eventually(lambda: at(late) == place(source, one, 195), 30, "a group of one source, so far")
    commit(lab, other, {late: {(two, 0): 10}})
    lab.eventually(lambda: at(late) == place(other, two, 10), 30, "records of the other source are not missed")
    # Where its consumers go on, each record of either source that was not read comes.
    said = lab.judge("consume", "--bootstrap", target.bootstrap, "--group", both, "--topic", merged)
    read = {record["offset"] for record in said["records"]}
    there = {rest: offset for offset, rest in records(lab, target, merged)}
    for cluster, topic, first in ((source, one, 190), (other, two, 80)):
        missed = [offset for offset, rest in records(lab, cluster, topic)[first:] if there[rest] not in read]
        assert not missed, (topic, missed)

    # What is said of it; and without the other source's answer it is not known.
    rows = lab.shunt("groups", config, "--json")
    assert rows.wait(60) == 0, rows.log_text()
    fits = {(row["flow"], row["group"]): row for row in rows.summary()["groups"]}
    assert fits["source->target", late]["fit"] == "shared" and fits["other->target", late]["fit"] == "exact", fits
    assert f"by other->target it is at 10 of {two}-0" in fits["source->target", late]["reason"], fits
    failover = lab.shunt("failover", config, "--flow", "source->target", "--dry-run", "--json")
    assert failover.wait(60) == 1, failover.log_text()
    problems = {row["group"]: row["problem"] for row in failover.summary()["groups"]}
    assert "reads again what it has read: by other->target it is at 10" in problems[late] and not problems[alone], problems
    assert f"group {late}, {one}-0: at 195 on source, and by other->target it is at 10" in run.log_text()
    run.drain()
    other.broker(1).kill()
    unknown = lab.shunt("failover", config, "--flow", "source->target", "--dry-run", "--json")
    assert unknown.wait(120) == 1, unknown.log_text()
    problems = {row["group"]: row["problem"] for row in unknown.summary()["groups"]}
    assert "whether it is before that by other->target is not known" in problems[late], problems
