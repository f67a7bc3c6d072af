"""A secured cluster: who may connect, what its listeners ask for, and what a client says to them.

Its PLAINTEXT listener stays open to the lab itself and to the brokers, as a super user. Everybody else comes through a
listener that authenticates, as one user that may do what a mirror needs and nothing else; StandardAuthorizer decides.
"""

USER = "mirror"
PASSWORD = "mirror-secret"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
LISTENERS = ("SASL_PLAINTEXT",)

_MODULES = "org.apache.kafka.common.security"
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


def _module(mechanism):
    return f"{_MODULES}.plain.PlainLoginModule" if mechanism == "PLAIN" else f"{_MODULES}.scram.ScramLoginModule"


def server_properties(listeners):
    """What each broker's settings say of these listeners and of rights."""
    settings = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    for listener in listeners:
        if listener.startswith("SASL_"):
            prefix = f"listener.name.{listener.lower()}"
            settings[f"{prefix}.sasl.enabled.mechanisms"] = ",".join(MECHANISMS)
            for mechanism in MECHANISMS:
                users = f' user_{USER}="{PASSWORD}"' if mechanism == "PLAIN" else ""
                settings[f"{prefix}.{mechanism.lower()}.sasl.jaas.config"] = f"{_module(mechanism)} required{users};"
    return settings


def format_options():
    """How kafka-storage makes the user known to SCRAM."""
    scram = (mechanism for mechanism in MECHANISMS if mechanism != "PLAIN")
    return [f"--add-scram={mechanism}=[name={USER},password={PASSWORD}]" for mechanism in scram]


def client_settings(protocol, mechanism, user=USER, password=PASSWORD):
    """What a client's configuration says, but for the address."""
    return {
        "security.protocol": protocol,
        "sasl.mechanism": mechanism,
        "sasl.jaas.config": f'{_module(mechanism)} required username="{user}" password="{password}";',
    }
