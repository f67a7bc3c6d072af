"""A Kerberos realm (MIT's KDC, on loopback) for clusters that authenticate by GSSAPI. Everything it has lies in its directory.

    with Realm(home) as realm:
        keytab = realm.add("mirror")                              # the principal mirror@LAB.EXAMPLE
        Cluster("c", listeners=["SASL_PLAINTEXT"], properties=realm.broker_properties("SASL_PLAINTEXT"),
                jvm_options=realm.jvm_options())
        environment = {"KRB5_CONFIG": realm.config}               # for its clients
"""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from . import layout
from .errors import LabError
from .process import Process

NAME = "LAB.EXAMPLE"
SERVICE = "kafka"  # what brokers are called: kafka/127.0.0.1@LAB.EXAMPLE
_MODULE = "com.sun.security.auth.module.Krb5LoginModule"


class Realm:
    def __init__(self, home, ticket_lifetime="1h"):
        self.home = Path(home)
        self.config = self.home / "krb5.conf"
        self._kdc_config = self.home / "kdc.conf"
        self._port = layout.free_ports(1)[0]
        self._lifetime = ticket_lifetime
        self.process = Process(self.home / "process")
        self._environment = {
            **os.environ,
            "KRB5_CONFIG": str(self.config),
            "KRB5_KDC_PROFILE": str(self._kdc_config),
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
        }

    def start(self):
        """Makes the realm if it is not there yet, and waits until its KDC answers."""
        if not self.home.exists():
            self._make()
        command = ["/usr/bin/env", *(f"{key}={self._environment[key]}" for key in ("KRB5_CONFIG", "KRB5_KDC_PROFILE")),
                   "/usr/sbin/krb5kdc", "-n"]  # fmt: skip
        self.process.start(command, log=self.home / "kdc.out", cwd=self.home)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection((layout.HOST, self._port), timeout=1).close()
                return self
            except OSError as error:
                if self.process.pid() is None or time.monotonic() > deadline:
                    said = (self.home / "kdc.out").read_text(errors="replace")[-1000:]
                    raise LabError(f"the KDC does not serve: {error}; {said}") from None
                time.sleep(0.02)

    def stop(self):
        """Ends the KDC; the realm stays, and start() serves it again."""
        self.process.signal(signal.SIGKILL)
        self.process.wait_gone(30)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _make(self):
        self.home.mkdir(parents=True)
        self.config.write_text(
            f"[libdefaults]\n default_realm = {NAME}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n"
            " dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n"
            f"[realms]\n {NAME} = {{\n  kdc = {layout.HOST}:{self._port}\n }}\n"
        )
        self._kdc_config.write_text(
            f"[kdcdefaults]\n kdc_listen = {layout.HOST}:{self._port}\n kdc_tcp_listen = {layout.HOST}:{self._port}\n"
            f"[realms]\n {NAME} = {{\n  database_name = {self.home}/principal\n  key_stash_file = {self.home}/stash\n"
            f"  acl_file = {self.home}/acl\n  max_life = {self._lifetime}\n }}\n"
            f"[logging]\n kdc = FILE:{self.home}/kdc.log\n"
        )
        self._run("kdb5_util", "create", "-s", "-r", NAME, "-P", "lab")
        self.add(f"{SERVICE}/{layout.HOST}")

    def add(self, principal):
        """A new principal with a random key; returns its key table."""
        keytab = self.keytab(principal)
        self._run("kadmin.local", "-r", NAME, "-q", f"addprinc -randkey {principal}@{NAME}")
        self._run("kadmin.local", "-r", NAME, "-q", f"ktadd -k {keytab} {principal}@{NAME}")
        if not keytab.exists():
            raise LabError(f"no key table was made for {principal}")
        return keytab

    def keytab(self, principal):
        return self.home / f"{principal.replace('/', '-')}.keytab"

    def ticket_cache(self, principal):
        """A file with a ticket of the principal, as kinit makes one."""
        cache = self.home / f"{principal}.cache"
        self._run("kinit", "-k", "-t", self.keytab(principal), "-c", cache, f"{principal}@{NAME}")
        return cache

    def _run(self, *command):
        done = subprocess.run([str(part) for part in command], env=self._environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)  # fmt: skip
        if done.returncode != 0:
            raise LabError(f"{' '.join(map(str, command))}: {done.stderr[-1000:]}")

    # ---- Settings ------------------------------------------------------------------------------------------------

    def broker_properties(self, listener):
        prefix = f"listener.name.{listener.lower()}"
        principal = f"{SERVICE}/{layout.HOST}"
        return {
            f"{prefix}.sasl.enabled.mechanisms": "GSSAPI",
            f"{prefix}.sasl.kerberos.service.name": SERVICE,
            f"{prefix}.gssapi.sasl.jaas.config": (
                f'{_MODULE} required useKeyTab=true storeKey=true keyTab="{self.keytab(principal)}" '
                f'principal="{principal}@{NAME}";'
            ),
        }

    def jvm_options(self):
        return [f"-Djava.security.krb5.conf={self.config}"]

    def client_settings(self, options):
        """options: of the login module, such as useTicketCache=true."""
        return {
            "sasl.kerberos.service.name": SERVICE,
            "sasl.jaas.config": f"{_MODULE} required {options};",
        }

    def keytab_options(self, principal, keytab=None):
        return f'useKeyTab=true keyTab="{keytab or self.keytab(principal)}" principal="{principal}@{NAME}"'
