"""A TCP proxy in user space, between shunt and the brokers, whose network goes wrong when it is told to.

One gate stands in front of each broker. It is told what is wrong with it by fault(); everything is as it should be again
after heal():

    latency_ms   every byte arrives so much later (in order, and as many at a time as before)
    slice_bytes  what is sent arrives in pieces of at most that size
    dead         directions ("up": to the broker, "down": from it) in which nothing arrives, over connections that stay
                 open: one for a half-open connection, both for a black hole, which also accepts new connections

What a dead direction had swallowed arrives when it heals, late, as after a network that was cut for a while; or never,
if the connections are reset instead (reset(): both sides see RST).

Proxy runs it in a process of its own, which ends with its parent: bytes do not wait for what else the tests do.
"""

import asyncio
import json
import socket
import struct
import subprocess
import sys
import threading

READ_BYTES = 1 << 16
QUEUE_BYTES = 4 << 20  # held for a slow or dead direction; the sender is made to wait beyond that
UP, DOWN = "up", "down"


# ---- In the tests' process -----------------------------------------------------------------------------------------


class Proxy:
    """The proxy's process. A context manager; its methods may be called from any thread."""

    def __init__(self):
        self._lock = threading.Lock()
        self._process = None

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-B", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def gate(self, listen_address, broker_address):
        """A new gate: connections to listen_address, a (host, port), go to the broker's."""
        return RemoteGate(self, self.tell("gate", listen=listen_address, broker=broker_address))

    def tell(self, command, **arguments):
        """Has the process carry out a command; returns what it answers."""
        with self._lock:
            self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        assert answer, "the proxy has ended by itself"
        return json.loads(answer)


class RemoteGate:
    """One broker's way in. Made by Proxy.gate()."""

    def __init__(self, proxy, number):
        self._proxy, self._number = proxy, number

    def fault(self, latency_ms=0, slice_bytes=None, dead=()):
        """What is wrong from now on, instead of what was."""
        settings = {"latency_ms": latency_ms, "slice_bytes": slice_bytes, "dead": list(dead)}
        self._proxy.tell("fault", gate=self._number, settings=settings)

    def heal(self):
        self.fault()

    def reset(self):
        """Ends every connection with RST; new ones are accepted."""
        self._proxy.tell("reset", gate=self._number)


# ---- In the proxy's process ----------------------------------------------------------------------------------------


class Gate:
    def __init__(self, loop, broker_address):
        self._loop = loop
        self._broker_address = broker_address
        self._connections = set()
        self._latency_seconds = 0.0
        self._slice_bytes = None
        self._alive = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        self.fault(latency_ms=0, slice_bytes=None, dead=[])

    def fault(self, latency_ms, slice_bytes, dead):
        self._latency_seconds = latency_ms / 1000
        self._slice_bytes = slice_bytes
        for direction, event in self._alive.items():
            event.clear() if direction in dead else event.set()

    def reset(self):
        for connection in list(self._connections):
            connection.abort()

    async def accept(self, reader, writer):
        connection = _Connection(writer)
        self._connections.add(connection)
        try:
            # A black hole accepts: the kernel does, before anybody asks whether there is a way on.
            await self._alive[UP].wait()
            broker_reader, broker_writer = await asyncio.open_connection(*self._broker_address)
            connection.writers.append(broker_writer)
            if connection.is_aborted:  # while it was being made
                connection.abort()
                return
            await asyncio.gather(self._pump(reader, broker_writer, UP), self._pump(broker_reader, writer, DOWN))
        except (OSError, asyncio.IncompleteReadError):
            connection.abort()  # a broker that refuses or resets does so to its client, too
        except asyncio.CancelledError:
            pass  # the proxy is closed
        finally:
            self._connections.discard(connection)
            for one in connection.writers:
                one.close()

    async def _pump(self, reader, writer, direction):
        """Reads as fast as it comes, up to a limit, and hands on when the network lets it."""
        queue, room = asyncio.Queue(), _Room(QUEUE_BYTES)
        receiving = asyncio.ensure_future(self._receive(reader, queue, room))
        try:
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                await self._alive[direction].wait()
                if not data:
                    writer.write_eof()
                    return
                await self._hand_on(writer, data, direction)
                room.give(len(data))
        finally:
            receiving.cancel()

    async def _receive(self, reader, queue, room):
        try:
            data = True
            while data:
                data = await reader.read(READ_BYTES)
                await room.take(len(data))
                queue.put_nowait((self._loop.time() + self._latency_seconds, data))
        except OSError:
            queue.put_nowait((self._loop.time(), b""))

    async def _hand_on(self, writer, data, direction):
        view = memoryview(data)
        while view:
            piece = view[: self._slice_bytes or len(view)]
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)  # the piece leaves by itself, and neighbours have their turn
            view = view[len(piece) :]
            await self._alive[direction].wait()


class _Connection:
    def __init__(self, client_writer):
        self.writers = [client_writer]
        self.is_aborted = False

    def abort(self):
        self.is_aborted = True
        for writer in self.writers:
            raw = writer.get_extra_info("socket")
            if raw is not None and raw.fileno() >= 0:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class _Room:
    """So many bytes may wait; take() waits until they may."""

    def __init__(self, size):
        self._left = size
        self._changed = asyncio.Event()

    async def take(self, size):
        while self._left <= 0:
            self._changed.clear()
            await self._changed.wait()
        self._left -= size

    def give(self, size):
        self._left += size
        self._changed.set()


async def main():
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    gates = []
    while line := await commands.readline():
        request = json.loads(line)
        answer = None
        if request["command"] == "gate":
            gates.append(Gate(loop, request["broker"]))
            await asyncio.start_server(gates[-1].accept, *request["listen"], limit=READ_BYTES)
            answer = len(gates) - 1
        elif request["command"] == "fault":
            gates[request["gate"]].fault(**request["settings"])
        else:
            gates[request["gate"]].reset()
        print(json.dumps(answer), flush=True)
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
