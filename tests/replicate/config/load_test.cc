#include "replicate/config/load.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kBase[] =
    "clusters = A, B\n"
    "A.bootstrap.servers = a1:9092, a2:9092\n"
    "B.bootstrap.servers = [::1]:9093\n"
    "A->B.enabled = true\n";

struct Loaded {
  std::optional<Config> config;
  std::vector<std::string> said;
};

Loaded load(const std::string& text, const LoadOptions& options = {}) {
  Diagnostics diagnostics;
  Properties properties = parse_properties(text, "f", diagnostics);
  LoadedConfig loaded = load_config(std::move(properties), "f", options);
  Loaded result{std::move(loaded.config), {}};
  for (const Diagnostic& diagnostic : loaded.diagnostics.sorted()) result.said.push_back(diagnostic.to_string());
  return result;
}

/// What is said of lines added to a configuration that is good without them (they begin at line 5).
std::vector<std::string> said_of(const std::string& lines) {
  return load(kBase + lines).said;
}

FlowConfig flow_of(const std::string& lines) {
  const Loaded loaded = load(kBase + lines);
  EXPECT_TRUE(loaded.config) << ::testing::PrintToString(loaded.said);
  return loaded.config ? loaded.config->flows.at(0) : FlowConfig{};
}

TEST(Load, ReadsWhatIsToBeDoneAboutConditions) {
  EXPECT_EQ(flow_of("").policies.of(Condition::source_recreated), Policy::stop);
  const FlowConfig flow = flow_of(
      "shunt.on.source.recreated = recreate\n"
      "A->B.shunt.on.overtaken = continue\n"
      "shunt.on.target.deleted = Recreate\n"
      "shunt.on.foreign.writer = continue\n"
      "shunt.on.target.truncated = continue\n");
  for (const ConditionInfo& info : condition_table()) {
    EXPECT_EQ(flow.policies.of(info.condition), info.alternative.value_or(info.standard)) << info.key;
  }
  EXPECT_THAT(said_of("shunt.on.overtaken = recreate\n"),
              Contains(AllOf(HasSubstr("shunt.on.overtaken"), HasSubstr("stop"), HasSubstr("continue"))));
  EXPECT_THAT(said_of("shunt.on.source.deleted = continue\n"), Contains(HasSubstr("shunt.on.source.deleted")));
}

TEST(Load, ReadsAMinimalFile) {
  const Loaded loaded = load(kBase);
  ASSERT_TRUE(loaded.config) << ::testing::PrintToString(loaded.said);
  EXPECT_THAT(loaded.said, IsEmpty());
  ASSERT_EQ(loaded.config->flows.size(), 1u);
  const FlowConfig& flow = loaded.config->flows[0];
  EXPECT_EQ(flow.name(), "A->B");
  EXPECT_THAT(flow.source_consumer.bootstrap_servers,
              ElementsAre(net::HostPort{"a1", 9092}, net::HostPort{"a2", 9092}));
  EXPECT_THAT(flow.target_producer.bootstrap_servers, ElementsAre(net::HostPort{"::1", 9093}));
  EXPECT_EQ(flow.source_consumer.client_id, "A->B|MirrorSourceConnector|replication-consumer");
  EXPECT_EQ(flow.source_admin.client_id, "A->B|MirrorSourceConnector|replication-source-admin");
  EXPECT_EQ(flow.target_admin.client_id, "A->B|MirrorSourceConnector|replication-target-admin");
  EXPECT_EQ(flow.replication_factor, 2);
  EXPECT_EQ(flow.refresh_topics_interval, std::chrono::seconds(600));
  EXPECT_EQ(flow.start, StartPosition());
  EXPECT_EQ(flow.source_consumer.request_timeout, milliseconds(30'000));
  EXPECT_EQ(flow.source_consumer.receive_buffer_bytes, std::nullopt);
  EXPECT_EQ(flow.fetch.max_bytes, std::nullopt);
  EXPECT_EQ(flow.target_topic("orders"), "A.orders");
  EXPECT_EQ(loaded.config->clusters.at("B").client.bootstrap_servers.at(0).port, 9093);
  EXPECT_EQ(loaded.config->process.buffer_memory_bytes, 32u * 1024 * 1024);
  EXPECT_EQ(loaded.config->process.metrics_listen, std::nullopt);
}

TEST(Load, SelectsTopicsAsMirrorMaker) {
  const FlowConfig flow = flow_of("");
  for (const char* topic : {"orders", "A.orders", "heartbeats"}) EXPECT_TRUE(flow.mirrors(topic)) << topic;
  for (const char* topic :
       {"__consumer_offsets", "mm2-offset-syncs.B.internal", "A.checkpoints.internal", "B.orders", "x.replica"}) {
    EXPECT_FALSE(flow.mirrors(topic)) << topic;
  }
  const FlowConfig some = flow_of("A->B.topics = orders, pay.*\nA->B.topics.exclude = payroll\n");
  EXPECT_TRUE(some.mirrors("orders"));
  EXPECT_TRUE(some.mirrors("payments"));
  EXPECT_FALSE(some.mirrors("payroll"));
  EXPECT_FALSE(some.mirrors("orders2"));
  EXPECT_TRUE(some.mirrors("heartbeats")) << "whatever topics says (KIP-1089)";
  EXPECT_FALSE(flow_of("topics = orders\nheartbeats.replication.enabled = false\n").mirrors("heartbeats"));
  EXPECT_FALSE(flow_of("topics = .*\ntopics.exclude =\n").mirrors("__consumer_offsets"))
      << "never, whatever is excluded";
  EXPECT_FALSE(flow_of("A->B.topics =\n").mirrors("orders")) << "an empty list selects nothing";
}

TEST(Load, ReadsWhatBecomesOfGroups) {
  const FlowConfig flow = flow_of("");
  EXPECT_TRUE(flow.writes_offset_syncs);
  EXPECT_TRUE(flow.groups.writes_checkpoints);
  EXPECT_FALSE(flow.groups.writes_groups);
  EXPECT_FALSE(flow.groups.may_rewind);
  EXPECT_EQ(flow.groups.interval(), std::chrono::seconds(60));
  EXPECT_EQ(flow.groups.checkpoints_replication_factor, 3);
  EXPECT_TRUE(flow.groups.selects("billing"));
  for (const char* group : {"console-consumer-1", "connect-sink", "__internal"}) {
    EXPECT_FALSE(flow.groups.selects(group)) << group;
  }
  const FlowConfig some = flow_of(
      "A->B.groups = bill.*, ship\nA->B.groups.exclude = billboard\nsync.group.offsets.enabled = true\n"
      "sync.group.offsets.interval.seconds = 5\nemit.checkpoints.interval.seconds = 7\n"
      "shunt.group.offsets.rewind = true\nemit.offset-syncs.enabled = false\n"
      "checkpoints.topic.replication.factor = -1\n");
  EXPECT_TRUE(some.groups.selects("billing"));
  EXPECT_TRUE(some.groups.selects("ship"));
  EXPECT_FALSE(some.groups.selects("billboard"));
  EXPECT_FALSE(some.groups.selects("shipping"));
  EXPECT_EQ(some.groups.interval(), std::chrono::seconds(5)) << "one round serves both";
  EXPECT_TRUE(some.groups.may_rewind);
  EXPECT_FALSE(some.writes_offset_syncs);
  EXPECT_EQ(some.groups.checkpoints_replication_factor, -1);
  EXPECT_EQ(flow_of("sync.group.offsets.enabled = true\nemit.checkpoints.enabled = false\n"
                    "emit.checkpoints.interval.seconds = 1\n")
                .groups.interval(),
            std::chrono::seconds(60));
  EXPECT_THAT(said_of("sync.group.offsets.interval.seconds = 0\n"), ElementsAre(HasSubstr("error")));
  EXPECT_THAT(said_of("groups = (\n"), ElementsAre(HasSubstr("error")));
}

// The rows are checked against MirrorMakerConfig and MirrorSourceConfig of Kafka 4.3: the last that is set wins.
TEST(Load, FollowsMirrorMakersPrecedenceForClients) {
  const std::vector<std::pair<std::string, int>> consumer{
      {"A->B.consumer.request.timeout.ms = 1001\n", 1001},
      {"A.consumer.request.timeout.ms = 1002\n", 1002},
      {"A->B.source.consumer.request.timeout.ms = 1003\n", 1003},
  };
  std::string lines;
  for (const auto& [line, want] : consumer) {
    lines += line;
    EXPECT_EQ(flow_of(lines).source_consumer.request_timeout, milliseconds(want)) << lines;
  }
  EXPECT_EQ(flow_of(lines).source_admin.request_timeout, milliseconds(30'000));
  EXPECT_EQ(flow_of(lines).target_producer.request_timeout, milliseconds(30'000));

  const std::vector<std::pair<std::string, int>> producer{
      {"A->B.producer.request.timeout.ms = 1001\n", 1001},
      {"B.producer.request.timeout.ms = 1002\n", 1002},
      {"A->B.target.producer.request.timeout.ms = 1003\n", 1003},
      {"A->B.producer.override.request.timeout.ms = 1004\n", 1004},
  };
  lines.clear();
  for (const auto& [line, want] : producer) {
    lines += line;
    EXPECT_EQ(flow_of(lines).target_producer.request_timeout, milliseconds(want)) << lines;
  }

  for (const char* nowhere : {"request.timeout.ms", "consumer.request.timeout.ms", "source.consumer.request.timeout.ms",
                              "A.request.timeout.ms", "B.consumer.request.timeout.ms", "A->B.request.timeout.ms",
                              "B->A.consumer.request.timeout.ms", "A->B.target.consumer.request.timeout.ms"}) {
    EXPECT_EQ(flow_of(std::string(nowhere) + " = 1001\n").source_consumer.request_timeout, milliseconds(30'000))
        << nowhere;
  }
}

TEST(Load, FollowsMirrorMakersPrecedenceForFlows) {
  EXPECT_EQ(flow_of("replication.factor = 3\n").replication_factor, 3);
  EXPECT_EQ(flow_of("replication.factor = 3\nA->B.replication.factor = -1\n").replication_factor, -1);
  EXPECT_EQ(flow_of("A.replication.factor = 3\n").replication_factor, 2) << "not a cluster's setting";
  EXPECT_EQ(flow_of("replication.policy.separator = _\n").target_topic("t"), "A_t");
  EXPECT_EQ(flow_of("A->B.replication.policy.separator = -\n").target_topic("t"), "A-t");
  EXPECT_EQ(flow_of("A->B.replication.policy.class = org.apache.kafka.connect.mirror.IdentityReplicationPolicy\n")
                .target_topic("t"),
            "t");
}

TEST(Load, HandsAddressesDown) {
  const std::string text = "clusters = A, B\nbootstrap.servers = g:1\nB.bootstrap.servers = b:2\nA->B.enabled = true\n";
  EXPECT_EQ(load(text).config->flows.at(0).source_admin.bootstrap_servers.at(0).host, "g");
  EXPECT_EQ(load(text).config->flows.at(0).target_admin.bootstrap_servers.at(0).host, "b");
  const FlowConfig flow = flow_of("A->B.source.consumer.bootstrap.servers = near:1\n");
  EXPECT_EQ(flow.source_consumer.bootstrap_servers.at(0).host, "near");
  EXPECT_EQ(flow.source_admin.bootstrap_servers.at(0).host, "a1");
}

TEST(Load, EnablesFlowsAsMirrorMaker) {
  const std::string both = "clusters = A, B\nA.bootstrap.servers = a:1\nB.bootstrap.servers = b:1\n";
  const auto flows = [&both](const std::string& lines) {
    std::vector<std::string> names;
    const Loaded loaded = load(both + lines);
    if (loaded.config) {
      for (const FlowConfig& flow : loaded.config->flows) names.push_back(flow.name());
      for (const HeartbeatFlow& flow : loaded.config->heartbeat_flows)
        names.push_back("(" + flow.source + flow.target + ")");
    }
    return names;
  };
  EXPECT_THAT(flows("A->B.enabled = TRUE\n"), ElementsAre("A->B", "(BA)"));
  EXPECT_THAT(flows("A->B.enabled = true\nB->A.enabled = true\n"), ElementsAre("A->B", "B->A"));
  EXPECT_THAT(flows("A->B.enabled = true\nemit.heartbeats.enabled = false\n"), ElementsAre("A->B"));
  EXPECT_THAT(flows("A->B.enabled = true\nB->A.emit.heartbeats.enabled = false\n"), ElementsAre("A->B"));
  EXPECT_THAT(flows("enabled = true\n"), ElementsAre("A->B", "B->A")) << "for flows that exist for their heartbeats";
  EXPECT_THAT(flows("enabled = true\nemit.heartbeats.enabled = false\nA->B.enabled = true\n"), ElementsAre("A->B"));
  EXPECT_THAT(flows("enabled = true\nB->A.enabled = false\n"), ElementsAre("A->B", "(BA)"));
  EXPECT_THAT(flows("A->B.enabled = false\n"), IsEmpty());
}

TEST(Load, PreventsLoopsWhereBothDirectionsAreInTheFile) {
  const std::string mapped = "shunt.offsets = mapped\n";
  EXPECT_EQ(flow_of(mapped).loop_prevention, LoopPrevention::stop);
  EXPECT_EQ(flow_of(mapped + "B->A.enabled = true\n").loop_prevention, LoopPrevention::leave_out);
  EXPECT_EQ(flow_of(mapped + "B->A.enabled = true\nshunt.loop.prevention = false\n").loop_prevention,
            LoopPrevention::off);
  EXPECT_EQ(flow_of(mapped + "shunt.loop.prevention = true\n").loop_prevention, LoopPrevention::leave_out);
  EXPECT_FALSE(flow_of(mapped).adds_source_header);
  EXPECT_TRUE(flow_of(mapped + "A->B.shunt.source.header = true\n").adds_source_header);
}

TEST(Load, RunsOnlyFlowsIntoSomeTargets) {
  LoadOptions options;
  options.target_aliases = {"A"};
  EXPECT_EQ(load(std::string(kBase) + "B->A.enabled = true\n", options).config->flows.at(0).name(), "B->A");
  EXPECT_THAT(load(kBase, options).said, ElementsAre(HasSubstr("no flow into A is enabled")));
  options.target_aliases = {"C"};
  EXPECT_THAT(load(kBase, options).said, Contains(HasSubstr("--clusters C: it is not one of clusters = A, B")));
}

TEST(Load, ReadsShuntsOwnSettings) {
  const Loaded loaded =
      load(std::string(kBase) +
           "shunt.io = epoll\nshunt.shards = 4\nshunt.buffer.memory = 64MiB\nshunt.inflight.bytes = 1048576\n"
           "shunt.metrics.listen = [::1]:9404\nshunt.stall.timeout.ms = 5000\nshunt.log.level = WARN\n");
  ASSERT_TRUE(loaded.config) << ::testing::PrintToString(loaded.said);
  const ProcessConfig& process = loaded.config->process;
  EXPECT_EQ(process.io, net::IoKind::epoll);
  EXPECT_EQ(process.shards, 4);
  EXPECT_EQ(process.buffer_memory_bytes, 64u * 1024 * 1024);
  EXPECT_EQ(process.inflight_bytes, 1024u * 1024);
  EXPECT_EQ(process.metrics_listen, (net::HostPort{"::1", 9404}));
  EXPECT_EQ(process.stall_timeout, milliseconds(5000));
  EXPECT_EQ(process.log_level, LogLevel::warn);
}

TEST(Load, ReadsClientSettings) {
  const FlowConfig flow = flow_of(
      "A.consumer.client.id = me\nA.consumer.fetch.max.bytes = 1000\nA.consumer.max.partition.fetch.bytes = 500\n"
      "A.consumer.fetch.max.wait.ms = 100\nA.consumer.auto.offset.reset = latest\nA.consumer.receive.buffer.bytes = "
      "65536\n"
      "A.consumer.reconnect.backoff.ms = 2000\nB.producer.send.buffer.bytes = -1\nname = mine\n");
  EXPECT_EQ(flow.source_consumer.client_id, "me|A->B|mine|replication-consumer");
  EXPECT_EQ(flow.fetch.max_bytes, 1000);
  EXPECT_EQ(flow.fetch.max_partition_bytes, 500);
  EXPECT_EQ(flow.fetch.max_wait, milliseconds(100));
  EXPECT_EQ(flow.start.kind, StartPosition::Kind::latest);
  EXPECT_EQ(flow.source_consumer.receive_buffer_bytes, 65536);
  EXPECT_EQ(flow.source_consumer.reconnect_backoff, milliseconds(2000));
  EXPECT_EQ(flow.source_consumer.reconnect_backoff_max, milliseconds(2000)) << "never below the first pause";
  EXPECT_EQ(flow.target_producer.send_buffer_bytes, std::nullopt);
}

TEST(Load, ReportsAllErrorsAtOnce) {
  EXPECT_THAT(said_of("A->B.replication.factor = two\n"
                      "shunt.shards = 65\n"
                      "shunt.io = uring\n"
                      "topics = a(?!b)\n"
                      "refresh.topics.enabled = yes\n"
                      "A.bootstrap.servers = a1, :9092\n"),
              ElementsAre("f:5: error: A->B.replication.factor: \"two\" is not a whole number",
                          "f:6: error: shunt.shards: \"65\" is out of bounds: 1 to 64",
                          "f:7: error: shunt.io: \"uring\" is not one of auto, io_uring, epoll",
                          AllOf(HasSubstr("f:8: error: topics: the expression \"a(?!b)\": lookahead")),
                          "f:9: error: refresh.topics.enabled: \"yes\" is neither true nor false",
                          "f:10: error: A.bootstrap.servers: \"a1\" is not host:port with a port of 1 to 65535",
                          "f:10: error: A.bootstrap.servers: \":9092\" is not host:port with a port of 1 to 65535"));
}

TEST(Load, ReportsWhatIsMissing) {
  EXPECT_THAT(load("").said, ElementsAre(HasSubstr("f: error: clusters is not set")));
  EXPECT_THAT(load("clusters = A\n").said, Contains(HasSubstr("f:1: error: clusters: at least two are needed")));
  EXPECT_THAT(load("clusters = A, B\n").said, ElementsAre(HasSubstr("no flow is enabled")));
  EXPECT_THAT(load("clusters = A, B\nA->B.enabled = true\nB.bootstrap.servers = b:1\n").said,
              ElementsAre(HasSubstr("f: error: A.bootstrap.servers is not set, and A->B is enabled")));
  EXPECT_THAT(load("clusters = A, B\nA->B.enabled = true\nB.bootstrap.servers = b:1\nA.bootstrap.servers = ,\n").said,
              ElementsAre(HasSubstr("f:4: error: A.bootstrap.servers: no address")));
  EXPECT_THAT(load("clusters = A, B x\n").said, Contains(HasSubstr("the alias \"B x\" holds a blank")));
}

TEST(Load, ReportsUnknownAliases) {
  EXPECT_THAT(said_of("A->C.enabled = true\n"),
              ElementsAre("f:5: error: A->C.enabled: \"C\" is not one of clusters = A, B"));
  EXPECT_THAT(said_of("C->A.topics = x\n"),
              ElementsAre(AllOf(HasSubstr("f:5: warning"), HasSubstr("\"C\" is not one of"))));
  EXPECT_THAT(said_of("A->A.enabled = true\n"), ElementsAre(HasSubstr("a flow needs two different clusters")));
}

TEST(Load, NamesTheKeyThatWasMeant) {
  EXPECT_THAT(said_of("task.max = 3\n"),
              ElementsAre(HasSubstr("f:5: warning: task.max is not a known key; did you mean tasks.max?")));
  EXPECT_THAT(said_of("A->B.topics.exlude = x\n"), ElementsAre(HasSubstr("did you mean A->B.topics.exclude?")));
  EXPECT_THAT(said_of("A.consumer.fetch.max.byte = 1\n"),
              ElementsAre(HasSubstr("did you mean A.consumer.fetch.max.bytes?")));
  EXPECT_THAT(said_of("whatever.this.may.be = 1\n"), ElementsAre(HasSubstr("is not a known key; it has no effect")));
}

TEST(Load, WarnsOfKeysWhereTheyDoNotCount) {
  EXPECT_THAT(
      said_of("consumer.fetch.max.bytes = 1\n"),
      ElementsAre(HasSubstr("has no effect: MirrorMaker 2 hands client settings only to a cluster or a flow, such as "
                            "A->B.consumer.fetch.max.bytes")));
  EXPECT_THAT(said_of("A.fetch.max.bytes = 1\n"), ElementsAre(HasSubstr("(write A.consumer.fetch.max.bytes)")));
  EXPECT_THAT(said_of("A.topics = x\n"), ElementsAre(HasSubstr("(write A->B.topics)")));
  EXPECT_THAT(said_of("A->B.shunt.shards = 2\n"), ElementsAre(HasSubstr("(write shunt.shards)")));
}

TEST(Load, SaysWhatIsNotSupported) {
  EXPECT_THAT(said_of("tasks.max = 3\n"), ElementsAre(HasSubstr("f:5: note: tasks.max has no effect: ")));
  EXPECT_THAT(said_of("offset.lag.max = 3\n"), ElementsAre(HasSubstr("exactly at any distance")));
  EXPECT_THAT(said_of("group.filter.class = DefaultGroupFilter\n"), IsEmpty());
  EXPECT_THAT(said_of("group.filter.class = com.acme.Filter\n"), ElementsAre(HasSubstr("error")));
  EXPECT_THAT(said_of("transforms = mask\n"),
              ElementsAre(HasSubstr("f:5: error: transforms = \"mask\" is not supported")));
  EXPECT_THAT(said_of("topic.filter.class = DefaultTopicFilter\n"), IsEmpty());
  EXPECT_THAT(said_of("topic.filter.class = com.acme.Filter\n"), ElementsAre(HasSubstr("error")));
  EXPECT_THAT(said_of("replication.policy.class = com.acme.Policy\n"), ElementsAre(HasSubstr("is not one of")));
  EXPECT_THAT(said_of("A.consumer.isolation.level = repeatable_read\n"), ElementsAre(HasSubstr("is not one of")));
  EXPECT_THAT(said_of("A.consumer.auto.offset.reset = none\n"), ElementsAre(HasSubstr("begins at earliest or latest")));
  EXPECT_THAT(said_of("A.security.protocol = TLS\n"), Contains(HasSubstr("is not one of PLAINTEXT, SSL")));
  EXPECT_THAT(said_of("A.security.protocol = plaintext\n"), IsEmpty());
  EXPECT_THAT(said_of("A->B.source.cluster.alias = A\n"), IsEmpty());
  EXPECT_THAT(said_of("A->B.source.cluster.alias = X\n"), ElementsAre(HasSubstr("error")));
}

constexpr char kScram[] = "org.apache.kafka.common.security.scram.ScramLoginModule required ";

TEST(Load, ReadsCredentialsOfEachCluster) {
  LoadOptions options;
  options.environment = [](const std::string& name) { return "secret of " + name; };
  const Loaded loaded = load(std::string(kBase) +
                                 "config.providers = env\n"
                                 "config.providers.env.class = EnvVarConfigProvider\n"
                                 "security.protocol = SASL_PLAINTEXT\n"
                                 "sasl.mechanism = SCRAM-SHA-512\n"
                                 "A.sasl.jaas.config = " +
                                 kScram +
                                 "username=\"alice\" password=\"${env:A}\";\n"
                                 "A.consumer.shunt.sasl.scram.iterations.max = 5000\n"
                                 "B.sasl.mechanism = SCRAM-SHA-256\n"
                                 "B.sasl.jaas.config = " +
                                 kScram + "username=\"bob\" password=\"b\";\n",
                             options);
  ASSERT_TRUE(loaded.config) << ::testing::PrintToString(loaded.said);
  const FlowConfig& flow = loaded.config->flows.at(0);
  for (const ClientConfig* client : {&flow.source_consumer, &flow.source_admin}) {
    ASSERT_TRUE(client->security.credentials);
    EXPECT_EQ(client->security.credentials->current()->mechanism, sasl::Mechanism::scram_sha_512);
    EXPECT_EQ(client->security.credentials->current()->user, "alice");
    EXPECT_EQ(client->security.credentials->current()->password.reveal(), "secret of A");
  }
  EXPECT_EQ(flow.source_consumer.security.credentials->current()->most_scram_iterations, 5000u);
  EXPECT_EQ(flow.source_admin.security.credentials->current()->most_scram_iterations, 16384u);
  for (const ClientConfig* client : {&flow.target_producer, &flow.target_admin}) {
    ASSERT_TRUE(client->security.credentials);
    EXPECT_EQ(client->security.credentials->current()->mechanism, sasl::Mechanism::scram_sha_256);
    EXPECT_EQ(client->security.credentials->current()->user, "bob");
  }
  EXPECT_FALSE(flow_of("A.sasl.mechanism = PLAIN\n").source_admin.security.credentials);
}

TEST(Load, SaysWhatCredentialsLackAndNothingOfThem) {
  const std::string sasl = "A.security.protocol = SASL_PLAINTEXT\n";
  const std::string plain = sasl + "A.sasl.mechanism = PLAIN\n";
  EXPECT_THAT(said_of(sasl), Contains(AllOf(HasSubstr("needs sasl.jaas.config"), HasSubstr("unless that is GSSAPI"))));
  EXPECT_THAT(said_of(sasl + "A.sasl.mechanism = DIGEST-MD5\n"),
              Contains(HasSubstr("\"DIGEST-MD5\" is not supported; shunt has PLAIN")));
  EXPECT_THAT(said_of(plain), Contains(HasSubstr("needs sasl.jaas.config")));
  EXPECT_THAT(said_of(plain + "A.sasl.jaas.config = " + kScram + "username=\"u\" password=\"hunter2\";\n"),
              ElementsAre(AllOf(
                  HasSubstr("f:7: error: A.sasl.jaas.config: [hidden] is refused: ScramLoginModule does not serve"),
                  Not(HasSubstr("hunter2")))));
  EXPECT_THAT(said_of(plain + "A.sasl.jaas.config = com.evil.JndiLoginModule required x=\"hunter2\";\n"),
              ElementsAre(AllOf(HasSubstr("com.evil.JndiLoginModule is not supported"), Not(HasSubstr("hunter2")))));
}

// ---- OAUTHBEARER ----------------------------------------------------------------------------------------------------

constexpr char kOauth[] = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required ";
constexpr char kHandler[] =
    "A.sasl.login.callback.handler.class = "
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler\n";

std::string oauth(const std::string& options, const std::string& lines) {
  return "A.security.protocol = SASL_PLAINTEXT\nA.sasl.mechanism = OAUTHBEARER\nA.sasl.jaas.config = " +
         std::string(kOauth) + options + ";\n" + lines;
}

TEST(Load, ClientsOfAClusterShareTheirTokens) {
  const std::string lines =
      oauth("", kHandler + std::string("A.sasl.oauthbearer.token.endpoint.url = file:///a/token\n"));
  const FlowConfig flow = flow_of(lines);
  ASSERT_TRUE(flow.source_consumer.security.login);
  EXPECT_EQ(flow.source_consumer.security.login, flow.source_admin.security.login);
  EXPECT_EQ(flow.source_consumer.security.credentials, flow.source_admin.security.credentials);
  EXPECT_EQ(flow.source_consumer.security.credentials->current()->mechanism, sasl::Mechanism::oauth_bearer);
  EXPECT_EQ(flow.target_admin.security.login, nullptr);
  const FlowConfig other = flow_of(lines + "A.consumer.sasl.oauthbearer.token.endpoint.url = file:///another/token\n");
  EXPECT_NE(other.source_consumer.security.login, other.source_admin.security.login);
}

TEST(Load, TakesTokensFromWhereKafkaDoes) {
  const std::string id =
      "A.sasl.oauthbearer.client.credentials.client.id = me\nA.sasl.oauthbearer.client.credentials.client.secret = "
      "hunter2\n";
  const auto url = [](const std::string& text) { return "A.sasl.oauthbearer.token.endpoint.url = " + text + "\n"; };
  const std::string package = "org.apache.kafka.common.security.oauthbearer.";
  const std::string retriever = "A.sasl.oauthbearer.jwt.retriever.class = " + package;
  const std::string old_handler =
      "A.sasl.login.callback.handler.class = " + package + "secured.OAuthBearerLoginCallbackHandler\n";
  for (const std::string& lines : {
           oauth("", kHandler + url("https://login/token") + id),
           oauth("", old_handler + url("http://localhost/token") + id),
           oauth("", kHandler + url("https://login/token") + id + retriever + "ClientCredentialsJwtRetriever\n"),
           oauth("clientId=\"me\" clientSecret=\"hunter2\" scope=\"s\"", kHandler + url("https://login/token")),
           oauth("", kHandler + url("file:/a/token") + retriever + "FileJwtRetriever\n"),
           oauth("", kHandler + url("file:///a/token") + retriever + "DefaultJwtRetriever\n"),
           oauth("extension_trace=\"1\"", "A.shunt.sasl.oauthbearer.token = a.b.c\n"),
       }) {
    EXPECT_THAT(said_of(lines), IsEmpty()) << lines;
  }
  EXPECT_THAT(said_of(oauth("unsecuredLoginStringClaim_sub=\"me\"", "")),
              ElementsAre(AllOf(HasSubstr("warning"), HasSubstr("tokens that nobody signs"))));
  EXPECT_THAT(said_of(oauth("", kHandler + url("http://login/token") + id)),
              ElementsAre(AllOf(HasSubstr("warning"), HasSubstr("is not encrypted"))));
}

TEST(Load, SaysWhatALoginLacksAndNothingOfIt) {
  const std::string url = "A.sasl.oauthbearer.token.endpoint.url = https://login/token\n";
  const std::string secret = "A.sasl.oauthbearer.client.credentials.client.secret = hunter2\n";
  const std::string retriever =
      "A.sasl.oauthbearer.jwt.retriever.class = org.apache.kafka.common.security.oauthbearer.";
  const std::pair<std::string, const char*> cases[] = {
      {oauth("", ""), "unsecuredLoginStringClaim_sub is missing"},
      {oauth("", url), "needs sasl.login.callback.handler.class"},
      {oauth("", kHandler), "needs sasl.oauthbearer.token.endpoint.url"},
      {oauth("", "A.sasl.login.callback.handler.class = com.evil.Handler\n"), "loads no Java classes"},
      {oauth("", kHandler + url + retriever + "JwtBearerJwtRetriever\n"), "shunt has DefaultJwtRetriever"},
      {oauth("", kHandler + url + retriever + "FileJwtRetriever\n"), "does not fit"},
      {oauth("", kHandler + url + secret), "needs sasl.oauthbearer.client.credentials.client.id"},
      {oauth("clientId=\"me\"", kHandler + url), "or the option clientSecret"},
      {oauth("", kHandler + std::string("A.sasl.oauthbearer.token.endpoint.url = login\n")), "is not a URL"},
      {oauth("", kHandler + std::string("A.sasl.oauthbearer.token.endpoint.url = file://host/token\n")),
       "is not written file:///"},
      {oauth("clientId=me extension_auth=\"hunter2\"", kHandler + url + secret), "extension auth is the token's own"},
      {oauth("clientId=me ssl.truststore.location=\"/nowhere\"", kHandler + url + secret), "/nowhere cannot be read"},
      {oauth("", kHandler + url + "A.sasl.login.refresh.window.factor = 2\n"), "is not a number of 0.5 to 1"},
      {"A.security.protocol = SASL_PLAINTEXT\nA.sasl.mechanism = OAUTHBEARER\nA.sasl.jaas.config = " +
           std::string(kScram) + "username=\"u\" password=\"hunter2\";\nA.shunt.sasl.oauthbearer.token = hunter2\n",
       "ScramLoginModule does not serve"},
  };
  for (const auto& [lines, reason] : cases) {
    EXPECT_THAT(said_of(lines), Contains(AllOf(HasSubstr("error"), HasSubstr(reason), Not(HasSubstr("hunter2")))))
        << lines;
  }
  EXPECT_THAT(said_of("A.security.protocol = SASL_PLAINTEXT\nA.sasl.mechanism = PLAIN\n"
                      "A.sasl.login.callback.handler.class = com.acme.Handler\nA.sasl.jaas.config = "
                      "org.apache.kafka.common.security.plain.PlainLoginModule required username=u password=p;\n"),
              ElementsAre(AllOf(HasSubstr("warning"), HasSubstr("com.acme.Handler\" has no effect"))));
}

TEST(Load, ReadsKerberos) {
  const std::string gssapi =
      "A.security.protocol = SASL_PLAINTEXT\nA.sasl.jaas.config = com.sun.security.auth.module.Krb5LoginModule "
      "required "
      "useKeyTab=true keyTab=\"/k\" principal=\"me@R\";\n";
  EXPECT_THAT(said_of(gssapi), ElementsAre(HasSubstr("set sasl.kerberos.service.name")));
  const FlowConfig flow = flow_of(gssapi + "A.sasl.kerberos.service.name = kafka\n");
  EXPECT_EQ(flow.source_admin.security.credentials->current()->mechanism, sasl::Mechanism::gssapi);
  EXPECT_EQ(flow.source_admin.security.credentials->current()->user, "me@R");
  EXPECT_TRUE(flow.source_admin.security.kerberos);
}

// ---- TLS ------------------------------------------------------------------------------------------------------------

TEST(Load, ReadsWhomToTrust) {
  const std::string ssl = "A.security.protocol = SSL\n";
  EXPECT_TRUE(flow_of(ssl).source_consumer.security.tls);
  EXPECT_TRUE(flow_of(ssl).source_consumer.security.tls->current()->checks_host());
  EXPECT_FALSE(flow_of(ssl).target_admin.security.tls);
  EXPECT_FALSE(flow_of("A.ssl.truststore.location = /nowhere\n").source_admin.security.tls);
  EXPECT_THAT(said_of(ssl + "A.ssl.endpoint.identification.algorithm =\n"),
              ElementsAre(AllOf(HasSubstr("f:6: warning"), HasSubstr("lets every host pass"))));
  EXPECT_FALSE(
      flow_of(ssl + "A.ssl.endpoint.identification.algorithm =\n").source_admin.security.tls->current()->checks_host());
  EXPECT_THAT(said_of(ssl + "A.ssl.endpoint.identification.algorithm = http\n"),
              ElementsAre(HasSubstr("neither https")));
  EXPECT_THAT(said_of(ssl + "A.ssl.enabled.protocols = TLSv1.1, TLSv1.2\n"),
              ElementsAre(HasSubstr("names another version")));
  EXPECT_THAT(said_of(ssl + "A.ssl.truststore.location = /nowhere/trust.jks\n"),
              ElementsAre(HasSubstr("/nowhere/trust.jks cannot be read: No such file")));
  EXPECT_THAT(said_of(ssl + "A.ssl.truststore.certificates = hunter2\n"),
              Contains(AllOf(HasSubstr("needs ssl.truststore.type = PEM"), Not(HasSubstr("hunter2")))));
  EXPECT_THAT(said_of(ssl + "A.ssl.truststore.type = PEM\nA.ssl.truststore.certificates = hunter2\n"),
              Contains(AllOf(HasSubstr("holds no certificate in PEM"), Not(HasSubstr("hunter2")))));
  EXPECT_THAT(
      said_of(ssl + "A.ssl.truststore.type = PEM\nA.ssl.truststore.certificates = x\nA.ssl.truststore.location = y\n"),
      Contains(HasSubstr("exclude each other")));
  EXPECT_THAT(said_of(ssl + "A.ssl.cipher.suites = TLS_ROT13\n"), Contains(HasSubstr("does not know TLS_ROT13")));
}

TEST(Load, ReadsOldNames) {
  const Loaded loaded = load(std::string(kBase) + "A->B.topics.blacklist = secret.*\n");
  ASSERT_TRUE(loaded.config);
  EXPECT_FALSE(loaded.config->flows[0].mirrors("secret1"));
  EXPECT_THAT(loaded.said, ElementsAre(HasSubstr("it is read as A->B.topics.exclude")));
  EXPECT_TRUE(flow_of("topics.blacklist = x\ntopics.exclude = y\n").mirrors("x")) << "the new name wins";
}

TEST(Load, RefusesLoops) {
  const std::string identity = "replication.policy.class = org.apache.kafka.connect.mirror.IdentityReplicationPolicy\n";
  EXPECT_THAT(said_of("B->A.enabled = true\n"), IsEmpty()) << "names tell where records come from";
  EXPECT_THAT(said_of(identity), IsEmpty());
  EXPECT_THAT(said_of(identity + "B->A.enabled = true\n"),
              ElementsAre(HasSubstr("f: error: A->B and B->A form a loop")));
  EXPECT_THAT(said_of(identity + "B->A.enabled = true\nA->B.topics = a.*\nB->A.topics = b.*\n"),
              ElementsAre(HasSubstr("f: warning: A->B and B->A form a loop")));
  EXPECT_THAT(load("clusters = A, B, C\nA.bootstrap.servers=a:1\nB.bootstrap.servers=b:1\nC.bootstrap.servers=c:1\n" +
                   identity + "A->B.enabled=true\nB->C.enabled=true\nC->A.enabled=true\n")
                  .said,
              ElementsAre(HasSubstr("A->B and B->C and C->A form a loop")));
}

TEST(Load, RefusesLoopsOfTopicsThatAreNamed) {
  const std::string identity = "replication.policy.class = IdentityReplicationPolicy\n";
  EXPECT_THAT(said_of(identity + "B->A.enabled = true\nA->B.topics = orders\\\\.eu, a\nB->A.topics = orders.*\n"),
              ElementsAre(HasSubstr("f: error: A->B and B->A form a loop for topic orders.eu")));
}

TEST(Load, TopicsAreMapped) {
  const std::string identity = "replication.policy.class = IdentityReplicationPolicy\n";
  const FlowConfig flow = flow_of(identity + "shunt.topic.mapping = a:b, c : d\n");
  EXPECT_EQ(flow.target_topic("a"), "b");
  EXPECT_EQ(flow.target_topic("c"), "d");
  EXPECT_EQ(flow.target_topic("e"), "e");
  const auto said = [&identity](const std::string& line) { return said_of(identity + line); };
  EXPECT_THAT(said_of("shunt.topic.mapping = a:b\n"), ElementsAre(HasSubstr("does not go together with a replication "
                                                                            "policy that renames topics")));
  EXPECT_THAT(said("shunt.topic.mapping = a\n"), ElementsAre(HasSubstr("holds \"a\"; write source:target")));
  EXPECT_THAT(said("shunt.topic.mapping = a:b c\n"), ElementsAre(HasSubstr("holds \"a:b c\"")));
  EXPECT_THAT(said("shunt.topic.mapping = a:b, a:c\n"), ElementsAre(HasSubstr("maps a twice")));
  EXPECT_THAT(said("shunt.topic.mapping = a:b, c:b\n"), ElementsAre(HasSubstr("maps a and c onto b")));
  EXPECT_THAT(said("topics = c\nshunt.topic.mapping = a:b\n"),
              ElementsAre(HasSubstr("do not select: it is not mirrored")));
  std::string many = "shunt.topic.mapping = t0:u0";
  for (int i = 1; i <= 20; ++i) many += fmt::format(", t{0}:u{0}", i);
  EXPECT_THAT(said(many + "\n"), ElementsAre(HasSubstr("maps 21 topics, more than the 20")));
  EXPECT_THAT(said(many + "\nshunt.topic.mapping.max = 21\n"), IsEmpty());
}

TEST(Load, FlowsIntoTheSameTopicsKnowOfEachOther) {
  const auto neighbours = [](const std::string& lines) {
    const Loaded loaded = load(
        "clusters = A, B, C\nA.bootstrap.servers = a:1\nB.bootstrap.servers = b:1\nC.bootstrap.servers = c:1\n"
        "A->B.enabled = true\nC->B.enabled = true\n" +
        lines);
    EXPECT_TRUE(loaded.config) << ::testing::PrintToString(loaded.said);
    std::vector<std::string> names;
    for (const FlowConfig& flow : loaded.config->flows) {
      for (const auto& one : flow.neighbours) names.push_back(flow.name() + " " + one->name());
    }
    return names;
  };
  EXPECT_THAT(neighbours(""), IsEmpty()) << "names tell them apart";
  const std::string identity = "replication.policy.class = org.apache.kafka.connect.mirror.IdentityReplicationPolicy\n";
  EXPECT_THAT(neighbours(identity), ElementsAre("A->B C->B", "C->B A->B"));
  const FlowConfig mapped = flow_of(identity + "topics = a, same\nshunt.topic.mapping = a:b\n");
  EXPECT_EQ(mapped.source_topic("b"), "a");
  EXPECT_EQ(mapped.source_topic("same"), "same");
  EXPECT_EQ(mapped.source_topic("a"), std::nullopt);
  EXPECT_EQ(mapped.source_topic("other"), std::nullopt);
  EXPECT_EQ(flow_of("topics = a\n").source_topic("A.a"), "a");
}

TEST(Load, LongNamesAreCutByTheConservativePolicyAlone) {
  const std::string name(200, 'n');
  EXPECT_EQ(flow_of("").target_topic(name), "A." + name);
  EXPECT_EQ(flow_of("shunt.metadata.policy = conservative\n").target_topic(name), "A." + name.substr(0, 128));
}

TEST(Load, MetadataPoliciesHaveTheirOwnIntervalsAndExclusions) {
  const FlowConfig like_mm2 = flow_of("");
  EXPECT_EQ(like_mm2.sync_topic_configs_interval.count(), 600);
  EXPECT_TRUE(like_mm2.config_properties_exclude.matches("min.insync.replicas"));
  const FlowConfig conservative = flow_of("shunt.metadata.policy = conservative\n");
  EXPECT_EQ(conservative.sync_topic_configs_interval.count(), 180);
  EXPECT_FALSE(conservative.config_properties_exclude.matches("min.insync.replicas"));
  EXPECT_TRUE(conservative.config_properties_exclude.matches("leader.replication.throttled.replicas"));
  EXPECT_EQ(flow_of("shunt.metadata.policy = conservative\nsync.topic.configs.interval.seconds = 7\n")
                .sync_topic_configs_interval.count(),
            7);
  EXPECT_THAT(said_of("shunt.metadata.policy = conservative\nuse.defaults.from = source\n"),
              ElementsAre(HasSubstr("contradicts shunt.metadata.policy=conservative")));
}

TEST(Load, StartPositions) {
  const auto start = [](const std::string& text) { return flow_of("shunt.start.offset = " + text + "\n").start; };
  EXPECT_EQ(start("earliest"), StartPosition());
  EXPECT_EQ(start("Latest").kind, StartPosition::Kind::latest);
  const StartPosition time{.kind = StartPosition::Kind::time, .time_ms = 1769817600000};
  EXPECT_EQ(start("2026-01-31T00:00:00Z"), time);
  EXPECT_EQ(start("1769817600000"), time);
  EXPECT_THAT(said_of("shunt.start.offset = yesterday\n"),
              ElementsAre(HasSubstr("\"yesterday\" is no place to begin")));
  EXPECT_THAT(said_of("shunt.start.offset = latest\nA.consumer.auto.offset.reset = earliest\n"),
              ElementsAre(HasSubstr("contradicts auto.offset.reset")));
  EXPECT_THAT(said_of("shunt.start.offset = latest\nA.consumer.auto.offset.reset = latest\n"), IsEmpty());
}

TEST(Load, ScopesIncludeThoseBeforeThem) {
  EXPECT_EQ(flow_of("").scope, SyncScope::messages);
  EXPECT_FALSE(flow_of("").groups.writes_groups);
  EXPECT_TRUE(flow_of("shunt.sync = offsets\n").groups.writes_groups);
  EXPECT_FALSE(flow_of("shunt.sync = offsets\nsync.group.offsets.enabled = false\n").groups.writes_groups);
  EXPECT_THAT(said_of("shunt.sync = metadata\nsync.group.offsets.enabled = true\n"),
              ::testing::Contains(HasSubstr("contradicts shunt.sync=metadata")));
}

TEST(Load, AccessRights) {
  EXPECT_TRUE(flow_of("").acls.is_enabled);
  const FlowConfig flow = flow_of("shunt.acls.remove = true\nshunt.acls.keep.principals = User:x\n");
  EXPECT_THAT(flow.acls.keep_principals, ElementsAre("User:x", "User:ANONYMOUS"));
  EXPECT_THAT(said_of("shunt.acls.keep.principals = x\n"), ElementsAre(HasSubstr("names no principal")));
  EXPECT_THAT(said_of("sync.topic.acls.enabled = false\nshunt.acls.groups = true\n"),
              ElementsAre(HasSubstr("contradicts sync.topic.acls.enabled=false")));
}

TEST(Load, ReportsContradictions) {
  const std::string identity = "replication.policy.class = org.apache.kafka.connect.mirror.IdentityReplicationPolicy\n";
  EXPECT_THAT(said_of(identity + "B.bootstrap.servers = a2:9092\n"),
              Contains(HasSubstr("cannot be mirrored onto itself")));
  EXPECT_THAT(said_of("A.consumer.request.timeout.ms = 400\n"),
              ElementsAre(HasSubstr("must be below request.timeout.ms")));
  EXPECT_THAT(said_of("replication.policy.separator = /\n"), ElementsAre(HasSubstr("would begin with \"A/\"")));
  EXPECT_THAT(said_of("replication.policy.separator =\n"), ElementsAre(HasSubstr("is empty")));
  EXPECT_THAT(said_of("replication.factor = 0\n"), ElementsAre(HasSubstr("is no number of replicas")));
  EXPECT_THAT(load("clusters = A, B, C\nA.bootstrap.servers=a:1\nB.bootstrap.servers=b:1\nC.bootstrap.servers=c:1\n" +
                   identity + "A->C.enabled=true\nB->C.enabled=true\n")
                  .said,
              ElementsAre(HasSubstr("A->C and B->C write topics of the same name")));
  EXPECT_THAT(load("clusters = A, B, C\nA.bootstrap.servers=a:1\nB.bootstrap.servers=b:1\nC.bootstrap.servers=c:1\n" +
                   identity + "A->C.enabled=true\nB->C.enabled=true\nshunt.offsets=mapped\n")
                  .said,
              IsEmpty())
      << "those are merged";
}

TEST(Load, NeverShowsSecrets) {
  LoadOptions options;
  options.environment = [](const std::string&) { return "hunter2"; };
  const Loaded loaded =
      load(std::string(kBase) +
               "config.providers = env\n"
               "config.providers.env.class = org.apache.kafka.common.config.provider.EnvVarConfigProvider\n"
               "A->B.replication.factor = ${env:X}\nA->B.topics = (${env:X}\ntransforms = ${env:X}\n"
               "A.sasl.jaas.config = hunter2\nmy.password = hunter2\nB.bootstrap.servers = ${env:X}\n"
               "A.security.protocol = ${env:X}\nreplication.policy.class = ${env:X}\n",
           options);
  EXPECT_FALSE(loaded.config);
  EXPECT_GE(loaded.said.size(), 6u);
  for (const std::string& line : loaded.said) EXPECT_THAT(line, Not(HasSubstr("hunter2")));
}

TEST(Load, KnowsWhetherThereAreSecrets) {
  const auto holds = [](const std::string& lines) { return load(kBase + lines).config.value().holds_secrets; };
  EXPECT_FALSE(holds(""));
  EXPECT_FALSE(holds("B.ssl.truststore.type = PEM\nB.ssl.keystore.password =\n"));
  EXPECT_TRUE(holds("B.ssl.keystore.password = x\n"));
  EXPECT_TRUE(holds("B.sasl.jaas.config = x\n"));
  EXPECT_TRUE(holds("B.some.secret = x\n"));
  EXPECT_TRUE(
      holds("config.providers = env\nconfig.providers.env.class = EnvVarConfigProvider\nA->B.topics = ${env:PATH}\n"));
}

TEST(Load, ListsWhatIsReadAgain) {
  const Loaded loaded = load(std::string(kBase) +
                             "A.ssl.truststore.location = /tls/ca.pem\n"
                             "A->B.source.consumer.ssl.keystore.location =  /own/key.p12\n"
                             "B.sasl.oauthbearer.token.endpoint.url = file:///run/token\n"
                             "A.sasl.oauthbearer.token.endpoint.url = https://issuer.example/token\n"
                             "config.providers = env\n"
                             "config.providers.env.class = EnvVarConfigProvider\n"
                             "A.client.id = ${env:PATH}\n");
  ASSERT_TRUE(loaded.config) << ::testing::PrintToString(loaded.said);
  EXPECT_THAT(loaded.config->reread_paths,
              ::testing::UnorderedElementsAre("/tls/ca.pem", "/own/key.p12", "/run/token"));

  Diagnostics diagnostics;
  EXPECT_THAT(provider_paths(parse_properties("a = x${file:/etc/s:k}y${dir:/run/c:n}\nb = ${env:HOME}\nc = ${file:no\n",
                                              "f", diagnostics)),
              ElementsAre("/etc/s", "/run/c"));
}

TEST(Load, TakesAliasesWithDots) {
  const Loaded loaded = load(
      "clusters = us, us.east\nus.bootstrap.servers = a:1\nus.east.bootstrap.servers = b:1\nus->us.east.enabled = "
      "true\n"
      "us->us.east.topics = x\nus.east.producer.request.timeout.ms = 1001\n");
  ASSERT_TRUE(loaded.config) << ::testing::PrintToString(loaded.said);
  EXPECT_THAT(loaded.said, IsEmpty());
  EXPECT_EQ(loaded.config->flows.at(0).target_producer.request_timeout, milliseconds(1001));
}

}  // namespace
}  // namespace shunt::replicate
