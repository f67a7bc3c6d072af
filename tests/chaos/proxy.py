"""A TCP proxy in user space, between shunt and the brokers, whose network goes wrong when it is told to.

One Gate stands in front of each broker. It is told what is wrong with it by Gate.fault(); everything is as it should be
again after Gate.heal():

    latency_ms   every byte arrives so much later (in order, and as many at a time as before)
    slice_bytes  what is sent arrives in pieces of at most that size
    dead         directions ("up": to the broker, "down": from it) in which nothing arrives, over connections that stay
                 open: one for a half-open connection, both for a black hole, which also accepts new connections

What a dead direction had swallowed arrives when it heals, late, as after a network that was cut for a while; or never,
if the connections are reset instead (Gate.reset: both sides see RST).

The event loop runs in a thread of its own; every method here may be called from any other.
"""

import asyncio
import socket
import struct
import threading

READ_BYTES = 1 << 16
QUEUE_BYTES = 4 << 20  # held for a slow or dead direction; the sender is made to wait beyond that
UP, DOWN = "up", "down"


class Gate:
    """One broker's way in. Made by Proxy.gate()."""

    def __init__(self, loop, broker_address):
        self._loop = loop
        self._broker_address = broker_address
        self._connections = set()
        self._latency_seconds = 0.0
        self._slice_bytes = None
        self._alive = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        for event in self._alive.values():
            event.set()
        self.bytes_passed = {UP: 0, DOWN: 0}

    def fault(self, latency_ms=0, slice_bytes=None, dead=()):
        """What is wrong from now on, instead of what was."""

        def change():
            self._latency_seconds = latency_ms / 1000
            self._slice_bytes = slice_bytes
            for direction, event in self._alive.items():
                event.clear() if direction in dead else event.set()

        self._call(change)

    def heal(self):
        self.fault()

    def reset(self):
        """Ends every connection with RST; new ones are accepted."""
        self._call(lambda: [connection.abort() for connection in list(self._connections)])

    def connections(self):
        return self._call(lambda: len(self._connections))

    def _call(self, action):
        """Runs action() on the loop's thread and returns its value."""

        async def run():
            return action()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    # ---- on the loop's thread ----------------------------------------------------------------------------------------

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
            await asyncio.gather(
                self._pump(reader, broker_writer, UP), self._pump(broker_reader, writer, DOWN)
            )
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
            self.bytes_passed[direction] += len(piece)
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


class Proxy:
    """All gates, and the thread they live in. A context manager."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._servers = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def gate(self, listen_address, broker_address):
        """A new gate: connections to listen_address, a (host, port), go to the broker's."""

        async def serve():
            gate = Gate(self._loop, broker_address)
            self._servers.append(await asyncio.start_server(gate.accept, *listen_address, limit=READ_BYTES))
            return gate

        return asyncio.run_coroutine_threadsafe(serve(), self._loop).result(10)

    def __exit__(self, *_):
        async def close():
            for server in self._servers:
                server.close()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
