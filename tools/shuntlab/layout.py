"""A cluster on paper: which ports its brokers take, which of them are controllers, and what their settings are."""

import random
import socket
from pathlib import Path

from .errors import LabError

HOST = "127.0.0.1"
PROXIED = "PROXIED"  # a listener whose clients are sent through a proxy; plain text


def free_ports(count):
    """Ports nobody listens on, below the range from which the kernel takes outgoing ones: a restarted broker finds its
    port free."""
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = range(10240, lowest_outgoing) if lowest_outgoing > 12000 else range(10240, 65536)
    ports = []
    for port in random.sample(candidates, len(candidates)):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise LabError(f"no {count} free TCP ports on {HOST}")


def has_kraft(version):
    """Whether brokers of this version keep their metadata themselves; before 3.3 they need ZooKeeper."""
    return tuple(int(part) for part in version.split("-")[0].split(".")[:2]) >= (3, 3)


def zookeeper_properties(port, data):
    """The settings of a ZooKeeper of one server."""
    return {
        "clientPort": port,
        "clientPortAddress": HOST,
        "dataDir": str(data),
        "admin.enableServer": "false",
        "maxClientCnxns": 0,
        "tickTime": 500,  # sessions may last 2 to 20 ticks
    }


def assign_ports(broker_ids, listeners, first_port=None, proxied=False):
    """{broker id: {"listeners": {protocol: port}, "port": the PLAINTEXT one, "controller_port": port}}.

    With first_port the PLAINTEXT ports count up from there; all others are free ones. A proxied broker also has a
    listener PROXIED, and a "proxy_port": what it tells clients of that listener to connect to.
    """
    protocols = ["PLAINTEXT", *listeners, *([PROXIED] if proxied else [])]
    free = free_ports(len(broker_ids) * (len(protocols) + (2 if proxied else 1)))
    result = {}
    for index, broker_id in enumerate(broker_ids):
        ports = {protocol: free.pop() for protocol in protocols}
        if first_port:
            ports["PLAINTEXT"] = first_port + index
        result[broker_id] = {"listeners": ports, "port": ports["PLAINTEXT"], "controller_port": free.pop()}
        if proxied:
            result[broker_id]["proxy_port"] = free.pop()
    return result


def server_properties(broker_id, brokers, data, zookeeper_port=None):
    """The settings of one broker; brokers as assign_ports returns them, data its log directory.

    With ZooKeeper any broker may be the controller. Without it one broker is broker and controller at once. With two, the first is also the controller. With three or more, the
    first three are: any single one may die and the others keep a quorum.
    """
    ids = list(brokers)
    replicas = min(3, len(ids))
    ports = brokers[broker_id]
    listeners = [f"{protocol}://{HOST}:{port}" for protocol, port in ports["listeners"].items()]
    protocols = [
        f"{protocol}:{'PLAINTEXT' if protocol == PROXIED else protocol}" for protocol in ports["listeners"]
    ]
    advertised = {**ports["listeners"], **({PROXIED: ports["proxy_port"]} if "proxy_port" in ports else {})}
    if zookeeper_port:
        membership = {
            "broker.id": broker_id,
            "zookeeper.connect": f"{HOST}:{zookeeper_port}",
            "zookeeper.session.timeout.ms": 6000,
        }
    else:
        controllers = ids[:3] if len(ids) >= 3 else ids[:1]
        if broker_id in controllers:
            listeners.append(f"CONTROLLER://{HOST}:{ports['controller_port']}")
        protocols.append("CONTROLLER:PLAINTEXT")
        voters = (f"{one}@{HOST}:{brokers[one]['controller_port']}" for one in controllers)
        membership = {
            "node.id": broker_id,
            "process.roles": "broker,controller" if broker_id in controllers else "broker",
            "controller.quorum.voters": ",".join(voters),
            "controller.listener.names": "CONTROLLER",
        }
    return {
        **membership,
        "listeners": ",".join(listeners),
        "advertised.listeners": ",".join(f"{protocol}://{HOST}:{port}" for protocol, port in advertised.items()),
        "listener.security.protocol.map": ",".join(protocols),
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(data),
        # Internal topics as safe as the cluster's size allows, with few partitions: they cost the start its time.
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": 5,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": min(2, replicas),
        "transaction.state.log.num.partitions": 5,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": min(2, replicas),
        "share.coordinator.state.topic.num.partitions": 5,
        # A lab starts, loses and regains brokers all day: notice both soon.
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 6000,
        "group.initial.rebalance.delay.ms": 0,
        # Test data carries timestamps of its own, often years old; retention would delete it within seconds.
        "log.retention.ms": -1,
        "log.cleaner.dedupe.buffer.size": 4 << 20,
    }
