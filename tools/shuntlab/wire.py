"""The few Kafka requests a lab needs, over a plain socket: a JVM admin client takes a second to start, this takes a
millisecond.

Only versions that every broker from 2.8 to 4.3 speaks, non-flexible ones where there are any: ListOffsets v2, Metadata v2,
CreateTopics v4, DeleteTopics v3, DescribeAcls v1, CreateAcls v1, ElectLeaders v1, AlterPartitionReassignments v0.
"""

import socket
import struct

from .errors import LabError

LIST_OFFSETS = 2
METADATA, CREATE_TOPICS, DELETE_TOPICS, DESCRIBE_ACLS, CREATE_ACLS = 3, 19, 20, 29, 30
ELECT_LEADERS, ALTER_PARTITION_REASSIGNMENTS = 43, 45
_MAX_RESPONSE_BYTES = 64 << 20
_ERROR_NAMES = {
    3: "UNKNOWN_TOPIC_OR_PARTITION",
    7: "REQUEST_TIMED_OUT",
    17: "INVALID_TOPIC_EXCEPTION",
    29: "TOPIC_AUTHORIZATION_FAILED",
    36: "TOPIC_ALREADY_EXISTS",
    37: "INVALID_PARTITIONS",
    38: "INVALID_REPLICATION_FACTOR",
    40: "INVALID_CONFIG",
    41: "NOT_CONTROLLER",
    44: "POLICY_VIOLATION",
    80: "PREFERRED_LEADER_NOT_AVAILABLE",
    84: "ELECTION_NOT_NEEDED",
}


def _string(text):
    data = text.encode()
    return struct.pack(">h", len(data)) + data


def _nullable_string(text):
    return struct.pack(">h", -1) if text is None else _string(text)


class _Reader:
    def __init__(self, data):
        self._data = data
        self._at = 0

    def take(self, layout):
        (value,) = struct.unpack_from(">" + layout, self._data, self._at)
        self._at += struct.calcsize(">" + layout)
        return value

    def string(self):
        size = self.take("h")
        if size < 0:
            return None
        self._at += size
        return self._data[self._at - size : self._at].decode()

    def array(self, item):
        return [item() for _ in range(self.take("i"))]


def _unsigned_varint(number):
    data = b""
    while number > 0x7F:
        data, number = data + bytes([number & 0x7F | 0x80]), number >> 7
    return data + bytes([number])


def _compact(items):
    """An array of a flexible version; items are encoded ones."""
    return _unsigned_varint(len(items) + 1) + b"".join(items)


def _exchange(address, api_key, version, body, timeout_seconds):
    """One request, one response, one connection. Raises OSError if the broker does not answer in time."""
    frame = struct.pack(">hhi", api_key, version, 1) + _nullable_string("lab") + body
    with socket.create_connection(address, timeout=timeout_seconds) as connection:
        connection.sendall(struct.pack(">i", len(frame)) + frame)
        with connection.makefile("rb") as stream:
            head = stream.read(4)
            if len(head) < 4:
                raise ConnectionError(f"{address[0]}:{address[1]} closed the connection instead of answering")
            (size,) = struct.unpack(">i", head)
            if not 4 <= size <= _MAX_RESPONSE_BYTES:
                raise ConnectionError(f"{address[0]}:{address[1]} does not speak Kafka (frame of {size} bytes)")
            data = stream.read(size)
            if len(data) < size:
                raise ConnectionError(f"{address[0]}:{address[1]} closed the connection in mid-answer")
            return _Reader(data[4:])


def metadata(address, timeout_seconds=5):
    """{"cluster_id": id, "brokers": {id: (host, port)}, "controller": id, "topics": {name: {partition: (leader,
    replicas, isr)}}}.

    A KRaft broker lists only brokers that are registered and unfenced; leader is -1 where there is none.
    """
    reader = _exchange(address, METADATA, 2, struct.pack(">i", -1), timeout_seconds)

    def broker():
        broker_id, host, port = reader.take("i"), reader.string(), reader.take("i")
        reader.string()  # rack
        return broker_id, (host, port)

    def partition():
        reader.take("h")
        index, leader = reader.take("i"), reader.take("i")
        return index, (leader, reader.array(lambda: reader.take("i")), reader.array(lambda: reader.take("i")))

    def topic():
        reader.take("h")
        name = reader.string()
        reader.take("b")  # internal
        return name, dict(reader.array(partition))

    brokers = dict(reader.array(broker))
    return {
        "brokers": brokers,
        "cluster_id": reader.string(),
        "controller": reader.take("i"),
        "topics": dict(reader.array(topic)),
    }


def log_ends(address, partitions, timeout_seconds=5):
    """{(topic, partition): the high watermark} of those of `partitions`, an iterable of such pairs, that this broker
    leads."""
    latest = -1
    topics = {}
    for topic, index in partitions:
        topics.setdefault(topic, []).append(struct.pack(">iq", index, latest))
    body = struct.pack(">ibi", -1, 0, len(topics))
    for topic, rows in topics.items():
        body += _string(topic) + struct.pack(">i", len(rows)) + b"".join(rows)
    reader = _exchange(address, LIST_OFFSETS, 2, body, timeout_seconds)
    reader.take("i")  # throttle time

    def partition():
        index, code = reader.take("i"), reader.take("h")
        reader.take("q")  # timestamp
        return index, code, reader.take("q")

    ends = {}
    for topic, rows in reader.array(lambda: (reader.string(), reader.array(partition))):
        ends.update({(topic, index): end for index, code, end in rows if code == 0})
    return ends


def _raise_for(topic, code, message):
    if code != 0:
        raise LabError(
            f"topic {topic}: error {code} {_ERROR_NAMES.get(code, '')}".rstrip() + (f": {message}" if message else "")
        )


def create_topic(address, name, partitions, replication, configs, timeout_seconds=30):
    """Creates a topic; replica assignment is the cluster's. -1 partitions or replicas: the broker's default."""
    body = struct.pack(">i", 1) + _string(name) + struct.pack(">ih", partitions, replication) + struct.pack(">i", 0)
    body += struct.pack(">i", len(configs)) + b"".join(
        _string(key) + _nullable_string(value) for key, value in configs.items()
    )
    body += struct.pack(">ib", timeout_seconds * 1000, 0)
    reader = _exchange(address, CREATE_TOPICS, 4, body, timeout_seconds + 5)
    reader.take("i")  # throttle time
    for topic, code, message in reader.array(lambda: (reader.string(), reader.take("h"), reader.string())):
        _raise_for(topic, code, message)


def delete_topic(address, name, timeout_seconds=30):
    body = struct.pack(">i", 1) + _string(name) + struct.pack(">i", timeout_seconds * 1000)
    reader = _exchange(address, DELETE_TOPICS, 3, body, timeout_seconds + 5)
    reader.take("i")  # throttle time
    for topic, code in reader.array(lambda: (reader.string(), reader.take("h"))):
        _raise_for(topic, code, None)


def create_acls(address, user, rights, timeout_seconds=30):
    """Allows a user things, from anywhere: [(resource type, name, pattern type, operation)], numbers as in Kafka's
    protocol."""
    allow = 3
    rows = [
        struct.pack(">b", resource) + _string(name) + struct.pack(">b", pattern) + _string(f"User:{user}") + _string("*")
        + struct.pack(">bb", operation, allow)
        for resource, name, pattern, operation in rights
    ]  # fmt: skip
    body = struct.pack(">i", len(rows)) + b"".join(rows)
    reader = _exchange(address, CREATE_ACLS, 1, body, timeout_seconds)
    reader.take("i")  # throttle time
    for code, message in reader.array(lambda: (reader.take("h"), reader.string())):
        _raise_for("(rights)", code, message)


def count_acls(address, user, timeout_seconds=5):
    """How many rights this broker knows of a user."""
    any_one = 1
    body = struct.pack(">b", any_one) + _nullable_string(None) + struct.pack(">b", any_one)
    body += _string(f"User:{user}") + _nullable_string(None) + struct.pack(">bb", any_one, any_one)
    reader = _exchange(address, DESCRIBE_ACLS, 1, body, timeout_seconds)
    reader.take("i")  # throttle time
    _raise_for("(rights)", reader.take("h"), reader.string())

    def resource():
        reader.take("b"), reader.string(), reader.take("b")
        return len(reader.array(lambda: (reader.string(), reader.string(), reader.take("b"), reader.take("b"))))

    return sum(reader.array(resource))


def elect_preferred_leaders(address, timeout_seconds=30):
    """Each partition of the cluster gets its first replica as leader, if it has another one and that one is in sync."""
    body = struct.pack(">biI", 0, -1, timeout_seconds * 1000)
    reader = _exchange(address, ELECT_LEADERS, 1, body, timeout_seconds + 5)
    reader.take("i")  # throttle time
    _raise_for("(all)", reader.take("h"), None)


def reassign(address, replicas, timeout_seconds=30):
    """Gives partitions other replicas, the first of each list the preferred one: {topic: {partition: [broker id]}}."""
    no_tags = b"\0"

    def partition(index, brokers):
        return struct.pack(">i", index) + _compact([struct.pack(">i", one) for one in brokers]) + no_tags

    def topic(name, partitions):
        rows = [partition(index, brokers) for index, brokers in partitions.items()]
        return _unsigned_varint(len(name.encode()) + 1) + name.encode() + _compact(rows) + no_tags

    body = no_tags + struct.pack(">i", timeout_seconds * 1000)  # the tags are the request header's
    body += _compact([topic(name, partitions) for name, partitions in replicas.items()]) + no_tags
    reader = _exchange(address, ALTER_PARTITION_REASSIGNMENTS, 0, body, timeout_seconds + 5)
    reader.take("b")  # the response header's tags
    reader.take("i")  # throttle time
    _raise_for("(all)", reader.take("h"), None)
