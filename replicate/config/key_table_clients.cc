#include "replicate/config/key_table_data.h"

namespace shunt::replicate {

using enum ValueType;
using enum Handling;

namespace {

constexpr Levels kEveryClient = Level::consumer | Level::producer | Level::admin;
constexpr Levels kConnections = Level::global | Level::cluster | kEveryClient;

}  // namespace

void append_security_keys(std::vector<Key>& table) {
  append(
      table, {.levels = kConnections},
      {
          {"bootstrap.servers", list, "", "Some brokers of the cluster, host:port; the others are found through them."},
          {"security.protocol", string, "PLAINTEXT", "How to connect: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."},
          {"sasl.mechanism", string, "GSSAPI", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or GSSAPI."},
          {"sasl.jaas.config", password, "", "Who shunt is, as a JAAS line for the login module of the mechanism."},
          {"shunt.sasl.scram.iterations.max", integer, "16384",
           "SCRAM iterations that a broker may ask for, 4096 to 65536."},
          {"ssl.enabled.protocols", list, "TLSv1.2, TLSv1.3", "TLS versions allowed."},
          {"ssl.cipher.suites", list, "", "Ciphers allowed; unset: AES-128-GCM first."},
          {"ssl.keystore.type", string, "JKS", "Format of the key store: PKCS12 or PEM; JKS itself is not read."},
          {"ssl.keystore.location", string, "", "File with the client's key and certificate."},
          {"ssl.keystore.password", password, "", "Password of that file."},
          {"ssl.keystore.key", password, "", "The client's private key itself, PEM."},
          {"ssl.keystore.certificate.chain", password, "", "The client's certificates themselves, PEM."},
          {"ssl.key.password", password, "", "Password of a private key in PEM."},
          {"ssl.truststore.type", string, "JKS", "Format of the trust store: PKCS12 or PEM; JKS itself is not read."},
          {"ssl.truststore.location", string, "",
           "File with the certificates to trust; without any, those that the system trusts."},
          {"ssl.truststore.password", password, "", "Password of that file."},
          {"ssl.truststore.certificates", password, "", "The certificates to trust themselves, PEM."},
          {"ssl.endpoint.identification.algorithm", string, "https",
           "Check the broker's name: https, or empty for no."},
      });
  append(table, {.levels = kConnections, .handling = no_effect, .reason = "it is Java's own; TLS is OpenSSL's here"},
         {
             {"ssl.protocol", string, "TLSv1.3", "TLS version to begin with."},
             {"ssl.provider", string, "", "Java's TLS provider."},
             {"ssl.keymanager.algorithm", string, "SunX509", "Java's key manager."},
             {"ssl.trustmanager.algorithm", string, "PKIX", "Java's trust manager."},
             {"ssl.secure.random.implementation", string, "", "Java's source of randomness."},
             {"ssl.engine.factory.class", class_name, "", "Java's TLS engine."},
             {"ssl.client.auth", string, "none", "Whether the REST server asks for certificates."},
         });
  append(
      table, {.levels = kConnections},
      {
          {"sasl.login.callback.handler.class", class_name, "",
           "OAUTHBEARER: OAuthBearerLoginCallbackHandler for tokens of an identity provider; unset: unsigned ones."},
          {"sasl.login.connect.timeout.ms", integer, "", "Connecting to the token endpoint; unset: 10 seconds."},
          {"sasl.login.read.timeout.ms", integer, "", "Its answer; unset: 10 seconds."},
          {"sasl.login.retry.backoff.ms", integer, "100", "First pause before another attempt to get a token."},
          {"sasl.login.retry.backoff.max.ms", integer, "10000", "Longest pause."},
          {"sasl.login.refresh.window.factor", real, "0.8", "Part of a token's life after which the next one is got."},
          {"sasl.login.refresh.window.jitter", real, "0.05", "Spread of that."},
          {"sasl.login.refresh.min.period.seconds", integer, "60", "Shortest time between tokens."},
          {"sasl.login.refresh.buffer.seconds", integer, "300", "Life left to a token when the next one is got."},
          {"sasl.oauthbearer.token.endpoint.url", string, "",
           "Where tokens come from: https://..., or file:///... for a file that holds one."},
          {"sasl.oauthbearer.client.credentials.client.id", string, "", "Client at the identity provider."},
          {"sasl.oauthbearer.client.credentials.client.secret", password, "", "Its secret."},
          {"sasl.oauthbearer.scope", string, "", "Scope to ask for."},
          {"sasl.oauthbearer.sub.claim.name", string, "sub", "Claim of a token that holds the user."},
          {"sasl.oauthbearer.header.urlencode", boolean, "false",
           "Encode client and secret for URLs before they are sent."},
          {"sasl.oauthbearer.jwt.retriever.class", class_name, "",
           "DefaultJwtRetriever, FileJwtRetriever or ClientCredentialsJwtRetriever."},
          {"sasl.kerberos.service.name", string, "", "GSSAPI: name of the brokers, mostly kafka."},
          {"shunt.sasl.oauthbearer.token", password, "", "A token itself, such as ${env:TOKEN}, for short runs."},
      });
  append(table,
         {.levels = kConnections,
          .handling = no_effect,
          .reason = "brokers judge tokens; shunt reads whose they are and when they end, and loads no Java classes"},
         {
             {"sasl.oauthbearer.jwt.validator.class", class_name, "", "Java class that checks tokens."},
             {"sasl.oauthbearer.scope.claim.name", string, "scope", "Claim that holds the scope."},
             {"sasl.oauthbearer.jwks.endpoint.url", string, "", "Where keys that verify tokens come from."},
             {"sasl.oauthbearer.jwks.endpoint.refresh.ms", integer, "3600000", "How often those are read."},
             {"sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", integer, "100", "First pause before another try."},
             {"sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", integer, "10000",
              "Longest pause before another try."},
             {"sasl.oauthbearer.expected.audience", list, "", "Audience a token must have."},
             {"sasl.oauthbearer.expected.issuer", string, "", "Issuer a token must have."},
             {"sasl.oauthbearer.clock.skew.seconds", integer, "30", "Difference of clocks to put up with."},
         });
  append(table,
         {.levels = kConnections,
          .handling = no_effect,
          .reason = "tickets are got when they are needed, by the key table or from the ticket cache that "
                    "sasl.jaas.config names"},
         {
             {"sasl.kerberos.kinit.cmd", string, "/usr/bin/kinit", "Kerberos login program."},
             {"sasl.kerberos.ticket.renew.window.factor", real, "0.8",
              "Part of a ticket's life after which it is renewed."},
             {"sasl.kerberos.ticket.renew.jitter", real, "0.05", "Spread of that."},
             {"sasl.kerberos.min.time.before.relogin", integer, "60000", "Shortest time between logins."},
         });
  append(table,
         {.levels = kConnections,
          .handling = no_effect,
          .reason = "shunt has no client assertions (a client secret is what it proves itself by), and loads no Java "
                    "classes"},
         {
             {"sasl.client.callback.handler.class", class_name, "", "Java class that hands out credentials."},
             {"sasl.login.class", class_name, "", "Java class of the login."},
             {"sasl.oauthbearer.assertion.algorithm", string, "RS256", "Signature of a client assertion."},
             {"sasl.oauthbearer.assertion.claim.aud", string, "", "Audience of a client assertion."},
             {"sasl.oauthbearer.assertion.claim.exp.seconds", integer, "300", "Life of a client assertion."},
             {"sasl.oauthbearer.assertion.claim.iss", string, "", "Issuer of a client assertion."},
             {"sasl.oauthbearer.assertion.claim.jti.include", boolean, "false", "Give a client assertion an id."},
             {"sasl.oauthbearer.assertion.claim.nbf.seconds", integer, "60",
              "How long before now a client assertion is valid."},
             {"sasl.oauthbearer.assertion.claim.sub", string, "", "Subject of a client assertion."},
             {"sasl.oauthbearer.assertion.file", string, "", "File with a finished client assertion."},
             {"sasl.oauthbearer.assertion.private.key.file", string, "",
              "File with the key that signs client assertions."},
             {"sasl.oauthbearer.assertion.private.key.passphrase", password, "", "Its password."},
             {"sasl.oauthbearer.assertion.template.file", string, "", "File with more claims of a client assertion."},
         });
}

void append_client_keys(std::vector<Key>& table) {
  append(table, {.levels = kEveryClient},
         {
             {"client.id", string, "",
              "Goes before the flow's name in the client id that brokers see: id|A->B|name|role."},
             {"reconnect.backoff.ms", integer, "50", "First pause before connecting again."},
             {"reconnect.backoff.max.ms", integer, "1000", "Longest pause before connecting again."},
             {"request.timeout.ms", integer, "30000", "How long a broker may take to answer."},
             {"metadata.max.age.ms", integer, "300000",
              "Brokers and leaders are asked for again after this time at the latest."},
             {"socket.connection.setup.timeout.ms", integer, "10000", "How long a TCP connection may take to come up."},
             {"receive.buffer.bytes", integer, "-1",
              "SO_RCVBUF of data connections; -1: 4 MiB, or auto-tuning where the system grants less."},
             {"send.buffer.bytes", integer, "-1",
              "SO_SNDBUF of data connections; -1: 4 MiB, or auto-tuning where the system grants less."},
         });
  append(table, {.levels = Level::consumer},
         {
             {"auto.offset.reset", string, "earliest", "Where a new mirror begins: earliest or latest."},
             {"fetch.max.bytes", integer, "", "Bytes of one fetch answer at most; unset: shunt chooses."},
             {"max.partition.fetch.bytes", integer, "",
              "Bytes of one partition in an answer at most; unset: shunt chooses."},
             {"fetch.max.wait.ms", integer, "500", "How long a broker waits for data before it answers with nothing."},
             {"fetch.min.bytes", integer, "1", "How much data a broker waits for."},
             {"isolation.level", string, "read_committed",
              "Which transactions to read: read_uncommitted or read_committed; unset: shunt.isolation."},
         });
  append(table,
         {.levels = Level::consumer | Level::producer,
          .handling = refused,
          .reason = "shunt loads no Java classes, and records are mirrored as they are; remove it"},
         {
             {"interceptor.classes", list, "", "Java classes that may change records."},
         });
  append(table,
         {.levels = Level::consumer,
          .handling = not_supported,
          .reason = "data is read from partition leaders; remove it"},
         {
             {"client.rack", string, "", "Read from a follower in this rack (KIP-392)."},
         });
  append(table,
         {.levels = kEveryClient,
          .handling = not_supported,
          .reason = "every address of a host is tried, as with use_all_dns_ips; remove it",
          .harmless = "use_all_dns_ips"},
         {
             {"client.dns.lookup", string, "use_all_dns_ips", "Which of a host's addresses are tried."},
         });

  append(table, {.levels = kEveryClient, .handling = no_effect, .reason = "pauses follow reconnect.backoff.ms"},
         {
             {"socket.connection.setup.timeout.max.ms", integer, "30000",
              "Longest time for a TCP connection, after failures."},
             {"retry.backoff.ms", integer, "100", "First pause before another try."},
             {"retry.backoff.max.ms", integer, "1000", "Longest pause before another try."},
         });
  append(table,
         {.levels = Level::producer | Level::admin,
          .handling = no_effect,
          .reason = "shunt tries again for as long as it runs"},
         {
             {"retries", integer, "2147483647", "How often a request is tried again."},
         });
  append(table,
         {.levels = Level::producer, .handling = no_effect, .reason = "shunt tries again for as long as it runs"},
         {
             {"delivery.timeout.ms", integer, "120000", "How long a record may take, tries included."},
             {"max.block.ms", integer, "60000", "How long to wait for metadata or memory."},
         });
  append(table,
         {.levels = Level::producer, .handling = no_effect, .reason = "shunt always waits for all in-sync replicas"},
         {
             {"acks", string, "all", "Replicas that must have a record before it counts."},
         });
  append(table,
         {.levels = Level::producer, .handling = no_effect, .reason = "shunt always writes each record exactly once"},
         {
             {"enable.idempotence", boolean, "true", "No duplicates from tries again."},
             {"transactional.id", string, "", "Identity of a transactional producer."},
             {"transaction.timeout.ms", integer, "60000", "How long a transaction may stay open."},
             {"transaction.two.phase.commit.enable", boolean, "false", "Two-phase commit (KIP-939)."},
         });
  append(table,
         {.levels = Level::producer,
          .handling = no_effect,
          .reason = "batches keep the codec and size the source's producer gave them"},
         {
             {"compression.type", string, "none", "Codec of batches."},
             {"compression.gzip.level", integer, "-1", "Level of gzip."},
             {"compression.lz4.level", integer, "9", "Level of lz4."},
             {"compression.zstd.level", integer, "3", "Level of zstd."},
             {"batch.size", integer, "16384", "Bytes of a batch."},
             {"linger.ms", integer, "5", "How long a batch is waited for."},
             {"max.request.size", integer, "1048576", "Bytes of a request at most."},
         });
  append(
      table,
      {.levels = Level::producer, .handling = no_effect, .reason = "see shunt.buffer.memory and shunt.inflight.bytes"},
      {
          {"buffer.memory", integer, "33554432", "Memory of a producer."},
          {"max.in.flight.requests.per.connection", integer, "5", "Requests without an answer."},
      });
  append(
      table,
      {.levels = Level::producer, .handling = no_effect, .reason = "each partition is mirrored to the same partition"},
      {
          {"partitioner.class", class_name, "", "Chooses partitions."},
          {"partitioner.adaptive.partitioning.enable", boolean, "true", "Prefer fast brokers."},
          {"partitioner.availability.timeout.ms", integer, "0", "Avoid brokers that are slow for so long."},
          {"partitioner.ignore.keys", boolean, "false", "Choose partitions without keys."},
      });
  append(table,
         {.levels = Level::consumer | Level::producer,
          .handling = no_effect,
          .reason = "record batches are mirrored as they are, nothing is converted"},
         {
             {"key.serializer", class_name, "", "Java class."},
             {"value.serializer", class_name, "", "Java class."},
             {"key.deserializer", class_name, "", "Java class."},
             {"value.deserializer", class_name, "", "Java class."},
         });
  append(table,
         {.levels = Level::consumer,
          .handling = no_effect,
          .reason = "shunt joins no consumer group and commits no offsets: the target's log says where it is"},
         {
             {"group.id", string, "", "Consumer group."},
             {"group.instance.id", string, "", "Fixed member of a group."},
             {"group.protocol", string, "classic", "classic or consumer (KIP-848)."},
             {"group.remote.assignor", string, "", "Who deals out partitions."},
             {"partition.assignment.strategy", list, "", "How partitions are dealt out."},
             {"enable.auto.commit", boolean, "false", "Commit offsets; MirrorMaker 2 forces false."},
             {"auto.commit.interval.ms", integer, "5000", "How often."},
             {"session.timeout.ms", integer, "45000", "A silent member leaves after this time."},
             {"heartbeat.interval.ms", integer, "3000", "Heartbeats in the group."},
             {"max.poll.interval.ms", integer, "300000", "Longest time between polls."},
             {"max.poll.records", integer, "500", "Records of one poll."},
             {"share.acknowledgement.mode", string, "implicit", "Share groups (KIP-932)."},
             {"share.acquire.mode", string, "batch_optimized", "Share groups (KIP-932)."},
             {"exclude.internal.topics", boolean, "true", "Leave out internal topics in pattern subscriptions."},
             {"allow.auto.create.topics", boolean, "true", "Let reading create topics; shunt never does."},
         });
  append(table, {.levels = Level::consumer, .handling = no_effect, .reason = "the target's brokers check every batch"},
         {
             {"check.crcs", boolean, "true", "Check batches."},
         });
  append(table, {.levels = Level::consumer | Level::admin, .handling = no_effect, .reason = "see request.timeout.ms"},
         {
             {"default.api.timeout.ms", integer, "60000", "Time-out of calls of the Java client."},
         });
  append(
      table,
      {.levels = kEveryClient, .handling = no_effect, .reason = "shunt always begins again from the bootstrap servers"},
      {
          {"metadata.recovery.strategy", string, "rebootstrap", "When no broker answers (KIP-899)."},
          {"metadata.recovery.rebootstrap.trigger.ms", integer, "300000", "After how long."},
      });
  append(
      table,
      {.levels = Level::producer, .handling = no_effect, .reason = "shunt knows the topics of its flows at all times"},
      {
          {"metadata.max.idle.ms", integer, "300000", "Forget topics not written to."},
      });
  append(table, {.levels = kEveryClient, .handling = no_effect, .reason = "a connection is kept while its flows run"},
         {
             {"connections.max.idle.ms", integer, "540000", "Close idle connections."},
         });
  append(table,
         {.levels = kEveryClient | Level::cluster,
          .handling = no_effect,
          .reason = "metrics are served at shunt.metrics.listen"},
         {
             {"metric.reporters", list, "", "Where metrics go."},
             {"metrics.num.samples", integer, "2", "Samples of a metric."},
             {"metrics.recording.level", string, "INFO", "Which metrics."},
             {"metrics.sample.window.ms", integer, "30000", "Time of a sample."},
             {"enable.metrics.push", boolean, "true", "Metrics to the broker (KIP-714)."},
             {"auto.include.jmx.reporter", boolean, "true", "Metrics to JMX as well (until 3.9)."},
         });
  append(table, {.levels = kEveryClient, .handling = no_effect, .reason = "shunt is not a Java program"},
         {
             {"security.providers", string, "", "Java's security providers."},
             {"config.providers", list, "", "Here they are declared once, at global level."},
         });
  append(table, {.levels = Level::admin, .handling = no_effect, .reason = "shunt asks brokers, not controllers"},
         {
             {"bootstrap.controllers", list, "", "Controllers to connect to (KIP-919)."},
         });
}

}  // namespace shunt::replicate
