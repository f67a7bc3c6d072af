// A process dies at every point at which it can: a scripted mirror (a head to be filled, ordinary data, holes of every
// kind, thinned batches, append times) is run once to count its events, that is whenever a connection of either plane
// stands, has brought bytes, or has taken some; then as often again, dying before the k-th and starting anew. Whatever
// was sent before is executed. Every target must come out identical; or where offsets are mapped, with others writing
// there between the lives, complete, and its map exact.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "tests/sim/fake_cluster.h"
#include "tests/sim/identical_checker.h"
#include "tests/sim/map_reader.h"
#include "tests/sim/mapped_checker.h"
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
  bool mapped = false;
  bool syncs_on_target = false;
};

class ScriptedMirror {
 public:
  explicit ScriptedMirror(const Script& script)
      : world_(7),
        network_(world_),
        source_(network_, "source", source_port, 2),
        target_(network_, "target", target_port, 2) {
    scenario_.brokers = 2;
    scenario_.mapped = script.mapped;
    scenario_.syncs_on_target = script.syncs_on_target;
    if (script.mapped) {
      auto checker = std::make_unique<MappedChecker>(writers_, retired_, others_, source_, target_, Checker::Rules{});
      mapped_checker_ = checker.get();
      checker_ = std::move(checker);
    } else {
      checker_ = std::make_unique<IdenticalChecker>(writers_, retired_, target_, Checker::Rules{});
    }
    target_.lets_write_markers = script.may_write_markers;
    source_.create_topic(topic_name, 1);
    if (script.topic_exists) target_.create_topic(topic_name, 1);
    const Habits habits{.transactions = true, .compaction = true, .append_times = true};
    LogWriter& writer = writers_.try_emplace(key_, world_, source_, key_, habits).first->second;
    writer.begin_at(5);
    for (int batch = 0; batch < 40; ++batch) writer.write();
    writer.end_transactions();
    writer.clean();
    writer.expire(12);
    if (script.mapped) others_.try_emplace(key_, world_, target_, key_, Habits{.transactions = true});
  }

  /// Lives die before their `dies_at`-th event, `deaths` of them, one after the other. Empty: mirrored.
  std::string run(std::uint64_t dies_at, int deaths) {
    const net::Time deadline = world_.now() + 60s;
    std::unique_ptr<Process> process;
    while (world_.now() < deadline && checker_->failure().empty() && !checker_->is_mirrored(key_)) {
      if (!process) {
        write_as_others();
        const bool is_mortal = deaths-- > 0;
        events_ = 0;
        process = std::make_unique<Process>(network_, replication_settings(scenario_, world_),
                                            data_settings(scenario_, world_), 1,
                                            [this, is_mortal, dies_at] { return ++events_ < dies_at || !is_mortal; });
      }
      if (process->is_stirred() && !process->turn()) {
        process.reset();
      } else {
        world_.step(deadline);
      }
    }
    if (!checker_->failure().empty()) return checker_->failure();
    if (checker_->is_mirrored(key_)) return judge_maps();
    std::string text = "stands at " + checker_->progress_of(key_);
    if (!process) return text;
    for (const auto& partition : process->status().partitions) text += ": " + partition.reason;
    return text;
  }

  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] const Checker::Counters& counters() const { return checker_->counters; }

 private:
  /// Between two lives.
  void write_as_others() {
    if (mapped_checker_ == nullptr) return;
    for (int batch = 0; batch < 3; ++batch) others_.at(key_).write();
  }

  std::string judge_maps() {
    if (mapped_checker_ == nullptr) return {};
    MapReader reader(network_, replication_settings(scenario_, world_));
    const std::string failure = reader.read();
    return failure.empty() ? mapped_checker_->judge(reader.syncs()) : failure;
  }

  const PartitionKey key_{topic_name, 0};
  Scenario scenario_;
  World world_;
  Network network_;
  FakeCluster source_;
  FakeCluster target_;
  Writers writers_;
  RetiredWriters retired_;
  Writers others_;
  std::unique_ptr<Checker> checker_;
  MappedChecker* mapped_checker_ = nullptr;
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
  EXPECT_EQ(undisturbed.counters().markers > 10, !GetParam().mapped);
  EXPECT_EQ(undisturbed.counters().others > 0, GetParam().mapped);
  EXPECT_EQ(undisturbed.counters().stored_maps > 1, GetParam().mapped);
  EXPECT_EQ(undisturbed.counters().fences > 0, GetParam().mapped && GetParam().may_write_markers);
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
                      Script{.name = "two_deaths", .dies_twice = true},
                      Script{.name = "mapped", .topic_exists = true, .mapped = true},
                      Script{.name = "mapped_two_deaths",
                             .topic_exists = true,
                             .dies_twice = true,
                             .mapped = true,
                             .syncs_on_target = true},
                      Script{
                          .name = "mapped_unfenced", .topic_exists = true, .may_write_markers = false, .mapped = true}),
    [](const auto& script) { return std::string(script.param.name); });

}  // namespace
}  // namespace shunt::sim
