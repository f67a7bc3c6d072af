"""Clusters that authenticate by Kerberos (GSSAPI), with MIT's KDC on loopback."""

import os
import signal

from harness import integration
from secured_lab import LOG_RENEWALS, LOOPS, SHORT_SESSIONS, assert_undisturbed, assert_whole_and_calm, load_for_each_way, load_until_renewed
from shuntlab import security
from shuntlab.kerberos import NAME, Realm

PROTOCOLS = ("SASL_PLAINTEXT", "SASL_SSL")


def kerberised(lab, realm, **settings):
    os.environ["KRB5_CONFIG"] = str(realm.config)
    realm.add(security.USER)
    properties = {**settings.pop("properties", {})}
    for protocol in PROTOCOLS:
        properties.update(realm.broker_properties(protocol))
    options = [*settings.pop("jvm_options", []), *realm.jvm_options()]
    return [
        lab.cluster(name, secure=True, properties=properties, jvm_options=options, **settings)
        for name in ("secure-source", "secure-target")
    ]


def client(alias, cluster, protocol, realm, options):
    """Without sasl.mechanism: GSSAPI is what Kafka's clients take then."""
    settings = {key: value for key, value in cluster.client_settings(protocol, "PLAIN").items()
                if not key.startswith("sasl.")}  # fmt: skip
    return {f"{alias}.{key}": value for key, value in {**settings, **realm.client_settings(options)}.items()}


def stop_at_end(lab, realm):
    """A test that fails or times out leaves no KDC: the runner ends what is recorded beside shunt's own processes."""
    (lab.home / "shunt-kdc.process").symlink_to(realm.process.record)


@integration(timeout_seconds=240)
def tickets_of_either_kind_serve_both_event_loops(lab):
    with Realm(lab.home / "realm") as realm:
        stop_at_end(lab, realm)
        source, target = kerberised(lab, realm)
        handed_over = {
            "keytab": realm.keytab_options(security.USER),
            "cache": f'useTicketCache=true ticketCache="{realm.ticket_cache(security.USER)}"',
        }
        ways = [(name, protocol, loop) for name in handed_over for protocol in PROTOCOLS for loop in LOOPS]
        topics = load_for_each_way(lab, source, ways)
        for (name, protocol, loop), topic in zip(ways, topics):
            settings = {
                **client("source", source, protocol, realm, handed_over[name]),
                **client("target", target, protocol, realm, handed_over[name]),
                "shunt.io": loop,
            }
            assert_whole_and_calm(lab.mirror([topic], source=source, target=target, settings=settings), 2000)
        lab.assert_identical(topics, source=source, target=target)


@integration(timeout_seconds=240)
def sessions_are_renewed_while_the_kdc_hangs(lab):
    # The tickets that are there serve for all of the sessions.
    with Realm(lab.home / "realm") as realm:
        stop_at_end(lab, realm)
        source, target = kerberised(lab, realm, properties=SHORT_SESSIONS, jvm_options=[LOG_RENEWALS])
        for loop in LOOPS:
            topic = lab.topic(loop)
            source.create_topic(topic, partitions=4)
            options = realm.keytab_options(security.USER)
            settings = {
                **client("source", source, "SASL_PLAINTEXT", realm, options),
                **client("target", target, "SASL_PLAINTEXT", realm, options),
                "shunt.io": loop,
            }
            run = lab.start_mirror([topic], source=source, target=target, settings=settings)
            lab.load(cluster=source, topic=loop, records=60000, partitions=4)
            lab.until_level([topic], source, target)
            realm.process.signal(signal.SIGSTOP)
            loads = load_until_renewed(lab, source, target, loop, 6, loads=1)
            lab.until_level([topic], source, target)
            realm.process.signal(signal.SIGCONT)
            assert_undisturbed(lab, run, topic, source, target, loads * 60000)


@integration(timeout_seconds=240)
def a_ticket_that_cannot_be_had_is_named(lab):
    with Realm(lab.home / "realm") as realm:
        stop_at_end(lab, realm)
        source, target = kerberised(lab, realm)
        topic = lab.load(cluster=source, topic="t", records=10)
        good = client("source", source, "SASL_PLAINTEXT", realm, realm.keytab_options(security.USER))

        def said(options, **more):
            settings = {**good, **client("target", target, "SASL_PLAINTEXT", realm, options), **more}
            config = lab.config([topic], source=source, target=target, settings=settings)
            check = lab.shunt("check", config)
            assert check.wait(60) == 1, check.output.read_text()
            return check.output.read_text() + check.log_text()

        prefix = f'SASL: GSSAPI as user "{security.USER}@{NAME}": '
        missing = lab.home / "missing.keytab"
        text = said(realm.keytab_options(security.USER, missing))
        assert f"{prefix}no ticket from {missing}: No such file or directory" in text, text
        text = said(f'useKeyTab=true keyTab="{realm.keytab(security.USER)}" principal="stranger@{NAME}"')
        assert f'SASL: GSSAPI as user "stranger@{NAME}": no ticket from {realm.keytab(security.USER)}: it holds no key of stranger@{NAME}' in text, text
        text = said(f'useTicketCache=true ticketCache="{lab.home}/nothing"')
        assert f"SASL: GSSAPI: no ticket from {lab.home}/nothing: No credentials cache found" in text, text
        text = said(realm.keytab_options(security.USER), **{"target.sasl.kerberos.service.name": "elephant"})
        assert prefix in text and "Server elephant/127.0.0.1@LAB.EXAMPLE not found in Kerberos database" in text, text
        realm.stop()
        text = said(realm.keytab_options(security.USER))
        assert prefix in text and f"Cannot contact any KDC for realm '{NAME}'" in text, text
