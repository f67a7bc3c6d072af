"""README's chapter on secured clusters, run as it stands there: every example of it configures the real program against
brokers that ask for what it says, and every command is given. Only hosts, ports, paths and secrets are the lab's."""

import os
import re
import shlex
import shutil
import subprocess

from harness import ROOT, integration
from kerberos_test import stop_at_end
from secured_lab import secured
from shuntlab import security
from shuntlab.kerberos import NAME, Realm
from token_endpoint import SECRET, TokenEndpoint

MECHANISMS = (*security.MECHANISMS, security.OAUTHBEARER, "GSSAPI")
TOPICS = ("orders", "clicks.web")  # as the first example names them
STORE_PASSWORD = security.PASSWORD


def chapter(title):
    return re.search(rf"^## {title}\n(.*?)^## ", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)[1]


def examples(text):
    """What is indented, a block at a time."""
    blocks = re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
    return ["".join(line[4:] + "\n" for line in block.splitlines()) for block in blocks]


def is_configuration(example):
    return all(re.match(r"#|[\w.>-]+ = ", line) for line in example.splitlines())


class Chapter:
    """Its examples, with what is the lab's in place of what README invents."""

    def __init__(self, lab, source, target, endpoint, realm):
        self._lab, self._source, self._target = lab, source, target
        self._replaced = {
            "/etc/shunt/": f"{lab.home}/etc/",
            "/run/credentials/shunt@orders.service": f"{lab.home}/credentials",
            "https://login.example.com/oauth2/token": endpoint.url,
            "EXAMPLE.COM": NAME,
        }
        self._loaded = 0
        tls = source.home / "tls"
        self._make_files(tls, realm)
        system = lab.home / "system.pem"  # whom the system trusts
        system.write_text((tls / "authority.pem").read_text() + endpoint.authority.certificate.read_text())
        os.environ["SSL_CERT_FILE"] = str(system)
        os.environ["PASSWORD"] = security.PASSWORD

    def _make_files(self, tls, realm):
        etc, credentials = self._lab.home / "etc", self._lab.home / "credentials"
        (etc / "tls").mkdir(parents=True)
        credentials.mkdir()
        (etc / "secrets").write_text(f"a={security.PASSWORD}\nb={STORE_PASSWORD}\nclient={SECRET}\n")
        for name in ("authority.pem", "client.p12"):
            shutil.copyfile(tls / name, etc / name.replace("client", "mirror"))
        shutil.copyfile(realm.keytab(security.USER), etc / "mirror.keytab")
        for name, made in (("ca.crt", "authority.pem"), ("tls.crt", "client.crt"), ("tls.key", "client.key")):
            shutil.copyfile(tls / made, etc / "tls" / name)
        shutil.copyfile(tls / "client.p12", credentials / "mirror.p12")
        (credentials / "password").write_text(security.PASSWORD)
        (credentials / "store-password").write_text(STORE_PASSWORD)

    def fill_in(self, text):
        for invented, real in self._replaced.items():
            text = text.replace(invented, real)
        return text

    def write(self, example):
        """A whole file: the first example of README, and this one."""
        flow = next(one for one in examples(chapter("Use")) if one.startswith("clusters = "))
        for alias, cluster in (("A", self._source), ("B", self._target)):
            protocol = re.search(rf"^{alias}\.security\.protocol = (\S+)", example, re.MULTILINE)
            address = cluster.bootstrap_of(protocol[1]) if protocol else cluster.bootstrap
            flow, changed = re.subn(rf"^({alias}\.bootstrap\.servers) = .*", rf"\1 = {address}", flow, flags=re.MULTILINE)
            assert changed == 1, flow
        path = self._lab.home / "mirror.properties"
        # Heartbeats would be counted among the records.
        path.write_text(flow + self.fill_in(example) + "emit.heartbeats.enabled = false\n")
        return path

    def check(self, example, code=0):
        check = self._lab.shunt("check", self.write(example))
        ended = check.wait(60)
        said = check.output.read_text() + check.log_text()
        assert ended == code, f"{example}\n{said}"
        return said

    def mirror(self, example):
        """Records that were not there before arrive."""
        assert "Connectivity check passed." in self.check(example)
        for topic in TOPICS:
            spec = f"topic={topic},records=100,partitions=2,start={self._loaded}"
            self._lab.judge("load", "--bootstrap", self._source.bootstrap, "--spec", spec)
        self._loaded += 100
        run = self._lab.shunt("run", self.write(example), "--until-caught-up", "--json")
        assert run.wait(60) == 0, f"{example}\n{run.log_text()[-3000:]}"
        assert run.summary()["records"] == 100 * len(TOPICS), (example, run.summary())
        self._lab.assert_identical(TOPICS, source=self._source, target=self._target)


@integration(timeout_seconds=300)
def the_security_chapter_says_what_works(lab):
    text = chapter("Secured clusters")
    configurations = [example for example in examples(text) if is_configuration(example)]
    told = "".join(configurations)
    for mechanism in ("PLAIN", "SCRAM-SHA-512", "OAUTHBEARER"):
        assert f"A.sasl.mechanism = {mechanism}\n" in told, mechanism
    assert "Krb5LoginModule" in told and "B.security.protocol = SSL\n" in told and "${env:" in told, told
    with Realm(lab.home / "realm") as realm:
        stop_at_end(lab, realm)
        os.environ["KRB5_CONFIG"] = str(realm.config)
        realm.add(security.USER)
        properties = {**realm.broker_properties("SASL_SSL"),
                      "listener.name.sasl_ssl.sasl.enabled.mechanisms": ",".join(MECHANISMS)}  # fmt: skip
        source, target = secured(lab, properties=properties, jvm_options=realm.jvm_options())
        shutil.copytree(source.home / "tls", target.home / "tls", dirs_exist_ok=True)
        target.broker(1).restart()
        for topic in TOPICS:  # README's flow is for clusters of several brokers: on one, nothing is created for it
            target.create_topic(topic, partitions=2)
            source.create_topic(topic, partitions=2)
        with TokenEndpoint(lab.home / "idp", source.issuer()) as endpoint:
            endpoint.client = "mirror"
            readme = Chapter(lab, source, target, endpoint, realm)
            for example in configurations:
                readme.mirror(example)
            assert endpoint.asked > 0
            convert_a_key_store(lab, readme, text, configurations[0])
    try_out_the_lab(lab, text)


def convert_a_key_store(lab, readme, text, mutual):
    """The command that shunt prints is README's, and what it makes is taken."""
    command = readme.fill_in(next(one for one in examples(text) if one.startswith("keytool "))).strip()
    jks = lab.home / "etc" / "mirror.jks"
    subprocess.run(
        ["keytool", "-importkeystore", "-srckeystore", jks.with_suffix(".p12"), "-srcstorepass", STORE_PASSWORD,
         "-destkeystore", jks, "-deststoretype", "JKS", "-deststorepass", STORE_PASSWORD],
        check=True, capture_output=True,
    )  # fmt: skip
    with_jks = mutual.replace("/etc/shunt/mirror.p12", "/etc/shunt/mirror.jks")
    assert with_jks != mutual
    assert command in readme.check(with_jks, code=2)
    # It asks for the new password, twice, and for the old one.
    subprocess.run(shlex.split(command), input=f"{STORE_PASSWORD}\n" * 3, text=True, check=True, capture_output=True)
    readme.mirror(with_jks.replace("mirror.jks", "mirror.jks.p12"))


def try_out_the_lab(lab, text):
    block = next(one for one in examples(text) if one.startswith("tools/lab up "))
    said = [
        subprocess.run([ROOT / words[0], *words[1:]], check=True, capture_output=True, text=True).stdout
        for words in (shlex.split(line.replace("NAME", "own-try-out")) for line in block.splitlines())
    ]
    settings = dict(line.split("=", 1) for line in said[-1].splitlines())
    topic = lab.load(cluster=type(lab.source).open("own-try-out"), topic="t", records=100)
    summary = lab.mirror([topic], settings={f"source.{key}": value for key, value in settings.items()})
    assert summary["records"] == 100, summary
