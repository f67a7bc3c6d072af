"""Clusters that take tokens (OAUTHBEARER): whatever they come from, they are fetched, renewed and never shown.

Brokers check the signature and the end of every token (Kafka's own validator, with the key set of the lab's issuer).
"""

import json
import os
import time

from harness import integration
from secured_lab import LOG_RENEWALS, LOOPS, client, load_for_each_way, load_until_renewed, secured
from secured_lab import assert_undisturbed, assert_whole_and_calm
from shuntlab import security
from token_endpoint import CLIENT, HANDLER, MODULE, SECRET, TokenEndpoint

UNSECURED = "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler"
PROTOCOLS = ("SASL_PLAINTEXT", "SASL_SSL")


def one_endpoint_for(lab, source, target):
    """Both clusters take the tokens of the same issuer: the target reads the source's key set."""
    target.issuer().keys.write_text(source.issuer().keys.read_text())
    target.broker(1).restart()
    return TokenEndpoint(lab.home / "idp", source.issuer())


def with_tokens(alias, cluster, protocol, endpoint_settings):
    tls = {key: value for key, value in cluster.client_settings(protocol, security.OAUTHBEARER).items()
           if key.startswith(("ssl.", "security.", "bootstrap.", "sasl.mechanism"))}  # fmt: skip
    return {f"{alias}.{key}": value for key, value in {**tls, **endpoint_settings}.items()}


def everything_said(run):
    return run.output.read_text(errors="replace") + run.log_text()


def assert_no_secret(text, endpoint):
    """Neither the secret nor any part of a token but its header, which is the same for all."""
    parts = [part for token in endpoint.tokens for part in token.split(".")[1:]]
    for secret in (SECRET, SECRET.replace(" ", "+"), *parts):
        assert secret not in text, "a secret was printed"


@integration(timeout_seconds=240)
def every_source_of_tokens_and_event_loop_mirrors_exactly(lab):
    source, target = secured(lab, properties={"connections.max.reauth.ms": 3600000})
    with one_endpoint_for(lab, source, target) as endpoint:
        token = endpoint.issuer.token(security.USER)
        os.environ["CANARY_TOKEN"] = token
        os.environ["CANARY_SECRET"] = SECRET
        endpoint.tokens.append(token)
        file = lab.home / "token"
        file.write_text(token + "\n")
        env = {"config.providers": "env",
               "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider"}  # fmt: skip
        retriever = "org.apache.kafka.common.security.oauthbearer.FileJwtRetriever"
        handed_over = {
            "endpoint": endpoint.settings(secret="${env:CANARY_SECRET}"),
            "endpoint-jaas": endpoint.old_settings(secret="${env:CANARY_SECRET}"),
            "file": {"sasl.jaas.config": f'{MODULE} required extension_trace="x y";',
                     "sasl.login.callback.handler.class": HANDLER,
                     "sasl.oauthbearer.jwt.retriever.class": retriever,
                     "sasl.oauthbearer.token.endpoint.url": file.as_uri()},
            "environment": {"sasl.jaas.config": f"{MODULE} required;",
                            "shunt.sasl.oauthbearer.token": "${env:CANARY_TOKEN}"},
        }  # fmt: skip
        ways = [(name, loop, PROTOCOLS[(index + number) % 2]) for index, name in enumerate(handed_over)
                for number, loop in enumerate(LOOPS)]  # fmt: skip
        ways += [("endpoint", loop, protocol) for loop in LOOPS for protocol in PROTOCOLS
                 if ("endpoint", loop, protocol) not in ways]  # fmt: skip
        topics = load_for_each_way(lab, source, ways)
        for (name, loop, protocol), topic in zip(ways, topics):
            asked = endpoint.asked
            settings = {
                **env,
                **with_tokens("source", source, protocol, handed_over[name]),
                **with_tokens("target", target, protocol, handed_over[name]),
                "shunt.io": loop,
                "shunt.log.level": "trace",
            }
            run = lab.shunt("run", lab.config([topic], source=source, target=target, settings=settings),
                            "--until-caught-up", "--json")  # fmt: skip
            assert run.wait(60) == 0, everything_said(run)[-3000:]
            assert_whole_and_calm(run.summary(), 2000)
            assert_no_secret(everything_said(run), endpoint)
            # Clients that log in alike share their tokens, here those of both clusters.
            assert endpoint.asked - asked == (1 if name.startswith("endpoint") else 0), (name, endpoint.asked - asked)
        assert [form.get("scope") for form in endpoint.forms].count(["a b"]) == 2, endpoint.forms
        lab.assert_identical(topics, source=source, target=target)


@integration(timeout_seconds=120)
def unsigned_tokens_are_for_brokers_that_take_them(lab):
    source, target = secured(lab)
    developer = lab.cluster("unsecured", secure=True, properties={
        "listener.name.sasl_plaintext.oauthbearer.sasl.server.callback.handler.class": UNSECURED,
        "listener.name.sasl_plaintext.sasl.enabled.mechanisms": "OAUTHBEARER",
    })  # fmt: skip
    topic = lab.load(cluster=source, topic="t", records=500)
    unsigned = {
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.jaas.config": f'{MODULE} required unsecuredLoginStringClaim_sub="{security.USER}";',
    }

    def settings(cluster):
        address = {"security.protocol": "SASL_PLAINTEXT", "bootstrap.servers": cluster.bootstrap_of("SASL_PLAINTEXT")}
        return {
            **client("source", source, "SASL_PLAINTEXT", security.OAUTHBEARER),
            **{f"target.{key}": value for key, value in {**address, **unsigned}.items()},
        }

    summary = lab.mirror([topic], source=source, target=developer, settings=settings(developer))
    assert summary["records"] == 500, summary
    lab.assert_identical([topic], source=source, target=developer)
    run = lab.shunt("run", lab.config([topic], source=source, target=target, settings=settings(target)), "--until-caught-up")
    assert run.wait(60) == 1
    said = everything_said(run)
    assert f'SASL: OAUTHBEARER as user "{security.USER}": the broker refuses the token (invalid_token), which ends at' in said
    assert "tokens that nobody signs" in said, said


@integration(timeout_seconds=240)
def a_token_that_cannot_be_had_is_told_once_and_clearly(lab):
    source, target = secured(lab)
    topic = lab.load(cluster=source, topic="t", records=10)
    plain = client("source", source, "SASL_PLAINTEXT", "PLAIN")

    def said(target_settings, **more):
        settings = {**plain, **with_tokens("target", target, "SASL_PLAINTEXT", target_settings),
                    "shunt.log.level": "trace", **more}  # fmt: skip
        config = lab.config([topic], source=source, target=target, settings=settings)
        check = lab.shunt("check", config)
        assert check.wait(60) == 1, everything_said(check)
        run = lab.shunt("run", config, "--until-caught-up", "--json")
        assert run.wait(90) == 1, everything_said(run)
        return everything_said(check), everything_said(run)

    with TokenEndpoint(lab.home / "idp", target.issuer()) as endpoint:
        texts = said(endpoint.settings(secret="canary of a wrong secret"))
        expected = (f"SASL: OAUTHBEARER: no token: {endpoint.url}: HTTP 401: invalid_client: "
                    "Client authentication failed")  # fmt: skip
        for text in texts:
            assert expected in text and "canary" not in text, text
        assert texts[1].count(expected) == 3, texts[1]  # when it happened, in the closing lines, and in the JSON
        assert endpoint.asked == 2, endpoint.asked  # one attempt of each program: no storm

        endpoint.answer = (400, json.dumps({"error": "invalid_scope", "error_description": "no\u001b[2Jsuch scope"}))
        for text in said(endpoint.settings()):
            assert "HTTP 400: invalid_scope: no?[2Jsuch scope" in text, text
        endpoint.answer = (200, "canary" * (1 << 18))
        for text in said(endpoint.settings()):
            assert "the answer is longer than 1048576 bytes" in text and "canary" not in text, text
        endpoint.answer = None
        for text in said(endpoint.settings(trust=False)):
            assert f"{endpoint.url}: SSL certificate problem: unable to get local issuer certificate" in text, text
        assert_no_secret("".join(texts), endpoint)

        expired = lab.home / "expired"
        expired.write_text(endpoint.issuer.token(security.USER, -60))
        in_file = {"sasl.jaas.config": f"{MODULE} required;", "sasl.login.callback.handler.class": HANDLER,
                   "sasl.oauthbearer.token.endpoint.url": expired.as_uri()}  # fmt: skip
        endpoint.tokens.append(expired.read_text())
        for text in said(in_file):
            assert "the broker refuses the token (invalid_token), which ended at" in text, text
            assert_no_secret(text, endpoint)
        missing = lab.home / "missing"
        for text in said({**in_file, "sasl.oauthbearer.token.endpoint.url": missing.as_uri()}):
            assert f"no token: {missing}: No such file or directory" in text, text
        endpoint.stop()
        for text in said(endpoint.settings()):
            assert f"no token: {endpoint.url}: Failed to connect to 127.0.0.1" in text, text


@integration(timeout_seconds=240)
def tokens_are_renewed_under_load(lab):
    # Sessions last as long as the token that began them (KIP-368), here 10 seconds.
    source, target = secured(lab, properties={"connections.max.reauth.ms": 3600000}, jvm_options=[LOG_RENEWALS])
    with one_endpoint_for(lab, source, target) as endpoint:
        endpoint.seconds = 10
        for loop in LOOPS:
            topic = lab.topic(loop)
            source.create_topic(topic, partitions=4)
            tokens = len(endpoint.tokens)
            settings = {
                **with_tokens("source", source, "SASL_PLAINTEXT", endpoint.settings()),
                **with_tokens("target", target, "SASL_SSL", endpoint.settings()),
                "shunt.io": loop,
                "shunt.log.level": "trace",
            }
            run = lab.start_mirror([topic], source=source, target=target, settings=settings)
            # Each cluster has a data and a control connection of this mirror: three ends of a session on each.
            loads = load_until_renewed(lab, source, target, loop, 6)
            # A session that ends with its token may be renewed with that token once more before the next one is there.
            while len(endpoint.tokens) - tokens < 3:
                loads = load_until_renewed(lab, source, target, loop, 1, loads)
            assert_undisturbed(lab, run, topic, source, target, loads * 60000)
            assert_no_secret(everything_said(run), endpoint)


@integration(timeout_seconds=240)
def an_endpoint_that_is_away_for_a_while_costs_nothing_but_that_while(lab):
    # Without the half minute for which Kafka takes tokens that have ended.
    brokers = {"connections.max.reauth.ms": 3600000, "sasl.oauthbearer.clock.skew.seconds": 0}
    source, target = secured(lab, properties=brokers)
    for loop in LOOPS:
        topic = lab.topic(loop)
        source.create_topic(topic)
        with TokenEndpoint(lab.home / f"idp-{loop}", target.issuer()) as endpoint:
            endpoint.seconds = 10
            settings = {
                **client("source", source, "SASL_PLAINTEXT", "PLAIN"),
                **with_tokens("target", target, "SASL_PLAINTEXT", endpoint.settings()),
                "shunt.io": loop,
                "shunt.log.level": "trace",
                # The bounds that brokers' own clients have would make this a test of minutes.
                "target.sasl.login.retry.backoff.max.ms": "500",
            }
            run = lab.start_mirror([topic], source=source, target=target, settings=settings)
            lab.load(cluster=source, topic=loop, records=1000)
            lab.until_level([topic], source, target)
            endpoint.stop()
            last_token_ends = time.monotonic() + endpoint.seconds
            trouble = f"OAUTHBEARER: no new token ({endpoint.url}: Failed to connect"
            lab.eventually(lambda: trouble in run.log_text(), 30, "the endpoint is missed")
            # The token that is there still serves.
            lab.load(cluster=source, topic=loop, records=1000, start=1000)
            # Brokers end the session then, when it is used again, and take no other.
            lab.eventually(lambda: time.monotonic() > last_token_ends, 30, "the last token has ended")
            lab.load(cluster=source, topic=loop, records=1000, start=2000)
            lab.eventually(lambda: "(target.authentication)" in run.log_text(), 60, "the target takes nobody")
            endpoint.start()
            lab.until_level([topic], source, target)
            assert "OAUTHBEARER: a token was had again" in run.log_text(), run.log_text()
            assert run.log_text().count(trouble) == 1, run.log_text()
            run.drain()
            summary = run.summary()
            assert summary["records"] == 3000 and summary["duplicates"] == 0 and not summary["failures"], summary
            assert_no_secret(everything_said(run), endpoint)
            lab.assert_identical([topic], source=source, target=target)


@integration(timeout_seconds=240)
def a_clients_secret_is_rotated_in_its_file(lab):
    source, target = secured(lab, properties={"connections.max.reauth.ms": 3600000})
    secrets = lab.home / "secrets.properties"
    secrets.write_text(f"client={SECRET}\n")
    topics = []
    for form in ("settings", "old_settings"):  # a key of its own, and in the JAAS line
        topic = lab.topic(form)
        topics.append(topic)
        source.create_topic(topic)
        with TokenEndpoint(lab.home / f"idp-{form}", target.issuer()) as endpoint:
            endpoint.seconds = 10
            secrets.write_text(f"client={SECRET}\n")
            settings = {
                **client("source", source, "SASL_PLAINTEXT", "PLAIN"),
                **with_tokens("target", target, "SASL_PLAINTEXT", getattr(endpoint, form)(f"${{file:{secrets}:client}}")),
                "config.providers": "file",
                "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
                "shunt.log.level": "trace",
                "target.sasl.login.retry.backoff.max.ms": "500",
            }
            run = lab.start_mirror([topic], source=source, target=target, settings=settings)
            lab.load(cluster=source, topic=form, records=1000)
            lab.until_level([topic], source, target)
            endpoint.secret = "canary another secret"
            refused = f"OAUTHBEARER: no new token ({endpoint.url}: "
            lab.eventually(lambda: refused in run.log_text(), 30, "the old secret is refused")
            secrets.write_text(f"client={endpoint.secret}\n")
            lab.eventually(lambda: "OAUTHBEARER: a token was had again" in run.log_text(), 30, "the new one is shown")
            lab.load(cluster=source, topic=form, records=1000, start=1000)
            lab.until_level([topic], source, target)
            run.drain()
            assert run.summary()["records"] == 2000 and not run.summary()["failures"], run.summary()
            assert_no_secret(everything_said(run), endpoint)
            assert endpoint.secret not in everything_said(run)
    lab.assert_identical(topics, source=source, target=target)
