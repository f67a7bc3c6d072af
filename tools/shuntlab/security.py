"""A secured cluster: who may connect, what its listeners ask for, and what a client says to them.

Its PLAINTEXT listener stays open to the lab itself and to the brokers, as a super user. Everybody else comes through a
listener that authenticates, as one user that may do what a mirror needs and nothing else; StandardAuthorizer decides.
"""

import subprocess
from pathlib import Path

from . import tokens
from .errors import LabError

USER = "mirror"
PASSWORD = "mirror-secret"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")  # with USER and PASSWORD
OAUTHBEARER = "OAUTHBEARER"  # with tokens of the cluster's own issuer
LISTENERS = ("SASL_PLAINTEXT", "SASL_SSL", "SSL")  # SSL asks for the user's certificate

_MODULES = "org.apache.kafka.common.security"
_OAUTH = f"{_MODULES}.oauthbearer"
_TOPIC, _CLUSTER, _TRANSACTIONAL_ID = 2, 4, 5
_LITERAL, _PREFIXED = 3, 4
_ALL, _WRITE, _CREATE, _ALTER, _IDEMPOTENT_WRITE = 2, 4, 5, 7, 12

# (resource type, name, pattern type, operation) that USER is allowed.
RIGHTS = (
    (_TOPIC, "*", _LITERAL, _ALL),
    (_CLUSTER, "kafka-cluster", _LITERAL, _CREATE),
    (_CLUSTER, "kafka-cluster", _LITERAL, _ALTER),
    (_CLUSTER, "kafka-cluster", _LITERAL, _IDEMPOTENT_WRITE),
    (_TRANSACTIONAL_ID, "shunt.", _PREFIXED, _WRITE),
)


# ---- Certificates ------------------------------------------------------------------------------------------------


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise LabError(f"openssl {' '.join(map(str, arguments))}: {done.stderr[-1000:]}")


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """Who signs the certificates of a lab. Everything it makes lies in its directory; a NAME.pem holds key and
    certificate."""

    def __init__(self, home):
        self.home = Path(home)
        self.certificate = self.home / "authority.pem"
        self._key = self.home / "authority.key"

    def make(self):
        self.home.mkdir(parents=True)
        _openssl("req", "-x509", *_NEW_KEY, "-keyout", self._key, "-out", self.certificate, "-days", 30,
                 "-subj", "/CN=lab authority")  # fmt: skip
        return self

    def issue(self, name, common_name, hosts=(), days=30, self_signed=False):
        """A certificate made out to hosts ("IP:127.0.0.1", "DNS:b1"); with days=-1 it has expired. Returns NAME.pem."""
        key, request, signed, extensions = (self.home / f"{name}.{kind}" for kind in ("key", "csr", "crt", "ext"))
        _openssl("req", "-new", *_NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={common_name}")
        extensions.write_text(f"subjectAltName={','.join(hosts)}\n" if hosts else "")
        signer = ("-signkey", key) if self_signed else ("-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial")
        _openssl("x509", "-req", "-in", request, *signer, "-days", days, "-extfile", extensions, "-out", signed)
        pem = self.home / f"{name}.pem"
        pem.write_text(key.read_text() + signed.read_text())
        return pem

    def pkcs12(self, pem, password=PASSWORD):
        """The same as a PKCS12 file."""
        path = pem.with_suffix(".p12")
        _openssl("pkcs12", "-export", "-in", pem, "-out", path, "-passout", f"pass:{password}")
        return path


def make_certificates(home):
    """What the brokers and the user of a cluster show."""
    authority = Authority(home / "tls").make()
    authority.issue("broker", "broker", ["IP:127.0.0.1", "DNS:localhost"])
    authority.pkcs12(authority.issue("client", USER))
    issuer(home).make()


def issuer(home):
    """Whose tokens the brokers of a cluster take; home: the cluster's directory."""
    return tokens.Issuer(home / "oauth")


# ---- Settings ----------------------------------------------------------------------------------------------------


def _module(mechanism):
    return f"{_MODULES}.plain.PlainLoginModule" if mechanism == "PLAIN" else f"{_MODULES}.scram.ScramLoginModule"


def server_properties(listeners, home):
    """What each broker's settings say of these listeners and of rights; home: the cluster's directory."""
    settings = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    for listener in listeners:
        if listener.endswith("SSL"):
            prefix = f"listener.name.{listener.lower()}"
            settings[f"{prefix}.ssl.keystore.type"] = "PEM"
            settings[f"{prefix}.ssl.keystore.location"] = home / "tls" / "broker.pem"
            settings[f"{prefix}.ssl.truststore.type"] = "PEM"
            settings[f"{prefix}.ssl.truststore.location"] = home / "tls" / "authority.pem"
            settings[f"{prefix}.ssl.client.auth"] = "required" if listener == "SSL" else "none"
            settings["ssl.principal.mapping.rules"] = "RULE:^CN=([^,]+)$/$1/"
        if listener.startswith("SASL_"):
            prefix = f"listener.name.{listener.lower()}"
            settings[f"{prefix}.sasl.enabled.mechanisms"] = ",".join((*MECHANISMS, OAUTHBEARER))
            settings[f"{prefix}.oauthbearer.sasl.jaas.config"] = f"{_OAUTH}.OAuthBearerLoginModule required;"
            settings[f"{prefix}.oauthbearer.sasl.server.callback.handler.class"] = (
                f"{_OAUTH}.OAuthBearerValidatorCallbackHandler"
            )
            settings["sasl.oauthbearer.expected.issuer"] = tokens.NAME
            settings["sasl.oauthbearer.expected.audience"] = tokens.AUDIENCE
            settings["sasl.oauthbearer.jwks.endpoint.url"] = issuer(home).keys.as_uri()
            for mechanism in MECHANISMS:
                users = f' user_{USER}="{PASSWORD}"' if mechanism == "PLAIN" else ""
                settings[f"{prefix}.{mechanism.lower()}.sasl.jaas.config"] = f"{_module(mechanism)} required{users};"
    return settings


def jvm_options(home):
    """What brokers must be told that is no setting: which URLs they may read keys from."""
    return [f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={issuer(home).keys.as_uri()}"]


def format_options():
    """How kafka-storage makes the user known to SCRAM."""
    scram = (mechanism for mechanism in MECHANISMS if mechanism != "PLAIN")
    return [f"--add-scram={mechanism}=[name={USER},password={PASSWORD}]" for mechanism in scram]


def client_settings(home, protocol, mechanism, user=USER, password=PASSWORD):
    """What a client's configuration says, but for the address; home: the cluster's directory."""
    settings = {"security.protocol": protocol}
    if protocol.startswith("SASL_"):
        settings["sasl.mechanism"] = mechanism
    if protocol.startswith("SASL_") and mechanism == OAUTHBEARER:
        token = issuer(home).home / f"{user}.token"
        token.write_text(issuer(home).token(user))
        settings["sasl.jaas.config"] = f"{_OAUTH}.OAuthBearerLoginModule required;"
        settings["sasl.login.callback.handler.class"] = f"{_OAUTH}.OAuthBearerLoginCallbackHandler"
        settings["sasl.oauthbearer.token.endpoint.url"] = token.as_uri()
    elif protocol.startswith("SASL_"):
        settings["sasl.jaas.config"] = f'{_module(mechanism)} required username="{user}" password="{password}";'
    if protocol.endswith("SSL"):
        settings["ssl.truststore.type"] = "PEM"
        settings["ssl.truststore.location"] = home / "tls" / "authority.pem"
    if protocol == "SSL":
        settings["ssl.keystore.type"] = "PKCS12"
        settings["ssl.keystore.location"] = home / "tls" / "client.p12"
        settings["ssl.keystore.password"] = PASSWORD
    return settings
