"""Wrong settings and wrong servers: one clear message, the right exit code, and the target as it was."""

import contextlib
import re
import socket
import ssl
import struct
import subprocess
import threading

from harness import integration

CRASH = re.compile(r"terminate called|Assertion|Segmentation|AddressSanitizer|std::|boost::|bad_alloc|what\(\):")


def run_each(lab, cases, command=("run",), flags=("--until-caught-up",)):
    """{name: (exit code, everything printed)} of one run each, all at the same time."""
    runs = {name: lab.shunt(*command, path, *flags) for name, path in cases.items()}
    results = {}
    for name, run in runs.items():
        code = run.wait(60)
        text = run.log_text() + run.output.read_text()
        assert not CRASH.search(text), f"{name}: {text}"
        results[name] = (code, text)
    return results


def expect(results, expected):
    problems = [
        f"{name}: exit code {results[name][0]}, printed:\n{results[name][1][-1500:]}"
        for name, (code, *words) in expected.items()
        if results[name][0] != code or any(word.lower() not in results[name][1].lower() for word in words)
    ]
    assert not problems, "\n".join(problems)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def conversation(talk):
    """A server that calls talk(socket) for each connection, on threads of its own."""

    def serve(connection):
        with connection, contextlib.suppress(OSError):
            talk(connection)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def web_server():
    """Answers what it cannot read as web servers do, at once."""

    def talk(connection):
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    return conversation(talk)


def tls_server(home):
    """Speaks TLS; what arrives in the clear gets the alert that TLS has for it."""
    key, certificate = home / "key.pem", home / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def talk(connection):
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)

    return conversation(talk)


def exactly(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise OSError("closed")
        data += part
    return data


def ancient_broker():
    """Answers ApiVersions as Kafka 0.10.2 does: an error for a version it has never heard of, and its list for
    version 0; and closes on everything else, as that broker does with requests newer than itself."""
    apis = [(0, 0, 2), (1, 0, 3), (2, 0, 1), (3, 0, 2), (18, 0, 0), (19, 0, 1), (20, 0, 1)]

    def talk(connection):
        while True:
            request = exactly(connection, *struct.unpack(">i", exactly(connection, 4)))
            api, version, correlation = struct.unpack(">hhi", request[:8])
            if api != 18:
                return
            listed = apis if version == 0 else []
            body = struct.pack(">ihi", correlation, 0 if version == 0 else 35, len(listed))
            body += b"".join(struct.pack(">hhh", *entry) for entry in listed)
            connection.sendall(struct.pack(">i", len(body)) + body)

    return conversation(talk)


@integration(timeout_seconds=120)
def settings_that_cannot_be_used(lab):
    topic = lab.load(topic="t", records=10)
    broken = {
        "expression": {"source->target.topics": "orders[, clicks("},
        "replication-factor": {"replication.factor": "many"},
        "loop": {
            "source->target.topics": ".*",
            "target->source.enabled": "true",
            "target->source.topics": ".*",
        },
        "itself": {"target.bootstrap.servers": lab.source.bootstrap},
        "event-loop": {"shunt.io": "kqueue"},
        "address": {"source.bootstrap.servers": "localhost"},
        "no-flow": {"source->target.enabled": "false"},
        "environment": {"source->target.topics": "${env:SHUNT_TEST_NO_SUCH_VARIABLE}"},
        "class": {"replication.policy.class": "org.example.OwnPolicy"},
    }
    cases = {name: lab.config([topic], settings=settings) for name, settings in broken.items()}
    cases["missing"] = lab.home / "no-such-file.properties"
    cases["folder"] = lab.home
    cases["empty"] = lab.home / "empty.properties"
    cases["empty"].write_text("")
    cases["binary"] = lab.home / "binary.properties"
    cases["binary"].write_bytes(bytes(range(256)) * 64)
    results = run_each(lab, cases)
    expect(
        results,
        {
            "expression": (2, "topics", "orders["),
            "replication-factor": (2, "replication.factor", "many"),
            "loop": (2, "source->target", "target->source", "loop"),
            "itself": (2, lab.source.bootstrap, "itself"),
            "event-loop": (2, "shunt.io", "kqueue", "epoll"),
            "address": (2, "source.bootstrap.servers", "localhost"),
            "no-flow": (2, "enabled"),
            "environment": (2, "SHUNT_TEST_NO_SUCH_VARIABLE"),
            "class": (2, "replication.policy.class", "org.example.OwnPolicy"),
            "missing": (2, "no-such-file.properties"),
            "folder": (2, str(lab.home)),
            "empty": (2, "clusters"),
            "binary": (2, "binary.properties"),
        },
    )
    expect(run_each(lab, {"missing": cases["missing"]}, ("check",), ()), {"missing": (2, "no-such-file.properties")})
    assert topic not in lab.target.metadata()["topics"]


@integration(timeout_seconds=60)
def wrong_command_lines(lab):
    lines = {"nothing": [], "command": ["mirror"], "no-file": ["run"], "flag": ["run", "f", "--until-caught"],
             "level": ["run", "f", "--log-level", "loud"]}  # fmt: skip
    for name, arguments in lines.items():
        run = lab.shunt(*arguments)
        code = run.wait(20)
        text = run.log_text() + run.output.read_text()
        assert code == 2 and text.strip() and not CRASH.search(text), f"{name}: exit code {code}, printed:\n{text}"
    for arguments in (["--help"], ["--version"], ["run", "--help"]):
        run = lab.shunt(*arguments)
        assert run.wait(20) == 0 and "shunt" in run.output.read_text().lower(), run.output.read_text()


@integration(timeout_seconds=120)
def misspelt_keys_are_named_with_the_nearest_known_one(lab):
    topic = lab.load(topic="t", records=10)
    settings = {
        "shunt.bufer.memory": "1048576",
        "source->target.topic.exclude": "x",
        "replication.factr": "1",
        "source.consumer.fetch.max.wait.mss": "1",
        "utterly.unlike.any.key.of.anything": "1",
    }
    run = lab.shunt("run", lab.config([topic], settings=settings), "--until-caught-up", "--json")
    assert run.wait(60) == 0, run.log_text()
    lines = run.log_text().splitlines()
    for key, nearest in {
        "shunt.bufer.memory": "shunt.buffer.memory",
        "source->target.topic.exclude": "topics.exclude",
        "replication.factr": "replication.factor",
        "source.consumer.fetch.max.wait.mss": "fetch.max.wait.ms",
        "utterly.unlike.any.key.of.anything": "",
    }.items():
        named = [line for line in lines if key in line and "warning" in line.lower()]
        assert len(named) == 1 and nearest in named[0], f"{key}: {named}"
    assert run.summary()["records"] == 10
    lab.assert_identical([topic])


@integration(timeout_seconds=120)
def servers_that_are_not_a_broker(lab):
    topic = lab.load(topic="t", records=10)
    nobody = f"127.0.0.1:{free_port()}"
    with (
        web_server() as web,
        tls_server(lab.home) as tls_address,
        ancient_broker() as ancient,
        conversation(lambda connection: connection.recv(1 << 16) and connection.close()) as closing,
        conversation(lambda connection: exactly(connection, 1 << 30)) as silent,
        conversation(lambda connection: connection.sendall(b"\x7f\xff\xff\xff" + bytes(64))) as huge,
    ):
        where = {
            "nobody": nobody,
            "web": web,
            "tls": tls_address,
            "ancient": ancient,
            "closing": closing,
            "silent": silent,
            "huge": huge,
            "name": "no-such-host.invalid:9092",
        }
        expected = {
            "nobody": (1, "refused"),
            "web": (1, "HTTP"),
            "tls": (1, "TLS"),
            "ancient": (1, "old"),
            "closing": (1, "closed"),
            "silent": (1, "no answer", "not a Kafka broker"),
            "huge": (1, "not a Kafka broker"),
            "name": (1, "no-such-host.invalid"),
        }
        expected = {name: (*words, where[name]) for name, words in expected.items()}
        for side in ("source", "target"):
            cases = {
                name: lab.config([topic], settings={f"{side}.bootstrap.servers": address})
                for name, address in where.items()
            }
            expect(run_each(lab, cases), expected)
        checks = run_each(lab, cases, ("check",), ())
        expect(checks, {name: (1, "FAILED", where[name]) for name in where})
    assert topic not in lab.target.metadata()["topics"]


@integration(timeout_seconds=120)
def topics_that_are_not_there(lab):
    topic = lab.load(topic="t", records=10)
    results = run_each(
        lab,
        {
            "unknown": lab.config([lab.topic("no-such-topic")]),
            "none": lab.config([topic], settings={"source->target.topics.exclude": ".*"}),
        },
    )
    expect(results, {"unknown": (1, "no topic", "source"), "none": (1, "no topic", "topics.exclude")})
    assert topic not in lab.target.metadata()["topics"]


@integration(timeout_seconds=120)
def check_says_what_works(lab):
    topic = lab.load(topic="t", records=10)
    run = lab.shunt("check", lab.config([topic]))
    assert run.wait(60) == 0, run.log_text() + run.output.read_text()
    assert run.output.read_text().endswith("Connectivity check passed.\n")
    assert topic not in lab.target.metadata()["topics"]
