"""Log ends of a topic's partitions, asked of one broker over one connection: what a reader could see, at a glance.

ListOffsets v1 (KIP-79; the oldest version every broker up to 4.3 speaks). It answers the high watermark, which is what
"visible on the target" means. One answer takes a fraction of a millisecond, so a watcher does not disturb the watched.
"""

import socket
import struct

LIST_OFFSETS = 2
LATEST = -1


class LogEnds:
    def __init__(self, address, topic, partitions):
        host, port = address.rsplit(":", 1)
        body = struct.pack(">ii", -1, 1) + struct.pack(">h", len(topic)) + topic.encode()
        body += struct.pack(">i", partitions)
        body += b"".join(struct.pack(">iq", index, LATEST) for index in range(partitions))
        frame = struct.pack(">hhihs", LIST_OFFSETS, 1, 1, 1, b"v") + body
        self._request = struct.pack(">i", len(frame)) + frame
        self._topic = topic
        self._partitions = partitions
        self._socket = socket.create_connection((host, int(port)), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stream.close()
        self._socket.close()

    def read(self):
        """One end a partition; 0 where the partition does not exist or has no leader yet."""
        self._socket.sendall(self._request)
        (size,) = struct.unpack(">i", self._take(4))
        data = self._take(size)
        at = 4 + 4 + 2 + len(self._topic.encode())  # correlation id, topic count, topic name
        (count,) = struct.unpack_from(">i", data, at)
        ends = [0] * self._partitions
        for index, error, _, offset in struct.iter_unpack(">ihqq", data[at + 4 : at + 4 + 22 * count]):
            if error == 0:
                ends[index] = offset
        return ends

    def total(self):
        return sum(self.read())

    def _take(self, size):
        data = self._stream.read(size)
        if len(data) < size:
            raise ConnectionError(f"the broker closed the connection while asked for the log ends of {self._topic}")
        return data
