// A process dies at every point at which it can: a scripted mirror (a head to be filled, ordinary data, holes of every
// kind, thinned batches, append times) is run once to count its events, that is whenever a connection of either plane
// stands, has brought bytes, or has taken some; then as often again, dying before the k-th and starting anew. Whatever
// was sent before is executed. Every target must come out identical.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "tests/sim/checker.h"
#include "tests/sim/fake_cluster.h"
#include "tests/sim/network.h"
#include "tests/sim/process.h"
#include "tests/sim/settings.h"
#include "tests/sim/world.h"

namespace shunt::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t never = UINT64_MAX;

struct Script {
  const char* name;
  bool topic_exists = false;
  bool may_write_markers = true;
  bool dies_twice = false;  // the second life at its k-th event too
};

class ScriptedMirror {
 public:
  explicit ScriptedMirror(const Script& script)
      : world_(7),
        network_(world_),
        source_(network_, "source", source_port, 2),
        target_(network_, "target", target_port, 2),
        checker_(writers_, target_, {}) {
    scenario_.brokers = 2;
    target_.lets_write_markers = script.may_write_markers;
    source_.create_topic(topic_name, 1);
    if (script.topic_exists) target_.create_topic(topic_name, 1);
    const Habits habits{.transactions = true, .compaction = true, .append_times = true};
    SourceWriter& writer = writers_.try_emplace(key_, world_, source_, key_, habits).first->second;
    writer.begin_at(5);
    for (int batch = 0; batch < 40; ++batch) writer.write();
    writer.end_transactions();
    writer.clean();
    writer.expire(12);
  }

  /// Lives die before their `dies_at`-th event, `deaths` of them, one after the other. Empty: mirrored.
  std::string run(std::uint64_t dies_at, int deaths) {
    const net::Time deadline = world_.now() + 60s;
    std::unique_ptr<Process> process;
    while (world_.now() < deadline && checker_.failure().empty() && !is_mirrored()) {
      if (!process) {
        const bool is_mortal = deaths-- > 0;
        events_ = 0;
        process = std::make_unique<Process>(network_, replication_settings(scenario_, world_),
                                            data_settings(scenario_, world_),
                                            [this, is_mortal, dies_at] { return ++events_ < dies_at || !is_mortal; });
      }
      if (process->is_stirred() && !process->turn()) {
        process.reset();
      } else {
        world_.step(deadline);
      }
    }
    if (!checker_.failure().empty()) return checker_.failure();
    if (is_mirrored()) return {};
    std::string text = fmt::format("stands at {} of {}", target_.logs().contains(key_) ? target_.log(key_).end() : -1,
                                   writers_.at(key_).end());
    if (!process) return text;
    for (const auto& partition : process->status().partitions) text += ": " + partition.reason;
    return text;
  }

  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] const Checker::Counters& counters() const { return checker_.counters; }

 private:
  bool is_mirrored() { return target_.logs().contains(key_) && target_.log(key_).end() == writers_.at(key_).end(); }

  const PartitionKey key_{topic_name, 0};
  Scenario scenario_;
  World world_;
  Network network_;
  FakeCluster source_;
  FakeCluster target_;
  Writers writers_;
  Checker checker_;
  std::uint64_t events_ = 0;  // of the last life
};

class CrashPoints : public ::testing::TestWithParam<Script> {};

TEST_P(CrashPoints, all_of_them) {
  spdlog::set_level(spdlog::level::off);
  ScriptedMirror undisturbed(GetParam());
  ASSERT_EQ(undisturbed.run(never, 0), "");
  // The script holds what it says.
  EXPECT_GT(undisturbed.counters().forwarded, 0U);
  EXPECT_GT(undisturbed.counters().rewritten, 0U);
  EXPECT_GT(undisturbed.counters().markers, 10U);
  EXPECT_EQ(undisturbed.counters().padding > 0, !GetParam().topic_exists);
  const std::uint64_t points = undisturbed.events();
  ASSERT_GT(points, 100U);
  for (std::uint64_t point = 1; point <= points; ++point) {
    const std::string failure = ScriptedMirror(GetParam()).run(point, GetParam().dies_twice ? 2 : 1);
    ASSERT_EQ(failure, "") << "after a death before event " << point << " of " << points;
  }
  std::printf("%s: %llu points\n", GetParam().name, static_cast<unsigned long long>(points));
}

INSTANTIATE_TEST_SUITE_P(
    Simulation, CrashPoints,
    ::testing::Values(Script{.name = "padding_and_markers"}, Script{.name = "markers_only", .topic_exists = true},
                      Script{.name = "empty_transactions", .topic_exists = true, .may_write_markers = false},
                      Script{.name = "two_deaths", .dies_twice = true}),
    [](const auto& script) { return std::string(script.param.name); });

}  // namespace
}  // namespace shunt::sim
