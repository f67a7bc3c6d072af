"""Servers that lie, against the program as users run it: what it says of each, and what each costs it.

Whatever a server does, shunt names cluster, address, step and reason; it does not crash, hang, spin or storm; and its
resident memory stays within the bound that README gives.
"""

import dataclasses
import re
import ssl
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Optional

import hostile
from bad_input_test import CRASH, free_port
from harness import integration
from hostile import FETCH, METADATA, Case, Front, varint
from shuntlab import security

LOOPS = ("io_uring", "epoll")
SETUP_SECONDS = 2  # socket.connection.setup.timeout.ms
MIB = 1 << 20


@dataclasses.dataclass
class Lie:
    case: Case
    says: str  # a regular expression
    tls: bool = False
    sasl: bool = True
    data: bool = True  # also on the data path's connections, while it runs


def raw(data):
    return lambda talk: talk.send_raw(data) or talk.until_closed()


def after_hello(data):
    """Waits for the ClientHello first."""

    def step(talk):
        talk.raw.recv(1 << 16)
        talk.raw.sendall(data)
        talk.until_closed()

    return step


def closes(talk, *_):
    talk.close()
    raise hostile.Closed


def silent(talk, *_):
    talk.until_closed()


def drip_frame(talk, *_):
    talk.drip(hostile.frame(struct.pack(">i", talk.correlation) + bytes(60)))


def body(data):
    return lambda talk: data


def first(make):
    """SCRAM's first message, from the client's nonce."""
    return Case(first=lambda talk, nonce, honest: make(nonce, honest))


def mid_stream(data):
    """Past TLS, in front of what TLS would send."""
    return Case(authenticated=lambda talk: talk.raw.sendall(data) or talk.until_closed())


def endless_challenges(talk, text):
    talk.scram = None
    return text


APIS = struct.pack(">hhh", 0, 3, 11) + b"\x00"  # one entry of ApiVersions 3
LIES = {
    # ---- TLS
    "tls-silent": Lie(Case(tls=silent), "TLS: no answer within 2 s|within the time allowed", tls=True),
    "tls-drip": Lie(Case(tls=lambda talk: talk.drip(hostile.tls_flight(talk))), "TLS: no answer within 2 s|within the time", tls=True),
    "tls-alert": Lie(Case(tls=after_hello(b"\x15\x03\x03\x00\x02\x02\x50")), "TLS: .*alert internal error", tls=True),
    "tls-plaintext": Lie(Case(tls=after_hello(hostile.frame(bytes(100)))), "TLS: the peer does not answer with TLS", tls=True),
    "tls-http": Lie(Case(tls=after_hello(b"HTTP/1.1 400 Bad Request\r\n\r\n")), "TLS: the peer does not answer with TLS", tls=True),
    "tls-closes": Lie(Case(tls=closes), "TLS: the connection was closed during the handshake", tls=True),
    "tls-alert-mid-stream": Lie(mid_stream(b"\x15\x03\x03\x00\x02\x02\x14"), "TLS: ", tls=True),
    "tls-bad-mac": Lie(mid_stream(b"\x17\x03\x03\x00\x40" + bytes(64)), "TLS: .*bad record mac", tls=True),
    # ---- What is no Kafka
    "plain-tls": Lie(Case(accept=raw(b"\x15\x03\x03\x00\x02\x02\x46")), "the peer answers with TLS, but this connection is plain"),
    "plain-http": Lie(Case(accept=raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")), "HTTP server"),
    "closes-at-once": Lie(Case(accept=closes), "closed instead of answering ApiVersions|[Cc]onnection reset|closed by the"),
    # ---- Frames
    "frame-2g": Lie(Case(api_versions=raw(b"\x7f\xff\xff\xff")), "announces an answer of 2147483647 bytes where at most 1048576"),
    "frame-negative": Lie(Case(api_versions=raw(b"\xff\xff\xff\xfe")), "announces an answer of -2 bytes"),
    "frame-0": Lie(Case(api_versions=raw(bytes(4))), "answered ApiVersions with 0 bytes"),
    "frame-over-limit": Lie(Case(api_versions=raw(struct.pack(">i", MIB + 1) + bytes(MIB + 1))), "answer of 1048577 bytes where at most 1048576"),
    "correlation": Lie(Case(api_versions=raw(hostile.frame(struct.pack(">i", 77) + bytes(20)))), "answered request 1 with the number 77"),
    # ---- ApiVersions
    "apis-drip": Lie(Case(api_versions=drip_frame), "no answer to ApiVersions|within the time allowed"),
    "apis-silent": Lie(Case(api_versions=silent), "no answer to ApiVersions|within the time allowed"),
    "apis-closes": Lie(Case(api_versions=closes), "closed instead of answering ApiVersions"),
    "apis-count": Lie(Case(api_versions=body(b"\x00\x00" + varint(1 << 31) + APIS)), "malformed answer to ApiVersions"),
    "apis-truncated": Lie(Case(api_versions=body(b"\x00\x00" + varint(5) + APIS)), "malformed answer to ApiVersions"),
    "apis-error": Lie(Case(api_versions=body(b"\x00\x1f")), "answered ApiVersions with "),
    "apis-none": Lie(Case(api_versions=body(b"\x00\x00\x01" + bytes(5))), "offers no Produce"),
    "apis-1mib": Lie(Case(api_versions=body(b"\x00\x00" + varint(140_001) + APIS * 140_000 + bytes(5))), "where no broker needs more than 65536"),
    "apis-60kib": Lie(Case(api_versions=body(b"\x00\x00" + varint(8_501) + APIS * 8_500 + bytes(5))), "api key 0 is listed twice"),
    # ---- SASL
    "mechanisms-count": Lie(Case(mechanisms=body(struct.pack(">hi", 33, 0x7FFFFFFF))), "malformed answer to SaslHandshake"),
    "mechanisms-1mib": Lie(Case(mechanisms=body(struct.pack(">hi", 33, 500_000) + bytes(1_000_000))), "where no broker needs more than 65536"),
    "mechanisms-60kib": Lie(Case(mechanisms=body(struct.pack(">hi", 33, 500_000) + bytes(60_000))), "malformed answer to SaslHandshake.*a length of 500000"),
    "mechanisms-closes": Lie(Case(mechanisms=closes), "the broker closed the connection instead of answering"),
    "nonce-other": Lie(first(lambda nonce, honest: honest.replace("r=" + nonce[:4], "r=abcd")), "nonce"),
    "nonce-not-longer": Lie(first(lambda nonce, honest: f"r={nonce},s=QUFBQUFBQUFBQQ==,i=4096"), "nonce"),
    "nonce-missing": Lie(first(lambda nonce, honest: "s=QUFBQUFBQUFBQQ==,i=4096"), "nonce does not begin with ours"),
    "iterations-1": Lie(first(lambda nonce, honest: honest.replace("i=4096", "i=1")), "iteration"),
    "iterations-2g": Lie(first(lambda nonce, honest: honest.replace("i=4096", "i=2147483648")), "iteration"),
    "iterations-negative": Lie(first(lambda nonce, honest: honest.replace("i=4096", "i=-4096")), "iteration"),
    "iterations-word": Lie(first(lambda nonce, honest: honest.replace("i=4096", "i=many")), "iteration"),
    "salt-missing": Lie(first(lambda nonce, honest: re.sub(",s=[^,]*", "", honest)), "salt"),
    "salt-not-base64": Lie(first(lambda nonce, honest: re.sub(",s=[^,]*", ",s=!!!!", honest)), "SCRAM message cannot be answered"),
    "extension": Lie(first(lambda nonce, honest: "m=must," + honest), "extension"),
    "signature-first": Lie(first(lambda nonce, honest: "v=QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="), "nonce does not begin with ours"),
    "signature-missing": Lie(Case(final=lambda talk, honest: ""), "without proving that it knows the password"),
    "signature-wrong": Lie(Case(final=lambda talk, honest: "v=QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="), "has not proved that it knows the password"),
    "error-other": Lie(Case(final=lambda talk, honest: "e=other-error"), "other-error"),
    "challenges-without-end": Lie(Case(final=lambda talk, honest: endless_challenges(talk, honest) + ",x=more"), "has not proved|nonce"),
    "challenge-drip": Lie(Case(first=drip_frame), "no answer to the SASL exchange|within the time allowed"),
    "challenge-1mib": Lie(first(lambda nonce, honest: honest + ",x=" + "a" * 1_000_000), "where no broker needs more than 65536"),
    "challenge-60kib": Lie(first(lambda nonce, honest: honest + ",x=" + "a" * 60_000), "SCRAM message of 60.* bytes"),
    "challenge-closes": Lie(Case(first=closes), "the broker closed the connection instead of answering"),
    "credentials": Lie(Case(final=lambda talk, honest: talk.challenge("", 58, "Authentication failed")), "refuses user or password"),
    # ---- Behind the handshake
    "unasked": Lie(Case(authenticated=lambda talk: talk.flood(hostile.frame(bytes(60000)))), "answer 0 to no request|answer 0 where|goes on where its part of the handshake has ended|correlation id 0 instead of"),
}


def settings(lie, front, side="source"):
    scram = {
        f"{side}.sasl.mechanism": "SCRAM-SHA-256",
        f"{side}.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required "
        f'username="{hostile.USER}" password="{hostile.PASSWORD}";',
    }
    protocol = ("SASL_" if lie.sasl else "") + ("SSL" if lie.tls else "PLAINTEXT")
    return {
        f"{side}.bootstrap.servers": front.address,
        f"{side}.security.protocol": protocol,
        **(scram if lie.sasl else {}),
        **({f"{side}.ssl.truststore.type": "PEM", f"{side}.ssl.truststore.location": front.authority} if lie.tls else {}),
        "source.consumer.client.id": "data",
        "target.producer.client.id": "data",
        **{f"{side}.{role}.socket.connection.setup.timeout.ms": SETUP_SECONDS * 1000 for role in ("admin", "consumer", "producer")},
        "shunt.buffer.memory": 8 * MIB,
        "shunt.control.memory": 16 * MIB,
    }


class Costs:
    """What a process takes while it lives, looked at every two milliseconds."""

    def __init__(self, run):
        self.peak_bytes = self.cpu_seconds = 0
        self._pid = run.pid
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        try:
            while True:
                with open(f"/proc/{self._pid}/status") as status:
                    peak = re.search(r"VmHWM:\s+(\d+) kB", status.read())
                if peak is None:
                    return
                self.peak_bytes = int(peak[1]) * 1024
                with open(f"/proc/{self._pid}/stat") as stat:
                    fields = stat.read().rsplit(")", 1)[1].split()
                self.cpu_seconds = (int(fields[11]) + int(fields[12])) / 100
                time.sleep(0.002)
        except (OSError, TypeError):
            return


def front_of(lab, lie, upstream, authority):
    tls = None
    if lie.tls:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(authority.home / "front.pem")
    front = Front(("127.0.0.1", upstream.broker(1).port), tls=tls, sasl=lie.sasl)
    front.authority = authority and authority.certificate
    return front


def make_authority(lab):
    authority = security.Authority(lab.home / "tls").make()
    authority.issue("front", "front", ["IP:127.0.0.1"])
    return authority


def each(lies, look, workers=6):
    """Problems of all, from look(name, lie), several at a time."""
    with ThreadPoolExecutor(workers) as pool:
        problems = [problem for found in pool.map(lambda item: look(*item), lies.items()) for problem in found]
    assert not problems, "\n\n".join(problems)


@integration(timeout_seconds=300)
def no_server_gets_past_the_start(lab):
    topic = lab.load(topic="t", records=10)
    authority = make_authority(lab)
    lab.target  # started, before many ask for it

    def look(name, lie):
        found = []
        for side in ("source", "target"):
            upstream = lab.source if side == "source" else lab.target
            for command in (("check",), ("run", "--until-caught-up")):
                with front_of(lab, lie, upstream, authority) as front:
                    front.case = lie.case
                    config = lab.config([topic], settings=settings(lie, front, side))
                    run = lab.shunt(command[0], config, *command[1:])
                    found += judge(name, side, command[0], front, run, lie)
        return found

    each(LIES, look)


# ---- Answers to Metadata and Fetch -----------------------------------------------------------------------------------


def metadata_body(brokers, topics):
    """Metadata 13: brokers as (id, host, port), topics as (name, partitions)."""

    def text(value):
        return varint(len(value) + 1) + value.encode()

    named = b"".join(struct.pack(">i", number) + text(host) + struct.pack(">i", port) + b"\x00\x00" for number, host, port in brokers)
    partition = struct.pack(">hiii", 0, 0, 1, 0) + (b"\x02" + struct.pack(">i", 1)) * 2 + b"\x01\x00"
    listed = b"".join(
        struct.pack(">h", 0) + text(name) + bytes(15) + b"\x01\x00" + varint(count + 1) + partition * count + struct.pack(">i", 0) + b"\x00"
        for name, count in topics
    )
    return (
        b"\x00" + struct.pack(">i", 0) + varint(len(brokers) + 1) + named + text("a-cluster") + struct.pack(">i", 1)
        + varint(len(topics) + 1) + listed + b"\x00\x00\x00"
    )  # fmt: skip


def announces(size, data=b""):
    """A frame that says it is so long."""

    def step(talk, honest):
        talk.send_raw(struct.pack(">ii", size, talk.correlation) + data)
        talk.until_closed()

    return step


def streams(size, repeat=b"\x00" * 65536):
    """A frame of that size that really comes."""

    def step(talk, honest):
        talk.send_raw(struct.pack(">ii", size, talk.correlation))
        for _ in range(size // len(repeat)):
            talk.send_raw(repeat)
        talk.until_closed()

    return step


CROWD = [(number, "127.0.0.1", 1 + number % 60000) for number in range(100_000)]
WRONG_METADATA = {
    "frame-2g": (announces(0x7FFFFFFF), "announces an answer of 2147483647 bytes"),
    "frame-negative": (announces(-1), "announces an answer of -1 bytes"),
    "frame-8mib": (streams(8 * MIB), "malformed answer to Metadata"),
    "frame-8mib-of-small-things": (streams(8 * MIB, b"\x00" * 4 + b"\xff\xff\xff\x03" + b"\x01" * 65528), "malformed answer to Metadata"),
    "truncated": (lambda talk, honest: honest[: len(honest) // 2], "malformed answer to Metadata"),
    "brokers-100000": (lambda talk, honest: metadata_body(CROWD, []), "names 100000 brokers, more than 10000"),
    "brokers-9000": (lambda talk, honest: metadata_body(CROWD[:9000], [("t", 1)]), "TCP connect|cannot be reached|no topic|leader"),
    "brokers-elsewhere": (lambda talk, honest: metadata_body([(1, "no-such-host.invalid", 9092)], []), "no-such-host.invalid|0 topics are visible"),
    "brokers-none": (lambda talk, honest: metadata_body([], []), "names no broker"),
    "topics-100000": (lambda talk, honest: metadata_body([(1, "127.0.0.1", talk.front.port)], [(f"topic-{n}", 1) for n in range(100_000)]), "[Nn]o.* topic|none of 100000|malformed answer to Metadata"),
}


@integration(timeout_seconds=180)
def metadata_is_not_believed_at_any_price(lab):
    topic = lab.load(topic="t", records=10)
    lab.target

    def look(name, wrong):
        found = []
        step, says = wrong
        lie = Lie(Case(answers={METADATA: step}), says, sasl=False)
        for command in (("check",), ("run", "--until-caught-up")):
            with front_of(lab, lie, lab.source, None) as front:
                front.case = lie.case
                run = lab.shunt(command[0], lab.config([topic], settings=settings(lie, front)), *command[1:])
                found += judge(name, "source", command[0], front, run, lie)
        return found

    each(WRONG_METADATA, look, workers=4)


BOUND = 16 * MIB + 8 * MIB + 16 * MIB  # the program, shunt.buffer.memory, shunt.control.memory


def judge(name, side, command, front, run, lie):
    """What is wrong with how a program ends that has met a lie from its beginning."""
    costs = Costs(run)
    began = time.monotonic()
    code = run.wait(60)
    took = time.monotonic() - began
    said = run.log_text() + run.output.read_text()
    what = (
        f"{name}, {side}, {command}: code {code}, {took:.1f} s, {costs.cpu_seconds} s of CPU, "
        f"{costs.peak_bytes / MIB:.1f} MiB, {len(front.accepted)} connections"
    )
    print(what, flush=True)
    wrong = {
        "crash": CRASH.search(said),
        "code": code != 1,
        "reason": not re.search(lie.says, said),
        "names": not re.search(f"{side} {side}|cluster {side}|{side}: ", said),
        "secret": hostile.PASSWORD in said,
        "slow": took > 30,
        "CPU": costs.cpu_seconds > 2,
        "memory": costs.peak_bytes > 1.1 * BOUND,
        "storm": len(front.accepted) > 30,
    }
    wrong = [text for text, is_wrong in wrong.items() if is_wrong]
    return [f"{what}: {wrong}:\n{said[-1500:]}"] if wrong else []


# ---- While it runs ---------------------------------------------------------------------------------------------------

WRONG_FETCHES = {
    "fetch-2g": Lie(Case(answers={FETCH: announces(0x7FFFFFFF, bytes(14) + b"\x7f" * 4096)}), "malformed answer to a fetch"),
    "fetch-negative": Lie(Case(answers={FETCH: announces(-5)}), "size -5"),
    "fetch-0": Lie(Case(answers={FETCH: announces(0)}), "size 0"),
    "fetch-truncated": Lie(Case(answers={FETCH: lambda talk, honest: honest[: len(honest) - 7] + b"\xff" * 3}), "malformed answer to a fetch"),
    "fetch-too-long": Lie(Case(answers={FETCH: lambda talk, honest: honest + bytes(100)}), "malformed answer to a fetch"),
    "fetch-partitions": Lie(Case(answers={FETCH: lambda talk, honest: honest[:10] + struct.pack(">i", 0x7FFFFFFF) + bytes(1000)}), "malformed answer to a fetch"),
    "fetch-closes": Lie(Case(answers={FETCH: closes}), "closed by the broker|connection lost"),
}


@integration(timeout_seconds=420)
def no_server_gets_past_a_running_mirror(lab):
    authority = make_authority(lab)
    lies = {**{name: lie for name, lie in LIES.items() if lie.data}, **WRONG_FETCHES}
    names = {(name, loop): f"{name}-{loop}" for name in lies for loop in LOOPS}
    topics = dict(zip(names, lab.load_all([{"topic": topic, "records": 50} for topic in names.values()])))
    lab.target

    def look(name, lie):
        return [problem for loop in LOOPS for problem in look_at(name, lie, loop)]

    def look_at(name, lie, loop):
        topic = topics[name, loop]
        with front_of(lab, lie, lab.source, authority) as front:
            made = {**settings(lie, front), "shunt.io": loop, "source.consumer.fetch.max.wait.ms": 100}
            run = lab.start_mirror([topic], settings=made)
            costs = Costs(run)
            lab.until_level([topic], lab.source, lab.target)
            # From now on whoever connects, or fetches, meets the lie; connections of the control plane stay.
            before, cpu, met = len(front.accepted), costs.cpu_seconds, time.monotonic()
            front.case = lie.case
            for talk in list(front.talks):
                talk.case = lie.case if talk.client_id.startswith("data") else talk.case
            if not lie.case.answers:
                front.close_all("data")
            try:
                lab.eventually(lambda: re.search(lie.says, run.log_text()), 30, f"{name}: it says why")
                began = time.monotonic()
                lab.eventually(lambda: time.monotonic() - began > 3, 10)  # what it does in three seconds of that
            except AssertionError as error:
                run.kill()
                return [f"{name}, {loop}: {error}:\n{run.log_text()[-1500:]}"]
            attempts, cpu, took = len(front.accepted) - before, costs.cpu_seconds - cpu, time.monotonic() - met
            front.case = hostile.HONEST
            front.close_all()
            lab.kcat(lab.source, "-P", "-t", topic, feed=b"one more\n" * 50)
            lab.until_level([topic], lab.source, lab.target, timeout_seconds=60)
            run.drain()
            what = f"{name}, {loop}: {cpu:.2f} s of CPU, {costs.peak_bytes / MIB:.1f} MiB, {attempts} connections in {took:.0f} s"
            print(what, flush=True)
            wrong = {
                "CPU": cpu > 1.5,
                "memory": costs.peak_bytes > 1.1 * BOUND,
                "storm": attempts > 12 + 2 * took,  # reconnect.backoff.max.ms is a second; data and control
                "secret": hostile.PASSWORD in run.log_text(),
                "crash": CRASH.search(run.log_text()),
            }
            wrong = [text for text, is_wrong in wrong.items() if is_wrong]
            return [f"{what}: {wrong}:\n{run.log_text()[-1500:]}"] if wrong else []

    each(lies, look, workers=14)
    lab.assert_identical(list(topics.values()))
