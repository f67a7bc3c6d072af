"""The proxy does what it is told, and everything passes again afterwards."""

import asyncio
import socket
import threading
import unittest

from proxy import DOWN, UP, Gate, Proxy

LONG_SECONDS = 30  # for what must come
SHORT_SECONDS = 0.2  # for what must not


class Server:
    """Takes connections one at a time, and remembers them."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(LONG_SECONDS)
        self.address = self._listener.getsockname()

    def accept(self, timeout_seconds=LONG_SECONDS):
        self._listener.settimeout(timeout_seconds)
        connection, _ = self._listener.accept()
        connection.settimeout(LONG_SECONDS)
        return connection

    def close(self):
        self._listener.close()


def free_address():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()


def receive(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            break
        data += piece
    return data


class ProxyTest(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.proxy = Proxy()
        self.proxy.__enter__()
        self.addCleanup(self.proxy.__exit__)
        self.address = free_address()
        self.gate = self.proxy.gate(self.address, self.server.address)

    def client(self):
        connection = socket.create_connection(self.address, LONG_SECONDS)
        self.addCleanup(connection.close)
        return connection

    def connect(self):
        """Both ends of a connection that has carried a byte each way."""
        client = self.client()
        client.sendall(b"?")
        server = self.server.accept()
        self.addCleanup(server.close)
        self.assertEqual(server.recv(1), b"?")
        server.sendall(b"!")
        self.assertEqual(client.recv(1), b"!")
        return client, server

    def assert_silent(self, connection):
        connection.settimeout(SHORT_SECONDS)
        with self.assertRaises(TimeoutError):
            connection.recv(1)
        connection.settimeout(LONG_SECONDS)

    def test_everything_passes_both_ways_and_ends_are_told(self):
        client, server = self.connect()
        data = bytes(range(256)) * 40000  # more than any buffer on the way
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        self.assertEqual(receive(server, len(data)), data)
        sender.join()
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(server.recv(1), b"")
        server.sendall(b"after the other end")
        server.close()
        self.assertEqual(receive(client, 100), b"after the other end")

    def test_slices_and_latency_change_nothing_but_the_time(self):
        client, server = self.connect()
        self.gate.fault(latency_ms=20, slice_bytes=7)
        data = bytes(range(256)) * 40
        client.sendall(data)
        self.assertEqual(receive(server, len(data)), data)

    def test_slices_are_handed_on_one_by_one(self):
        pieces = []

        class Writer:
            def write(self, piece):
                pieces.append(bytes(piece))

            async def drain(self):
                pass

        async def hand_on():
            gate = Gate(asyncio.get_running_loop(), None)
            gate.fault(latency_ms=0, slice_bytes=3, dead=[])
            await gate._hand_on(Writer(), b"abcdefgh", UP)

        asyncio.run(hand_on())
        self.assertEqual(pieces, [b"abc", b"def", b"gh"])

    def test_one_direction_is_dead(self):
        client, server = self.connect()
        self.gate.fault(dead=[DOWN])
        client.sendall(b"request")
        self.assertEqual(receive(server, 7), b"request")
        server.sendall(b"answer")
        self.assert_silent(client)
        self.gate.heal()
        self.assertEqual(receive(client, 6), b"answer")

    def test_a_black_hole_accepts_and_nothing_more(self):
        client, server = self.connect()
        self.gate.fault(dead=[UP, DOWN])
        late = self.client()
        late.sendall(b"late")
        client.sendall(b"held")
        server.sendall(b"held")
        self.assert_silent(client)
        self.assert_silent(server)
        with self.assertRaises(TimeoutError):
            self.server.accept(SHORT_SECONDS)
        self.gate.heal()
        self.assertEqual(receive(client, 4), b"held")
        self.assertEqual(receive(server, 4), b"held")
        with self.server.accept() as other:
            self.assertEqual(receive(other, 4), b"late")

    def test_what_a_dead_client_has_sent_arrives_late(self):
        client, server = self.connect()
        self.gate.fault(dead=[UP])
        client.sendall(b"last words")
        client.close()
        self.assert_silent(server)
        self.gate.heal()
        self.assertEqual(receive(server, 100), b"last words")

    def test_resets_reach_both_sides_and_new_connections_pass(self):
        client, server = self.connect()
        self.gate.reset()
        for one in (client, server):
            with self.assertRaises(ConnectionResetError):
                one.recv(1)
        self.connect()


if __name__ == "__main__":
    unittest.main()
