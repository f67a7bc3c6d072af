#include "replicate/config/key_table.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replicate/config/values.h"

namespace shunt::replicate {
namespace {

using ::testing::HasSubstr;

TEST(KeyTable, IsConsistent) {
  for (const Key& key : key_table()) {
    SCOPED_TRACE(key.name);
    EXPECT_FALSE(key.help.empty());
    EXPECT_NE(key.levels.to_string(), "");
    EXPECT_EQ(key.handling == Handling::in_force, key.reason.empty()) << "what is not in force says why";
    EXPECT_EQ(key.help.find('\n'), std::string_view::npos);
    if (key.handling == Handling::renamed) {
      EXPECT_NE(find_key(key.reason), nullptr);
    }
    if (!key.default_value.empty()) {
      if (key.type == ValueType::boolean) {
        EXPECT_TRUE(parse_bool(key.default_value));
      } else if (key.type == ValueType::integer) {
        EXPECT_TRUE(parse_integer(key.default_value));
      } else if (key.type == ValueType::size) {
        EXPECT_TRUE(parse_size(key.default_value));
      }
    }
  }
}

TEST(KeyTable, NamesAKeyOnceALevel) {
  for (const Level level :
       {Level::global, Level::cluster, Level::flow, Level::consumer, Level::producer, Level::admin}) {
    std::set<std::string_view> seen;
    for (const Key& key : key_table()) {
      if (key.levels.has(level)) {
        EXPECT_TRUE(seen.insert(key.name).second) << key.name;
      }
    }
  }
}

TEST(KeyTable, FindsNamesAndFamilies) {
  EXPECT_EQ(find_key("topics", Level::flow)->handling, Handling::in_force);
  EXPECT_EQ(find_key("topics", Level::consumer), nullptr);
  EXPECT_EQ(find_key("transforms.mask.type", Level::flow)->name, "transforms.*");
  EXPECT_EQ(find_key("config.providers", Level::global)->name, "config.providers");
  EXPECT_EQ(find_key("config.providers.env.class", Level::global)->name, "config.providers.*");
  EXPECT_EQ(find_key("session.timeout.ms", Level::consumer)->default_value, "45000");
  EXPECT_EQ(find_key("session.timeout.ms", Level::cluster)->default_value, "10000");
  EXPECT_EQ(find_key("nonsense"), nullptr);
}

TEST(KeyTable, FindsWhatWasMeant) {
  const std::vector<std::pair<std::string_view, std::string_view>> slips{
      {"task.max", "tasks.max"},
      {"taks.max", "tasks.max"},
      {"topic.blacklist", "topics.exclude"},
      {"topics.exlude", "topics.exclude"},
      {"topcis", "topics"},
      {"sync.topics.configs.enabled", "sync.topic.configs.enabled"},
      {"sync.topic.config.enabled", "sync.topic.configs.enabled"},
      {"emit.heartbeats", "emit.heartbeats.enabled"},
      {"emit.heartbeat.enabled", "emit.heartbeats.enabled"},
      {"replication.policy.seperator", "replication.policy.separator"},
      {"replication-factor", "replication.factor"},
      {"refresh.topics.interval.second", "refresh.topics.interval.seconds"},
  };
  for (const auto& [slip, meant] : slips) EXPECT_EQ(nearest_key(slip, Level::flow), meant) << slip;
  EXPECT_EQ(nearest_key("bootstrap.server", Level::cluster), "bootstrap.servers");
  EXPECT_EQ(nearest_key("max.partitions.fetch.bytes", Level::consumer), "max.partition.fetch.bytes");
  EXPECT_EQ(nearest_key("shunt.shard", Level::global), "shunt.shards");
  EXPECT_EQ(nearest_key("completely.other", Level::flow), "");
  EXPECT_EQ(nearest_key("x", Level::flow), "");
}

TEST(KeyTable, CountsEdits) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abc", "acb"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(KeyTable, KnowsSecrets) {
  for (const char* key : {"sasl.jaas.config", "ssl.key.password", "ssl.keystore.key", "my.db.password", "x.Secret.y"}) {
    EXPECT_TRUE(is_sensitive(key)) << key;
  }
  for (const char* key :
       {"topics", "bootstrap.servers", "ssl.keystore.location", "sasl.oauthbearer.token.endpoint.url"}) {
    EXPECT_FALSE(is_sensitive(key)) << key;
  }
}

TEST(KeyTable, IsRendered) {
  const std::string text = render_key_table(TableFormat::text);
  const std::string markdown = render_key_table(TableFormat::markdown);
  for (const Key& key : key_table()) {
    EXPECT_THAT(text, HasSubstr(std::string(key.name)));
    EXPECT_THAT(markdown, HasSubstr("| `" + std::string(key.name) + "` |"));
  }
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(markdown, '\n')), key_table().size() + 2);
}

}  // namespace
}  // namespace shunt::replicate
