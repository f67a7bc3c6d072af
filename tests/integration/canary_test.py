"""No secret gets out: every one is a canary, everything that shunt writes is searched for it, at the most verbose level.

The canaries are the real passwords and keys of the clusters, so what handles them is what always does. A search that
finds nothing proves little by itself: each kind of place is also given a canary on purpose, where no secret belongs, and
the same search must find that.
"""

import base64
import hashlib
import hmac
import re
import resource
import secrets
import signal
import subprocess
import urllib.request
from pathlib import Path

from harness import integration
from shuntlab import security

FILE, DIRECTORY, ENVIRONMENT = (
    f"org.apache.kafka.common.config.provider.{name}ConfigProvider" for name in ("File", "Directory", "EnvVar")
)


def canary(name):
    return f"canary.{name}.{secrets.token_hex(12)}"


class Hunt:
    """Texts that must not be found, and the places that were searched."""

    def __init__(self):
        self.needles = {}  # bytes -> what it is
        self.places = []
        self.found = []

    def add(self, name, secret):
        """The secret as it is, in hexadecimal, and in base64 at each of the three alignments."""
        raw = secret if isinstance(secret, bytes) else secret.encode()
        self.needles[raw] = name
        self.needles[raw.hex().encode()] = f"{name} (hex)"
        self.needles[raw.hex().upper().encode()] = f"{name} (hex)"
        for shift in range(3):
            # What of the text does not depend on the bytes before it, or behind it.
            encoded = base64.b64encode(b"\0" * shift + raw)[(shift * 8 + 5) // 6 :]
            self.needles[encoded.rstrip(b"=")[:-1]] = f"{name} (base64)"
        return secret

    def add_key(self, name, pem):
        """A private key: the lines of its PEM text, and the number itself."""
        lines = re.search(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n(.*?)-----END", pem, re.DOTALL)[1].split()
        for line in lines:
            if len(line) > 30:
                self.needles[line.encode()] = f"{name} (PEM)"
        text = subprocess.run(["openssl", "ec", "-noout", "-text"], input=pem, capture_output=True, text=True, check=True)
        number = re.search(r"priv:\n(.*?)pub:", text.stdout, re.DOTALL)[1]
        self.add(name, bytes.fromhex(re.sub(r"[\s:]", "", number))[-32:])

    def search(self, place, data):
        """What is found there."""
        data = data if isinstance(data, bytes) else data.encode()
        hits = [(place, name) for needle, name in self.needles.items() if needle in data]
        self.places.append(place)
        self.found += hits
        return hits

    def search_run(self, name, run):
        return self.search(f"{name}: output", run.output.read_bytes()) + self.search(f"{name}: log", run.log.read_bytes())

    def search_process(self, name, pid):
        for what in ("cmdline", "environ", "comm", "status"):
            self.search(f"{name}: /proc/PID/{what}", Path(f"/proc/{pid}/{what}").read_bytes())


class World:
    """Two clusters whose passwords and keys are canaries."""

    def __init__(self, lab):
        self.lab = lab
        self.hunt = Hunt()
        self.password = security.PASSWORD = self.hunt.add("the SASL password", canary("sasl"))
        salt = secrets.token_bytes(16)
        security.format_options = lambda: [self._scram_user(mechanism, salt) for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")]
        self.source, self.target = [lab.cluster(name, secure=True) for name in ("canary-source", "canary-target")]
        self.topic = lab.load(cluster=self.source, topic="t", records=500)
        self.tls = self.source.home / "tls"
        self.store_password = self.hunt.add("the key store's password", canary("store"))
        self.key_password = self.hunt.add("the key's password", canary("key"))
        self.key = (self.tls / "client.key").read_text()
        self.hunt.add_key("the private key", self.key)
        self.encrypted = self._openssl(
            "pkcs8", "-topk8", "-in", self.tls / "client.key", "-passout", f"pass:{self.key_password}"
        )
        self._openssl("pkcs12", "-export", "-in", self.tls / "client.pem", "-out", self.tls / "own.p12",
                      "-passout", f"pass:{self.store_password}")  # fmt: skip

    def _scram_user(self, mechanism, salt):
        """How kafka-storage makes the user known, with a salt of ours: what a client derives from it is a canary, too."""
        name = mechanism.removeprefix("SCRAM-").replace("-", "").lower()
        salted = hashlib.pbkdf2_hmac(name, self.password.encode(), salt, 4096)
        client_key = hmac.digest(salted, b"Client Key", name)
        for what, key in {
            "SaltedPassword": salted,
            "ClientKey": client_key,
            "StoredKey": hashlib.new(name, client_key).digest(),
            "ServerKey": hmac.digest(salted, b"Server Key", name),
        }.items():
            self.hunt.add(f"{what} of {mechanism}", key)
        encoded = base64.b64encode(salt).decode()
        return f'--add-scram={mechanism}=[name={security.USER},password={self.password},iterations=4096,salt="{encoded}"]'

    @staticmethod
    def _openssl(*arguments):
        return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=True).stdout

    def client(self, alias, protocol, mechanism=None, **settings):
        cluster = self.source if alias == "source" else self.target
        said = cluster.client_settings(protocol, mechanism, **({"password": self.password} if mechanism else {}))
        return {f"{alias}.{key}": value for key, value in {**said, **settings}.items()}

    def config(self, *parts, raw=""):
        """The file of a mirror; `raw` is put behind it as it stands."""
        settings = {"shunt.log.level": "trace", **{key: value for part in parts for key, value in part.items()}}
        path = self.lab.config([self.topic], source=self.source, target=self.target, settings=settings)
        path.write_text(path.read_text() + raw)
        return path

    def ways(self):
        """(name, file) of mirrors that work, each with its secrets in other places."""
        for mechanism in security.MECHANISMS:
            yield mechanism, self.config(
                self.client("source", "SASL_PLAINTEXT", mechanism), self.client("target", "SASL_SSL", mechanism)
            )
        (self.lab.home / "secrets").write_text(f"password={self.password}\nstore={self.store_password}\n")
        folder = self.lab.home / "credentials"
        folder.mkdir(exist_ok=True)
        (folder / "password").write_text(self.password)
        modules = security.client_settings(self.source.home, "SASL_PLAINTEXT", "SCRAM-SHA-512", password="%s")
        jaas = modules["sasl.jaas.config"]
        yield "providers", self.config(
            self.client("source", "SASL_PLAINTEXT", "SCRAM-SHA-512", **{
                "sasl.jaas.config": jaas % f"${{file:{self.lab.home / 'secrets'}:password}}"
            }),
            self.client("target", "SASL_SSL", "SCRAM-SHA-512", **{
                "sasl.jaas.config": jaas % f"${{dir:{folder}:password}}"
            }),
            {"config.providers": "file, dir", "config.providers.file.class": FILE, "config.providers.dir.class": DIRECTORY},
        )  # fmt: skip
        p12 = {"ssl.keystore.location": self.tls / "own.p12", "ssl.keystore.password": self.store_password}
        inline = {key: "" for key in ("ssl.keystore.location", "ssl.keystore.password")}
        yield "key stores", self.config(
            self.client("source", "SSL", **p12),
            self.client("target", "SASL_SSL", "PLAIN"),
        )
        certificate = (self.tls / "client.crt").read_text()
        for name, key in (("inline key", self.key), ("inline encrypted key", self.encrypted)):
            yield name, self.config(
                self.client("source", "SSL", **{**inline, "ssl.keystore.type": "PEM"}),
                self.client("target", "SASL_SSL", "PLAIN"),
                {"source.ssl.key.password": self.key_password},
                raw="source.ssl.keystore.certificate.chain = " + certificate.replace("\n", "\\n") + "\n"
                "source.ssl.keystore.key = " + key.replace("\n", "\\n") + "\n",
            )  # fmt: skip

    def mistakes(self):
        """(name, file) of what is refused, each with a secret where something is wrong."""
        plain = self.client("source", "SASL_PLAINTEXT", "PLAIN"), self.client("target", "SASL_PLAINTEXT", "PLAIN")
        wrong = self.hunt.add("a wrong password", canary("wrong"))
        module = "org.apache.kafka.common.security"
        for mechanism in security.MECHANISMS:
            yield f"wrong password, {mechanism}", self.config(
                self.client("source", "SASL_PLAINTEXT", mechanism, **{
                    "sasl.jaas.config": self.client("x", "SASL_SSL", mechanism)["x.sasl.jaas.config"].replace(self.password, wrong)
                }),
                plain[1],
            )  # fmt: skip
        for name, jaas in {
            "an open quote": f'{module}.plain.PlainLoginModule required username="mirror" password="{wrong};',
            "no quotes": f"{module}.plain.PlainLoginModule required username=mirror password={wrong}/x;",
            "no end": f'{module}.plain.PlainLoginModule required username="mirror" password="{wrong}"',
            "an unknown module": f'com.example.Login required username="mirror" password="{wrong}";',
            "another option": f'{module}.plain.PlainLoginModule required user="mirror" passwort="{wrong}";',
            "the wrong module": f'{module}.scram.ScramLoginModule required username="mirror" password="{wrong}";',
            "only the password": wrong,
        }.items():
            yield f"JAAS with {name}", self.config(*plain, {"source.sasl.jaas.config": jaas})
        for key in ("sasl.jaas.confg", "sasl.password", "ssl.keystore.passwd", "ssl.keystore.secret", "consumer.sasl.jaas.cnfig"):
            yield f"misspelt: {key}", self.config(*plain, {f"source.{key}": wrong})
        yield "a bad escape", self.config(*plain, raw=f"source.sasl.jaas.config = {wrong}\\u12\n")
        yield "set twice", self.config(*plain, raw=f"target.sasl.jaas.config = {wrong}\ntarget.sasl.jaas.config = {wrong}x\n")
        store = {"ssl.keystore.location": self.tls / "own.p12", "ssl.keystore.password": wrong}
        yield "wrong key store password", self.config(self.client("source", "SSL", **store), plain[1])
        garbled = self.key.replace("PRIVATE KEY-----\n", f"PRIVATE KEY-----\n{wrong}", 1).replace("\n", "\\n")
        for name, key in (("garbled key", garbled), ("key for certificate", self.key.replace("\n", "\\n"))):
            yield name, self.config(
                self.client("source", "SSL", **{
                    "ssl.keystore.location": "", "ssl.keystore.password": "", "ssl.keystore.type": "PEM",
                }),
                plain[1],
                raw=f"source.ssl.keystore.certificate.chain = {key}\nsource.ssl.keystore.key = {key}\n",
            )  # fmt: skip
        yield "wrong key password", self.config(
            self.client("source", "SSL", **{
                "ssl.keystore.location": "", "ssl.keystore.password": "", "ssl.keystore.type": "PEM",
            }),
            plain[1],
            {"source.ssl.key.password": wrong},
            raw="source.ssl.keystore.certificate.chain = " + (self.tls / "client.crt").read_text().replace("\n", "\\n")
            + "\nsource.ssl.keystore.key = " + self.encrypted.replace("\n", "\\n") + "\n",
        )  # fmt: skip
        (self.lab.home / "half").write_text(f"password={wrong}\n")
        providers = {"config.providers": "file, env", "config.providers.file.class": FILE, "config.providers.env.class": ENVIRONMENT}
        for name, reference in {
            "an unknown key": f"${{file:{self.lab.home / 'half'}:passwd}}",
            "an unknown path": "${file:/nonexistent/secrets:password}",
            "an unknown variable": "${env:NOT_SET_HERE}",
            "an unknown provider": "${vault:password}",
        }.items():
            jaas = f'{module}.plain.PlainLoginModule required username="{wrong}" password="{reference}";'
            yield f"provider with {name}", self.config(*plain, {"source.sasl.jaas.config": jaas}, providers)
        yield "a provider's value where a number belongs", self.config(
            *plain, providers, {"shunt.shards": f"${{file:{self.lab.home / 'half'}:password}}"}
        )


@integration(timeout_seconds=400)
def no_secret_is_in_anything_that_shunt_writes(lab):
    world = World(lab)
    hunt = world.hunt
    hunt.search("keys: output", subprocess.run([*binary(), "keys"], capture_output=True, check=True).stdout)
    for name, config in world.ways():
        for command in (
            ("run", config, "--until-caught-up", "--json"),
            ("run", config, "--until-caught-up"),
            ("check", config),
            ("verify", config, "--json"),
            ("verify", config),
        ):
            run = lab.shunt(*command, "--log-level", "trace")
            code = run.wait(60)
            assert code == 0, (name, command, run.log_text()[-3000:], run.output.read_text()[-3000:])
            hunt.search_run(f"{name}: {' '.join(map(str, command[:1] + command[2:]))}", run)
        config.write_text(config.read_text() + "shunt.metrics.listen = 127.0.0.1:0\n")
        run = lab.shunt("run", config, "--log-level", "trace")
        address = lab.eventually(lambda: re.search(r"metrics on (http://\S+)/metrics", run.log_text()))[1]
        lab.eventually(lambda: run.samples("shunt_partition_failed"), what="partitions are mirrored")
        for path in ("/metrics", "/healthz"):
            with urllib.request.urlopen(address + path, timeout=10) as answer:
                hunt.search(f"{name}: {path}", answer.read() + str(answer.headers).encode())
        hunt.search_process(name, run.pid)
        run.drain()
        hunt.search_run(f"{name}: run", run)
    for name, config in world.mistakes():
        for command in (("check", config), ("run", config, "--until-caught-up", "--json"), ("verify", config, "--json")):
            run = lab.shunt(*command, "--log-level", "trace")
            code = run.wait(60)
            if not name.startswith(("misspelt", "a provider")):
                assert code != 0, (name, command, run.log_text()[-3000:])
            assert run.log.read_bytes() + run.output.read_bytes(), (name, command)
            hunt.search_run(f"{name}: {command[0]}", run)
    assert not hunt.found, hunt.found
    print(f"{len(hunt.places)} outputs searched for {len(hunt.needles)} texts")

    # It can fail: a canary where no secret belongs is found, whatever its form.
    planted = hunt.add("planted", canary("planted"))
    for form in (planted, planted.encode().hex(), base64.b64encode(f"x{planted}".encode()).decode()):
        run = lab.shunt("check", world.config({"shunt.io": form}))
        assert run.wait(30) == 2 and hunt.search_run("planted", run), (form, run.log_text())
    run = lab.shunt("run", world.config(raw=f"# {planted}\n"), "--log-level", planted)
    assert run.wait(30) == 2 and hunt.search_run("planted in the command line", run)


def binary():
    from harness import shunt_binary

    return [str(shunt_binary())]


@integration(timeout_seconds=200)
def no_core_dump_is_written_unless_it_is_asked_for(lab):
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    elsewhere = "/" in pattern or pattern.startswith("|")
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    world = World(lab)
    plain = world.client("source", "SASL_SSL", "PLAIN"), world.client("target", "SASL_SSL", "SCRAM-SHA-512")

    def cores():
        return [path for path in lab.home.iterdir() if path.name.startswith("core")]

    def abort(*parts):
        """Ends a running mirror with SIGABRT; its limit of core dumps, and what was dumped."""
        run = lab.shunt("run", world.config(*parts, {"shunt.metrics.listen": "127.0.0.1:0"}))
        lab.eventually(lambda: run.samples("shunt_partition_failed"), what="partitions are mirrored")
        limits = Path(f"/proc/{run.pid}/limits").read_text()
        soft = re.search(r"Max core file size\s+(\S+)", limits)[1]
        run.signal(signal.SIGABRT)
        assert run.wait(60) == -signal.SIGABRT, run.log_text()
        found = [path.read_bytes() for path in cores()]
        for path in cores():
            path.unlink()
        return soft, found

    assert abort(*plain) == ("0", [])
    assert abort(*plain, {"shunt.core.dumps": "off"}) == ("0", [])
    # Without secrets, and where it is asked for: then there is one, and what is searched for is found in it.
    for parts in (({},), (*plain, {"shunt.core.dumps": "on"})):
        soft, dumped = abort(*parts)
        assert soft == "unlimited", (parts, soft)
        if elsewhere:
            continue
        assert len(dumped) == 1, (parts, len(dumped))
        hunt = Hunt()
        hunt.add("the topic", world.topic)
        assert hunt.search("the core dump", dumped[0])
