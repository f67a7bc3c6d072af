"""Access rights of mirrored topics, as Kafka's own tool shows them on both sides (StandardAuthorizer)."""

import re

from harness import integration

ACLS = "org.apache.kafka.tools.AclCommand"
DUTY = {"duty": "acls"}
ON = {
    "replication.policy.class": "org.apache.kafka.connect.mirror.DefaultReplicationPolicy",
    "sync.topic.acls.enabled": "true",
    "sync.topic.acls.interval.seconds": 1,
}


def rights(lab, cluster):
    """{(type, name, pattern, principal, operation, permission)} of topics and groups."""
    found = set()
    resource = None
    for line in lab.tool(cluster, ACLS, "--list").splitlines():
        if named := re.search(r"resourceType=(\w+), name=(.*), patternType=(\w+)\)", line):
            resource = named.groups()
        elif entry := re.search(r"principal=(\S+), host=\*, operation=(\w+), permissionType=(\w+)", line):
            found.add((*resource, *entry.groups()))
    return {right for right in found if right[0] in ("TOPIC", "GROUP") and right[3] != "User:mirror"}


def grant(lab, cluster, *arguments):
    lab.tool(cluster, ACLS, "--add", *arguments)


def revoke(lab, cluster, *arguments):
    lab.tool(cluster, ACLS, "--remove", "--force", *arguments)


@integration(timeout_seconds=400)
def rights_follow_the_source(lab):
    source, target = lab.cluster("acl-source", secure=True), lab.cluster("acl-target", secure=True)
    topic = lab.load(source, topic="t", records=10)
    remote = f"source.{topic}"
    for principal, *operations in (("alice", "Read", "Describe"), ("bob", "Write"), ("carol", "All")):
        grant(
            lab, source, "--allow-principal", f"User:{principal}", "--topic", topic,
            *(part for operation in operations for part in ("--operation", operation)),
        )  # fmt: skip
    dave = ("--deny-principal", "User:dave", "--topic", topic, "--operation", "Read")
    eve = ("--allow-principal", "User:eve", "--topic", topic[:-1], "--operation", "Read",
           "--resource-pattern-type", "prefixed")  # fmt: skip
    grant(lab, source, *dave)
    grant(lab, source, *eve)
    grant(lab, source, "--allow-principal", "User:alice", "--group", "readers", "--operation", "Read")
    grant(lab, source, "--allow-principal", "User:frank", "--topic", "not-mirrored", "--operation", "Read")
    on_topic = {
        ("TOPIC", remote, "LITERAL", "User:alice", "READ", "ALLOW"),
        ("TOPIC", remote, "LITERAL", "User:alice", "DESCRIBE", "ALLOW"),
        ("TOPIC", remote, "LITERAL", "User:carol", "READ", "ALLOW"),
        ("TOPIC", remote, "LITERAL", "User:dave", "READ", "DENY"),
    }
    both = {"source": source, "target": target}
    mirror = lab.start_mirror([topic], settings=ON, **both)
    lab.eventually(lambda: mirror.metrics("shunt_duty_done_total", **DUTY) >= 3, 60, "three rounds")
    assert rights(lab, target) == on_topic
    assert mirror.log_text().count("access rights created on target") == 1, mirror.log_text()
    assert "shunt.acls.prefixed=true carries them over" in mirror.log_text()
    # Nothing is removed unless it is asked for.
    revoke(lab, source, "--allow-principal", "User:alice", "--topic", topic, "--operation", "Describe")
    done = mirror.metrics("shunt_duty_done_total", **DUTY)
    lab.eventually(lambda: mirror.metrics("shunt_duty_done_total", **DUTY) >= done + 2, 60, "two more rounds")
    assert rights(lab, target) == on_topic
    mirror.drain()

    # What a mirror's readers have no business with, and whoever is named, is left alone.
    keeper = ("--allow-principal", "User:keeper", "--topic", remote, "--operation", "Read")
    other = ("--allow-principal", "User:other", "--topic", "other", "--operation", "Read")
    writer = ("--allow-principal", "User:writer", "--topic", remote, "--operation", "Write")
    for kept in (keeper, other, writer):
        grant(lab, target, *kept)
    left_alone = {
        ("TOPIC", remote, "LITERAL", "User:keeper", "READ", "ALLOW"),
        ("TOPIC", "other", "LITERAL", "User:other", "READ", "ALLOW"),
        ("TOPIC", remote, "LITERAL", "User:writer", "WRITE", "ALLOW"),
    }
    everything = {
        **ON,
        "shunt.acls.prefixed": "true",
        "shunt.acls.groups": "true",
        "shunt.acls.remove": "true",
        "shunt.acls.keep.principals": "User:keeper",
    }
    mirror = lab.start_mirror([topic], settings=everything, **both)
    expected = left_alone | {
        ("TOPIC", remote, "LITERAL", "User:alice", "READ", "ALLOW"),
        ("TOPIC", remote, "LITERAL", "User:carol", "READ", "ALLOW"),
        ("TOPIC", remote, "LITERAL", "User:dave", "READ", "DENY"),
        ("TOPIC", remote[:-1], "PREFIXED", "User:eve", "READ", "ALLOW"),
        ("GROUP", "readers", "LITERAL", "User:alice", "READ", "ALLOW"),
    }
    lab.eventually(lambda: rights(lab, target) == expected, 60, "all is carried over, and what was revoked is gone")
    revoke(lab, source, *dave)
    revoke(lab, source, *eve)
    revoke(lab, source, "--allow-principal", "User:alice", "--group", "readers", "--operation", "Read")
    expected -= {right for right in expected if right[3] in ("User:dave", "User:eve") or right[0] == "GROUP"}
    lab.eventually(lambda: rights(lab, target) == expected, 60, "what is revoked while it runs is gone, too")
    mirror.drain()


@integration(timeout_seconds=120)
def without_an_authorizer_it_is_said_once_and_data_goes_on(lab):
    topic = lab.load(topic="t", records=100)
    mirror = lab.start_mirror([topic], settings={"sync.topic.acls.enabled": "true", "sync.topic.acls.interval.seconds": 1})
    lab.until_level([topic])
    lab.eventually(lambda: mirror.metrics("shunt_duty_done_total", **DUTY) >= 3, 60, "three rounds")
    assert mirror.log_text().count("source has no authorizer: access rights are not carried over") == 1
    assert mirror.metrics("shunt_duty_failing", **DUTY) == 0
    mirror.drain()
