"""What tests of clusters that authenticate have in common: the clusters, what a client of theirs says, every way in which a
mirror may reach them, and sessions that brokers end."""

LOOPS = ("io_uring", "epoll")

# A broker ends such a session at the first request after seven seconds that is no re-authentication (KIP-368). shunt
# renews it five seconds before: a broker that a busy machine holds up for a second or two still reads in time what was
# in flight then.
SHORT_SESSIONS = {"connections.max.reauth.ms": 7000}

# Brokers then say in their log when a session is authenticated again (KIP-368).
LOG_RENEWALS = "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.security.authenticator.SaslServerAuthenticator=debug"


def secured(lab, **settings):
    return [lab.cluster(name, secure=True, **settings) for name in ("secure-source", "secure-target")]


def client(alias, cluster, protocol, mechanism=None, **who):
    return {f"{alias}.{key}": value for key, value in cluster.client_settings(protocol, mechanism, **who).items()}


def load_for_each_way(lab, source, ways):
    """One topic of 2000 records for each way, which is a tuple of words; returns their names."""
    spec = {"records": 2000, "partitions": 3, "codec": "lz4", "flush": "1..300"}
    return lab.load_all([{**spec, "topic": ".".join(map(str, way))} for way in ways], cluster=source)


def assert_whole_and_calm(summary, records):
    """All of it was mirrored once, by connections that nothing happened to."""
    assert summary["records"] == records and summary["duplicates"] == 0, summary
    assert not summary["failures"] and not summary["conditions"], summary
    assert sum(shard["connections_lost"] for shard in summary["shards"]) == 0, summary


def renewals(cluster):
    """How often a session was authenticated again, with LOG_RENEWALS."""
    return cluster.broker(1).log.read_text(errors="replace").count("Beginning re-authentication")


def load_until_renewed(lab, source, target, name, times, loads=0):
    """Loads 60000 records into the topic, again and again, until so many sessions were renewed on both clusters; returns how
    many loads there were, the first `loads` included."""
    before = renewals(source), renewals(target)
    while min(renewals(source) - before[0], renewals(target) - before[1]) < times:
        assert loads < 60, (loads, before, renewals(source), renewals(target))
        lab.load(cluster=source, topic=name, records=60000, partitions=4, codec="lz4", start=loads * 60000)
        loads += 1
    return loads


def assert_undisturbed(lab, run, topic, source, target, records):
    """Ends the mirror: it has mirrored all of the topic, and had nothing to warn of."""
    lab.until_level([topic], source, target)
    run.drain()
    assert_whole_and_calm(run.summary(), records)
    assert " warning " not in run.log_text(), run.log_text()
    lab.assert_identical([topic], source=source, target=target)
