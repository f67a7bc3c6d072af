"""Who makes out the tokens of a secured cluster (OAUTHBEARER): a key, the key set that brokers read, and signed JWTs."""

import base64
import json
import re
import subprocess
import time
import uuid
from pathlib import Path

from .errors import LabError

NAME, AUDIENCE = "lab", "kafka"  # iss and aud of every token
_KEY_ID = "lab"


def _encoded(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _openssl(*arguments, feed=None):
    done = subprocess.run(["openssl", *map(str, arguments)], input=feed or b"", capture_output=True)
    if done.returncode != 0:
        raise LabError(f"openssl {' '.join(map(str, arguments))}: {done.stderr.decode()[-1000:]}")
    return done.stdout


class Issuer:
    """Everything it makes lies in its directory."""

    def __init__(self, home):
        self.home = Path(home)
        self.keys = self.home / "keys.json"  # as RFC 7517 has it
        self._key = self.home / "issuer.key"

    def make(self):
        self.home.mkdir(parents=True)
        _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self._key)
        modulus = re.match(r"Modulus=([0-9A-F]+)", _openssl("rsa", "-in", self._key, "-noout", "-modulus").decode())[1]
        key = {"kty": "RSA", "kid": _KEY_ID, "use": "sig", "alg": "RS256", "e": "AQAB",
               "n": _encoded(bytes.fromhex(modulus))}  # fmt: skip
        self.keys.write_text(json.dumps({"keys": [key]}))
        return self

    def token(self, user, seconds=86400, **claims):
        """A JWT of the user; with seconds=-1 it has expired."""
        now = int(time.time())
        issued = min(now, now + seconds - 1)
        header = {"alg": "RS256", "kid": _KEY_ID, "typ": "JWT"}
        payload = {"iss": NAME, "aud": AUDIENCE, "sub": user, "iat": issued, "exp": now + seconds, "scope": "kafka",
                   "jti": uuid.uuid4().hex, **claims}  # fmt: skip
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in (header, payload))
        return f"{signed}.{_encoded(_openssl('dgst', '-sha256', '-sign', self._key, feed=signed.encode()))}"
