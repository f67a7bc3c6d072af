"""A server that lies. It stands in front of a real broker: it authenticates its clients itself (TLS if it is told to,
SASL SCRAM-SHA-256), hands on what they ask after that, and takes the broker's place in Metadata answers. A case overrides
one of its steps with something that no broker would do.

    with Front(upstream, Case(api_versions=lambda talk: talk.send_raw(b"\x7f\xff\xff\xff"))) as front: ...
"""

import base64
import contextlib
import dataclasses
import hashlib
import hmac
import os
import socket
import ssl
import struct
import threading
import time
from typing import Callable, Optional

PRODUCE, FETCH, METADATA, SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 0, 1, 3, 17, 18, 36
USER, PASSWORD = "mirror", "not to be said"
HOST = "127.0.0.1"


class Closed(Exception):
    """The conversation is over."""


@dataclasses.dataclass
class Case:
    """What is done instead of the honest thing. Each step is called with the Conversation and may return bytes to take the
    place of the honest answer's body, or None when it has done all itself."""

    accept: Optional[Callable] = None  # instead of everything
    tls: Optional[Callable] = None  # instead of the TLS handshake
    api_versions: Optional[Callable] = None
    mechanisms: Optional[Callable] = None
    first: Optional[Callable] = None  # of SCRAM: called with the client's nonce, returns the server's text
    final: Optional[Callable] = None  # called with the right text, returns another
    authenticated: Optional[Callable] = None  # before anything else is read
    answers: dict = dataclasses.field(default_factory=dict)  # api key: called with the honest frame, returns another


HONEST = Case()


def frame(body):
    return struct.pack(">i", len(body)) + body


def varint(number):
    data = b""
    while number > 0x7F:
        data, number = data + bytes([number & 0x7F | 0x80]), number >> 7
    return data + bytes([number])


class Front:
    """Listens on loopback; every connection is a Conversation on a thread of its own. `case` may be changed while it runs:
    connections that are made then follow the new one. `only`: hostile to clients with ids that begin so, honest to others."""

    def __init__(self, upstream, case=HONEST, tls=None, sasl=True, only=""):
        self.upstream = upstream
        self.case = case
        self.tls = tls
        self.sasl = sasl
        self.only = only
        self.hostile = 0  # connections that met the case
        self.accepted = []  # when
        self.talks = []
        self._lock = threading.Lock()

    def __enter__(self):
        self._listener = socket.create_server((HOST, 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_all()

    @property
    def address(self):
        return f"{HOST}:{self.port}"

    def close_all(self, client_id=""):
        """Ends the conversations with clients of that id."""
        for talk in list(self.talks):
            if talk.client_id.startswith(client_id):
                talk.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.accepted.append(time.monotonic())
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        talk = Conversation(self, connection)
        with self._lock:
            self.talks.append(talk)
        try:
            with contextlib.suppress(OSError, Closed, struct.error, ssl.SSLError):
                talk.run()
        finally:
            talk.close()
            with self._lock:
                self.talks.remove(talk)


class Conversation:
    def __init__(self, front, connection):
        self.front = front
        self.case = front.case
        self.raw = connection.dup()  # what is below TLS
        self.stream = connection
        self.upstream = None
        self.client_id = ""
        self.correlation = 0
        self.request = b""
        self.scram = None
        self._noted = False

    # ---- bytes -------------------------------------------------------------------------------------------------------

    def close(self):
        for end in (self.raw, self.stream, self.upstream):
            if end is not None:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                with contextlib.suppress(OSError):
                    end.close()

    def exactly(self, size, stream=None):
        data = bytearray()
        while len(data) < size:
            part = (stream or self.stream).recv(min(size - len(data), 1 << 20))
            if not part:
                raise Closed
            data += part
        return bytes(data)

    def until_closed(self):
        """Says nothing more, and waits for the client to go."""
        while self.stream.recv(1 << 16):
            pass
        raise Closed

    def send_raw(self, data):
        self.stream.sendall(data)

    def answer(self, body):
        self.send_raw(frame(struct.pack(">i", self.correlation) + body))

    def drip(self, data):
        """One byte a second."""
        for byte in data:
            self.stream.sendall(bytes([byte]))
            time.sleep(1)
        self.until_closed()

    def flood(self, data):
        while True:
            self.stream.sendall(data)

    # ---- the conversation --------------------------------------------------------------------------------------------

    def met(self, step):
        """The case's step, if this connection is one that it is for."""
        if step is None or not self.client_id.startswith(self.front.only):
            return None
        if not self._noted:
            self._noted = True
            self.front.hostile += 1
        return step

    def run(self):
        if self.met(self.case.accept):
            self.case.accept(self)
            raise Closed
        if self.front.tls is not None:
            if self.met(self.case.tls):
                self.case.tls(self)
                raise Closed
            self.stream = self.front.tls.wrap_socket(self.stream, server_side=True, suppress_ragged_eofs=True)
        self.upstream = socket.create_connection(self.front.upstream)
        while True:
            self.handle(self.exactly(*struct.unpack(">i", self.exactly(4))))

    def handle(self, request):
        self.request = request
        api, version, self.correlation, size = struct.unpack_from(">hhih", request)
        self.client_id = request[10 : 10 + max(size, 0)].decode()
        if api == API_VERSIONS:
            self.handle_step(self.case.api_versions, self.ask_upstream)
        elif api == SASL_HANDSHAKE:
            self.handle_step(self.case.mechanisms, lambda: struct.pack(">hi", 0, 1) + b"\x00\x0dSCRAM-SHA-256")
        elif api == SASL_AUTHENTICATE:
            self.handle_sasl(request)
        else:
            self.send_raw_answer(api)

    def handle_step(self, step, honest):
        if self.met(step):
            body = step(self)
            if body is not None:
                self.answer(body)
        else:
            self.answer(honest())
        if step is self.case.api_versions and not self.front.sasl:
            self.begin()

    def begin(self):
        if self.met(self.case.authenticated):
            self.case.authenticated(self)

    def ask_upstream(self):
        """The honest answer to the request at hand, without its correlation id."""
        self.upstream.sendall(frame(self.request))
        answer = self.exactly(*struct.unpack(">i", self.exactly(4, self.upstream)), self.upstream)
        return answer[4:]

    def send_raw_answer(self, api):
        body = self.ask_upstream()
        if api == METADATA:
            host, port = self.front.upstream
            body = body.replace(host.encode() + struct.pack(">i", port), HOST.encode() + struct.pack(">i", self.front.port))
        step = self.case.answers.get(api)
        if self.met(step):
            body = step(self, body)
        if body is not None:
            self.answer(body)

    # ---- SCRAM-SHA-256 (RFC 5802), the server's side -----------------------------------------------------------------

    def challenge(self, text, error=0, message=None):
        """An answer to SaslAuthenticate 2."""
        data = text if isinstance(text, bytes) else text.encode()
        said = b"\x00" if message is None else varint(len(message) + 1) + message.encode()
        self.answer(b"\x00" + struct.pack(">h", error) + said + varint(len(data) + 1) + data + struct.pack(">q", 0) + b"\x00")

    def handle_sasl(self, request):
        (size,) = struct.unpack_from(">h", request, 8)
        at = 10 + size + 1  # behind the header's tags
        length = shift = 0
        while True:
            length |= (request[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if request[at - 1] < 0x80:
                break
        message = request[at : at + length - 1].decode()
        if self.scram is None:
            bare = message.split(",", 2)[2]
            nonce = dict(part.split("=", 1) for part in bare.split(","))["r"]
            salt = os.urandom(16)
            honest = f"r={nonce}{base64.b64encode(os.urandom(12)).decode()},s={base64.b64encode(salt).decode()},i=4096"
            self.scram = (bare, honest, salt)
            text = self.case.first(self, nonce, honest) if self.met(self.case.first) else honest
            if text is not None:
                self.challenge(text)
            return
        bare, first, salt = self.scram
        without_proof = message[: message.rindex(",p=")]
        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, 4096)
        key = hmac.digest(salted, b"Server Key", "sha256")
        signed = ",".join((bare, first, without_proof)).encode()
        honest = "v=" + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        text = self.case.final(self, honest) if self.met(self.case.final) else honest
        if text is None:
            return
        self.challenge(text)
        self.scram = None
        self.begin()


def tls_flight(talk):
    """What an honest TLS server would answer to the ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = talk.front.tls.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(talk.raw.recv(1 << 16))
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()
