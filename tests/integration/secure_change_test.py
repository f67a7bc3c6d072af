"""What changes on secured clusters while a mirror runs: rights, passwords, certificates. It says what is wrong, loses nothing, and
goes on by itself when that is over."""

import os
import re
import ssl
import time

import hostile
from harness import integration
from secured_lab import client, secured
from shuntlab import security


def allow(lab, cluster, add, *what):
    lab.tool(cluster, "org.apache.kafka.tools.AclCommand", "--add" if add else "--remove", *([] if add else ["--force"]),
             "--allow-principal", f"User:{security.USER}", *what)  # fmt: skip


def failed_authentications(cluster):
    return cluster.broker(1).log.read_text(errors="replace").count("Failed authentication")


@integration(timeout_seconds=240)
def rights_that_are_taken_and_given_back(lab):
    source, target = secured(lab)
    topic = lab.load(cluster=source, topic="t", records=500, partitions=3)
    settings = {
        **client("source", source, "SASL_PLAINTEXT", "SCRAM-SHA-256"),
        **client("target", target, "SASL_PLAINTEXT", "SCRAM-SHA-256"),
    }
    run = lab.start_mirror([topic], source=source, target=target, settings=settings)
    lab.until_level([topic], source, target)
    all_topics = ("--operation", "All", "--topic", "*")
    for cluster, condition, says in (
        (source, "source.unauthorized", "TOPIC_AUTHORIZATION_FAILED"),
        (target, "target.unauthorized", "TOPIC_AUTHORIZATION_FAILED"),
    ):
        for left in ("Describe", None):
            held = lambda: run.metrics("shunt_partition_condition", condition=condition)
            if left:
                allow(lab, cluster, True, "--operation", left, "--topic", "*")
            allow(lab, cluster, False, *all_topics)
            lab.load(cluster=source, topic="t", records=300, partitions=3)
            lab.eventually(lambda: held() > 0, 60, f"{condition} is named")
            assert lab.ends(source, [topic]) != lab.ends(target, [topic])
            allow(lab, cluster, True, *all_topics)
            lab.until_level([topic], source, target, timeout_seconds=90)
            lab.eventually(lambda: held() == 0, 30, f"{condition} is over")
            told = [line for line in run.log_text().splitlines() if condition in line]
            assert any(says in line and "grant" in line for line in told), told
            if left:
                allow(lab, cluster, False, "--operation", left, "--topic", "*")
    run.drain()
    summary = run.summary()
    assert summary["records"] == 500 + 4 * 300 and not summary["failures"], summary
    lab.assert_identical([topic], source=source, target=target)


@integration(timeout_seconds=240)
def rights_that_are_taken_in_the_middle_of_a_detour(lab):
    # Transactions end with markers, and some are aborted: all of it goes the slow path.
    source, target = secured(lab)
    topic = lab.topic("t")
    source.create_topic(topic, partitions=2)
    settings = {
        **client("source", source, "SASL_PLAINTEXT", "SCRAM-SHA-256"),
        **client("target", target, "SASL_PLAINTEXT", "SCRAM-SHA-256"),
    }
    run = lab.start_mirror([topic], source=source, target=target, settings=settings)
    transactional_ids = ("--transactional-id", "shunt.", "--resource-pattern-type", "prefixed")
    for number, (cluster, condition, right) in enumerate((
        (source, "source.unauthorized", ("--operation", "All", "--topic", "*")),
        (target, "target.unauthorized", ("--operation", "All", "--topic", "*")),
        (target, "target.unauthorized", ("--operation", "Write", *transactional_ids)),
    )):  # fmt: skip
        held = lambda: run.metrics("shunt_partition_condition", condition=condition)
        seen = sum(lab.ends(target, [topic]).values()) if number else 0
        load = lab.start_load(cluster=source, topic="t", records=4000, partitions=2, transaction=5, abort=4,
                              spread="cycle", start=number * 4000)  # fmt: skip
        lab.eventually(lambda: sum(lab.ends(target, [topic]).values()) > seen, 60, "a detour is under way")
        allow(lab, cluster, False, *right)
        lab.eventually(lambda: held() > 0, 60, f"{condition} is named")
        assert load.wait(120) == 0
        assert lab.ends(source, [topic]) != lab.ends(target, [topic])
        allow(lab, cluster, True, *right)
        lab.until_level([topic], source, target, timeout_seconds=90)
        lab.eventually(lambda: held() == 0, 30, f"{condition} is over")
        told = [line for line in run.log_text().splitlines() if condition in line]
        assert any("AUTHORIZATION_FAILED" in line and "grant" in line for line in told), told
    run.drain()
    summary = run.summary()
    assert not summary["failures"] and summary["filled_offsets"] > 0, summary
    lab.assert_identical([topic], batches=False, isolation="read_committed", source=source, target=target)


@integration(timeout_seconds=180)
def a_mirror_that_begins_without_its_rights(lab):
    # Both logs are compared before a partition goes on; that, too, waits until it may be done.
    source, target = secured(lab)
    topic = lab.load(cluster=source, topic="t", records=500, partitions=3)
    settings = {
        **client("source", source, "SASL_PLAINTEXT", "PLAIN"),
        **client("target", target, "SASL_PLAINTEXT", "PLAIN"),
    }
    lab.mirror([topic], source=source, target=target, settings=settings)
    all_topics = ("--operation", "All", "--topic", "*")
    for cluster, condition in ((source, "source.unauthorized"), (target, "target.unauthorized")):
        lab.load(cluster=source, topic="t", records=300, partitions=3)
        for right in ("Describe", "DescribeConfigs"):
            allow(lab, cluster, True, "--operation", right, "--topic", "*")
        allow(lab, cluster, False, *all_topics)
        run = lab.start_mirror([topic], source=source, target=target, settings=settings)
        lab.eventually(lambda: run.metrics("shunt_partition_condition", condition=condition) == 3, 60, condition)
        config = lab.config([topic], source=source, target=target, settings=settings)
        to_end = lab.shunt("run", config, "--until-caught-up", "--json")
        assert to_end.wait(60) == 1
        failures = {failure["condition"] for failure in to_end.summary()["failures"]}
        assert failures == {condition}, to_end.summary()
        allow(lab, cluster, True, *all_topics)
        lab.until_level([topic], source, target, timeout_seconds=60)
        run.drain()
        assert run.summary()["records"] == 300 and not run.summary()["failures"], run.summary()
    lab.assert_identical([topic], source=source, target=target)


@integration(timeout_seconds=180)
def a_run_that_is_to_end_does_not_wait_for_rights(lab):
    source, target = secured(lab)
    topic = lab.load(cluster=source, topic="t", records=10)
    settings = {
        **client("source", source, "SASL_PLAINTEXT", "PLAIN"),
        **client("target", target, "SASL_PLAINTEXT", "PLAIN"),
    }
    for right in ("Describe", "DescribeConfigs"):
        allow(lab, source, True, "--operation", right, "--topic", "*")
    allow(lab, source, False, "--operation", "All", "--topic", "*")
    run = lab.shunt("run", lab.config([topic], source=source, target=target, settings=settings), "--until-caught-up")
    assert run.wait(60) == 1
    assert "grant Read on the topic" in run.log_text() + run.output.read_text(), run.log_text()


@integration(timeout_seconds=180)
def a_password_that_is_changed_at_the_broker(lab):
    # The brokers end every session after three seconds; connections go on until then.
    source, target = secured(lab, properties={"connections.max.reauth.ms": 3000})
    topic = lab.load(cluster=source, topic="t", records=500, partitions=3)
    settings = {
        **client("source", source, "SASL_PLAINTEXT", "SCRAM-SHA-256"),
        **client("target", target, "SASL_PLAINTEXT", "SCRAM-SHA-256"),
    }
    run = lab.start_mirror([topic], source=source, target=target, settings=settings)
    lab.until_level([topic], source, target)

    def set_password(cluster, password):
        lab.tool(cluster, "kafka.admin.ConfigCommand", "--alter", "--entity-type", "users", "--entity-name", security.USER,
                 "--add-config", f"SCRAM-SHA-256=[password={password}]")  # fmt: skip

    for cluster, name in ((source, "source"), (target, "target")):
        set_password(cluster, "another")
        refused = re.compile(rf'{name} broker 1.*SCRAM-SHA-256 as user "mirror": the broker refuses user or password')
        lab.eventually(lambda: refused.search(run.log_text()), 30, "the refusal is named")
        lab.load(cluster=source, topic="t", records=300, partitions=3)
        before, began = failed_authentications(cluster), time.monotonic()
        lab.eventually(lambda: time.monotonic() - began > 10, 20)
        attempts = failed_authentications(cluster) - before
        assert attempts <= 12, f"{attempts} attempts in ten seconds"  # of one control and one data connection
        set_password(cluster, security.PASSWORD)
        lab.until_level([topic], source, target, timeout_seconds=60)
    run.drain()
    summary = run.summary()
    assert summary["records"] == 500 + 2 * 300 and not summary["failures"], summary
    lab.assert_identical([topic], source=source, target=target)
    assert len([line for line in run.log_text().splitlines() if "refuses user or password" in line]) <= 6, run.log_text()
    assert "another" not in run.log_text() and security.PASSWORD not in run.log_text()


@integration(timeout_seconds=180)
def a_password_that_is_rotated_in_its_file(lab):
    """As whoever rotates them does it: in the file before the broker knows it, or behind; a restart is not needed."""
    source, target = secured(lab, properties={"connections.max.reauth.ms": 3000})
    topic = lab.load(cluster=source, topic="t", records=500, partitions=3)
    secrets, folder = lab.home / "secrets.properties", lab.home / "secrets"
    folder.mkdir()

    def write(path, text):
        path.with_suffix(".new").write_text(text)
        os.rename(path.with_suffix(".new"), path)

    def in_file(cluster, password):
        if cluster is source:
            write(secrets, f"password = {password}\n")
        else:
            write(folder / "password", password)

    def at_broker(cluster, password):
        lab.tool(cluster, "kafka.admin.ConfigCommand", "--alter", "--entity-type", "users", "--entity-name", security.USER,
                 "--add-config", f"SCRAM-SHA-512=[password={password}]")  # fmt: skip

    for cluster in (source, target):
        in_file(cluster, security.PASSWORD)
    provider = "org.apache.kafka.common.config.provider"
    settings = {
        **client("source", source, "SASL_PLAINTEXT", "SCRAM-SHA-512", password=f"${{file:{secrets}:password}}"),
        **client("target", target, "SASL_PLAINTEXT", "SCRAM-SHA-512", password=f"${{dir:{folder}:password}}"),
        "config.providers": "file, dir",
        "config.providers.file.class": f"{provider}.FileConfigProvider",
        "config.providers.dir.class": f"{provider}.DirectoryConfigProvider",
        "shunt.sandbox": "auto",
    }
    run = lab.start_mirror([topic], source=source, target=target, settings=settings)
    lab.until_level([topic], source, target)
    told = lambda: run.log_text().count("new connections show SCRAM-SHA-512 as user")
    refused = lambda name: re.search(rf"{name} broker 1.*the broker refuses user or password", run.log_text())

    at_broker(source, "secret-behind")
    lab.eventually(lambda: refused("source"), 30, "the old one is refused")
    lab.load(cluster=source, topic="t", records=300, partitions=3)
    in_file(source, "secret-behind")
    lab.until_level([topic], source, target, timeout_seconds=60)
    assert told() == 1, run.log_text()

    in_file(target, "secret-before")
    lab.eventually(lambda: told() == 2, 20, "the new one is read")
    at_broker(target, "secret-before")
    lab.load(cluster=source, topic="t", records=300, partitions=3)
    lab.until_level([topic], source, target, timeout_seconds=60)

    in_file(source, "")
    lab.eventually(lambda: "cannot be used" in run.log_text(), 20, "what is no password is named")
    lab.load(cluster=source, topic="t", records=300, partitions=3)
    lab.until_level([topic], source, target, timeout_seconds=60)
    run.drain()
    assert not run.summary()["failures"], run.summary()
    lab.assert_identical([topic], source=source, target=target)
    assert "secret-" not in run.log_text() and security.PASSWORD not in run.log_text()
    for cluster in (source, target):
        at_broker(cluster, security.PASSWORD)  # for whoever is next


@integration(timeout_seconds=240)
def certificates_are_replaced_under_a_running_mirror(lab):
    source, target = secured(lab)
    topic = lab.load(cluster=source, topic="t", records=500, partitions=3)
    authority = security.Authority(source.home / "tls")
    store = lab.home / "store.p12"

    def replace(days):
        made = authority.pkcs12(authority.issue(f"new{days}", security.USER, days=days))
        (lab.home / "next.p12").write_bytes(made.read_bytes())
        os.rename(lab.home / "next.p12", store)

    replace(30)
    settings = {
        **client("source", source, "SSL"),
        **client("target", target, "SSL"),
        "source.ssl.keystore.location": store,
    }
    run = lab.start_mirror([topic], source=source, target=target, settings=settings)
    lab.until_level([topic], source, target)

    reread = lambda: run.log_text().count("was read again, for new connections")
    replace(-1)
    lab.eventually(lambda: reread() == 1, 20, "the store is read again")
    source.broker(1).restart()
    lab.eventually(lambda: "the broker wants another certificate of us" in run.log_text(), 60, "the expired one is refused")
    # What cannot be read changes nothing.
    store.write_bytes(store.read_bytes()[:100])
    lab.eventually(lambda: "new connections go on with what was read before" in run.log_text(), 20, "half a store is named")
    lab.load(cluster=source, topic="t", records=300, partitions=3)
    replace(29)
    lab.until_level([topic], source, target, timeout_seconds=90)
    assert reread() == 2, run.log_text()
    run.drain()
    assert not run.summary()["failures"], run.summary()
    lab.assert_identical([topic], source=source, target=target)


@integration(timeout_seconds=180)
def a_store_is_replaced_by_one_with_another_password(lab):
    source, target = secured(lab)
    topic = lab.load(cluster=source, topic="t", records=500, partitions=3)
    authority = security.Authority(source.home / "tls")
    store, secrets = lab.home / "store.p12", lab.home / "secrets.properties"

    def write_store(name, password, days):
        made = authority.pkcs12(authority.issue(name, security.USER, days=days), password)
        (lab.home / "next.p12").write_bytes(made.read_bytes())
        os.rename(lab.home / "next.p12", store)

    write_store("ending", "canary-first", 30)
    secrets.write_text("store=canary-first\n")
    settings = {
        **client("source", source, "SSL"),
        **client("target", target, "SSL"),
        "source.ssl.keystore.location": store,
        "source.ssl.keystore.password": f"${{file:{secrets}:store}}",
        "config.providers": "file",
        "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
    }
    run = lab.start_mirror([topic], source=source, target=target, settings=settings)
    lab.until_level([topic], source, target)
    # The store first, long before its password: what was read before stays in use.
    write_store("next", "canary-second", -1)
    kept = "new connections go on with what was read before"
    lab.eventually(lambda: kept in run.log_text(), 20, "the password does not fit any more")
    reread = lambda: run.log_text().count("was read again, for new connections")
    secrets.write_text("store=canary-second\n")
    lab.eventually(lambda: reread() == 1, 20, "the store is read with its new password")
    # It is the new one that is shown: it has expired.
    source.broker(1).restart()
    lab.eventually(lambda: "the broker wants another certificate of us" in run.log_text(), 60, "the expired one is refused")
    lab.load(cluster=source, topic="t", records=300, partitions=3)
    secrets.write_text("store=canary-third\n")
    write_store("last", "canary-third", 30)
    lab.until_level([topic], source, target, timeout_seconds=90)
    run.drain()
    assert run.summary()["records"] == 800 and not run.summary()["failures"], run.summary()
    assert "canary" not in run.log_text() + run.output.read_text(errors="replace")
    lab.assert_identical([topic], source=source, target=target)


@integration(timeout_seconds=180)
def certificates_are_replaced_under_a_continuous_verify(lab):
    source, target = secured(lab)
    topic = lab.load(cluster=source, topic="t", records=100)
    lab.mirror([topic], source=source, target=target)
    authority = security.Authority(source.home / "tls")
    store = lab.home / "store.p12"
    store.write_bytes(authority.pkcs12(authority.issue("first", security.USER)).read_bytes())
    settings = {**client("source", source, "SSL"), "source.ssl.keystore.location": store}
    config = lab.config([topic], source=source, target=target, settings=settings)
    run = lab.shunt("verify", config, "--continuous", "--json")
    lab.eventually(lambda: run.summary()["equal"], 30, "the first round has ended")
    store.write_bytes(authority.pkcs12(authority.issue("next", security.USER)).read_bytes())
    lab.eventually(lambda: "was read again, for new connections" in run.log_text(), 30, "the store is read again")
    run.drain()


@integration(timeout_seconds=120)
def sessions_of_tls_are_resumed(lab):
    # As the server sees it.
    authority = security.Authority(lab.home / "tls").make()
    versions = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    topics = lab.load_all([{"topic": version.name, "records": 100} for version in versions])
    for version, topic in zip(versions, topics):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(authority.issue("front", "front", ["IP:127.0.0.1"]))
        tls.minimum_version = tls.maximum_version = version
        with hostile.Front(("127.0.0.1", lab.source.broker(1).port), tls=tls, sasl=False) as front:
            settings = {
                "source.bootstrap.servers": front.address,
                "source.security.protocol": "SSL",
                "source.ssl.truststore.type": "PEM",
                "source.ssl.truststore.location": authority.certificate,
            }
            run = lab.start_mirror([topic], settings=settings)
            lab.until_level([topic])
            for again in range(3):
                gone = list(front.talks)
                front.close_all()
                lab.kcat(lab.source, "-P", "-t", topic, feed=b"one more\n" * 10)
                lab.until_level([topic])
                back = [talk for talk in front.talks if talk not in gone]
                seen = [(talk.client_id, talk.stream.session_reused) for talk in back]
                assert seen and all(reused for _, reused in seen), (version, again, seen)
            run.drain()
    lab.assert_identical(topics)
