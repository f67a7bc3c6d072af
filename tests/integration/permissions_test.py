"""`shunt check` names every right that is missing, with the command that grants it, and changes nothing.

The user begins with exactly the rights that README lists. Each is taken away in turn, is named, is given back by the very
command that was printed, and is missed no more. Kafka's own tool and StandardAuthorizer decide.
"""

import shlex

from harness import integration
from holes_test import load_transactions
from secured_lab import client, secured
from shuntlab import security

ACLS = "org.apache.kafka.tools.AclCommand"
PRINCIPAL = f"User:{security.USER}"
MARKS = "mm2-failovers.source.internal"
PASSED = "Connectivity check passed."


class Rights:
    """What the user of a cluster may do, changed with kafka-acls."""

    def __init__(self, lab, cluster):
        self.lab, self.cluster = lab, cluster

    def change(self, action, *arguments):
        force = ["--force"] if action == "--remove" else []
        self.lab.tool(self.cluster, ACLS, action, *force, "--allow-principal", PRINCIPAL, *arguments)

    def only(self, *rights):
        """Exactly these, instead of what the lab grants."""
        self.change("--remove", "--topic", "*")
        self.change("--remove", "--cluster", *(part for operation in ("Create", "Alter", "Describe", "IdempotentWrite") for part in ("--operation", operation)))
        self.change("--remove", "--operation", "Write", "--transactional-id", "shunt.", "--resource-pattern-type", "prefixed")
        for right in rights:
            self.change("--add", *right)


def on_topic(topic, *operations):
    return [part for operation in operations for part in ("--operation", operation)] + ["--topic", topic]


@integration(timeout_seconds=700)
def every_missing_right_is_named_with_the_command_that_grants_it(lab):
    source, target = secured(lab)
    topics = lab.load_all([{"topic": name, "records": 10} for name in ("there", "absent")], cluster=source)
    there, absent = topics
    target.create_topic(there, partitions=1)
    rights = {"source": Rights(lab, source), "target": Rights(lab, target)}
    settings = {
        **client("source", source, "SASL_PLAINTEXT", "SCRAM-SHA-256"),
        **client("target", target, "SASL_PLAINTEXT", "SCRAM-SHA-256"),
        "sync.topic.acls.enabled": "true",
    }

    def check(**more):
        config = lab.config(topics, source=source, target=target, settings={**settings, **more})
        run = lab.shunt("check", config)
        code = run.wait(60)
        said = run.output.read_text()
        assert (code == 0) == (PASSED in said), (code, said)
        return code, said.splitlines()

    transactional = ("--operation", "Write", "--transactional-id", "shunt.", "--resource-pattern-type", "prefixed")
    describe_cluster = ("--operation", "Describe", "--cluster")
    needed = {
        "source": [
            *(on_topic(topic, operation) for topic in topics for operation in ("Read", "DescribeConfigs")),
            describe_cluster,
        ],
        "target": [
            *(
                on_topic(topic, operation)
                for topic in topics
                for operation in ("Read", "Write", "Create", "Alter", "Delete", "DescribeConfigs", "AlterConfigs")
                if (topic, operation) != (there, "Create")
            ),
            on_topic(MARKS, "Read"),
            transactional,
            describe_cluster,
            ("--operation", "Alter", "--cluster"),
        ],
    }
    # Seeing a topic is part of Read and Write; by itself it leaves them to be missed one by one.
    sight = [on_topic(topic, "Describe") for topic in topics]
    for side, one in rights.items():
        one.only(*sight, *needed[side])
    # What check sees it must see whatever node is asked: metadata of rights reaches brokers a moment later.
    lab.eventually(lambda: check()[0] == 0, 30, "the rights are known")
    code, lines = check()
    assert not [line for line in lines if "does not have it" in line], lines
    assert sum("permissions: all that this flow needs" in line for line in lines) == 2, lines

    notes = {  # a mirror goes on without these
        ("target", operation, topic) for topic in topics for operation in ("Alter", "Delete", "DescribeConfigs", "AlterConfigs")
    } | {("target", "Read", MARKS), ("target", "Alter", "cluster"), ("target", "Describe", "cluster"), ("source", "Describe", "cluster")}
    for side, grants in needed.items():
        for grant in grants:
            operation = grant[1]
            if (side, operation) in {("target", "DescribeConfigs"), ("target", "Describe")}:
                continue  # whoever may alter it may see it
            if "--topic" in grant:
                subject, named = grant[3], f"topic {grant[3]}:"
            elif "--cluster" in grant:
                subject, named = "cluster", "the cluster:"
            else:
                subject, named = "transactional id", "transactional id shunt."
            rights[side].change("--remove", *grant)
            wanted = f"{side} {side}, permission {operation} on {named}"
            line = lab.eventually(
                lambda: [line for line in check()[1] if wanted in line], 30, f"{wanted} is missed"
            )[0]
            is_note = (side, operation, subject) in notes
            code, lines = check()
            assert line.startswith("note" if is_note else "FAILED"), line
            assert (code == 0) == is_note, (code, lines)
            assert len([line for line in lines if "does not have it" in line]) == 1, lines
            # The command that is printed grants it.
            command = shlex.split(line.split("Grant it: ")[1])
            assert command[:2] == ["kafka-acls.sh", "--bootstrap-server"], command
            assert command[2] == rights[side].cluster.bootstrap_of("SASL_PLAINTEXT"), command
            lab.tool(rights[side].cluster, ACLS, *command[3:])
            lab.eventually(lambda: not [line for line in check()[1] if "does not have it" in line], 30, "it is granted")

    # The right to create may also be on the cluster.
    rights["target"].change("--remove", *on_topic(absent, "Create"))
    rights["target"].change("--add", "--operation", "Create", "--cluster")
    lab.eventually(lambda: check()[0] == 0, 30, "topics may be created")
    # A topic that cannot even be seen is named, too.
    rights["source"].change("--remove", *on_topic(there, "Read", "DescribeConfigs", "Describe"))
    line = lab.eventually(
        lambda: [line for line in check()[1] if f"permission Read on topic {there}" in line], 30, "it is not seen"
    )[0]
    assert line.startswith("FAILED") and "the topic is not seen" in line, line
    rights["source"].change("--add", *on_topic(there, "Read", "DescribeConfigs"))
    # Topics of offset maps.
    syncs = "mm2-offset-syncs.target.internal"
    for operation in ("Read", "Write", "Create"):
        rights["source"].change("--add", *on_topic(syncs, operation))
    mapped = {"shunt.offsets": "mapped"}
    lab.eventually(lambda: check(**mapped)[0] == 0, 30, "maps may be kept")
    for operation in ("Read", "Write", "Create"):
        rights["source"].change("--remove", *on_topic(syncs, operation))
        lab.eventually(
            lambda: [line for line in check(**mapped)[1] if f"FAILED  source->target: source source, permission {operation} on topic {syncs}" in line],
            30,
            f"{operation} is missed",
        )  # fmt: skip
        rights["source"].change("--add", *on_topic(syncs, operation))
    # Consumer groups.
    checkpoints = "source.checkpoints.internal"
    syncing = {"sync.group.offsets.enabled": "true", "emit.checkpoints.enabled": "true", "groups": "billing"}
    grants = [
        ("source", ("--operation", "Describe", "--group", "billing"), "permission Describe on group billing:", "FAILED"),
        ("target", ("--operation", "Read", "--group", "billing"), "permission Read on group billing:", "FAILED"),
        *(
            ("target", on_topic(checkpoints, operation), f"permission {operation} on topic {checkpoints}:", "warning")
            for operation in ("Read", "Write")  # Create is granted on the cluster by now
        ),
    ]
    for side, grant, _, _ in grants:
        rights[side].change("--add", *grant)
    lab.eventually(
        lambda: not [line for line in check(**syncing)[1] if "does not have it" in line], 30, "groups may be carried over"
    )
    for side, grant, named, level in grants:
        rights[side].change("--remove", *grant)
        wanted = f"source->target: {side} {side}, {named}"
        line = lab.eventually(
            lambda: [line for line in check(**syncing)[1] if wanted in line], 30, f"{named} is missed"
        )[0]
        assert line.startswith(level), line
        lab.tool(rights[side].cluster, ACLS, *shlex.split(line.split("Grant it: ")[1])[3:])
        lab.eventually(
            lambda: not [line for line in check(**syncing)[1] if "does not have it" in line], 30, "it is granted"
        )
    # All this has changed nothing: not a topic was created, no transaction begun.
    assert set(target.metadata()["topics"]) == {there}, target.metadata()
    assert set(source.metadata()["topics"]) == set(topics), source.metadata()
    # And the rights that check is content with are enough.
    lab.eventually(lambda: check()[0] == 0, 30, "all is granted")
    summary = lab.mirror(topics, source=source, target=target, settings=settings)
    assert summary["records"] == 20 and not summary["failures"], summary
    lab.assert_identical(topics, source=source, target=target)
    # Those that it calls notes are not needed, even where the source's offsets have holes.
    topics[:] = load_transactions(lab, source, records=90)
    for topic in topics:
        rights["source"].change("--add", *on_topic(topic, "Read", "DescribeConfigs"))
        rights["target"].change("--add", *on_topic(topic, "Read", "Write", "Create"))
    rights["target"].change("--remove", "--operation", "Alter", "--cluster")
    lines = lab.eventually(lambda: [check()[1]] if check()[0] == 0 else None, 30, "only notes are left")[0]
    assert [line for line in lines if line.startswith("note")], lines
    summary = lab.mirror(topics, source=source, target=target, settings=settings)
    assert summary["filled_offsets"] > 0 and not summary["failures"], summary
    lab.assert_identical(topics, batches=False, isolation="read_committed", source=source, target=target)


@integration(timeout_seconds=60)
def a_cluster_without_an_authorizer_allows_everything(lab):
    topic = lab.load(topic="t", records=10)
    run = lab.shunt("check", lab.config([topic], settings={"shunt.offsets": "auto"}))
    assert run.wait(30) == 0, run.output.read_text()
    lines = run.output.read_text().splitlines()
    assert lines[-1] == PASSED and not [line for line in lines if "permission " in line], lines
    assert sum("permissions: all that this flow needs" in line for line in lines) == 2, lines
