#include "tests/sim/simulation.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "protocol/record_batch.h"
#include "replicate/data/shard.h"
#include "tests/sim/fake_cluster.h"
#include "tests/sim/network.h"
#include "tests/sim/world.h"

namespace shunt::sim {

using namespace std::chrono_literals;
using replicate::ParkCause;
using replicate::Parked;

namespace {

constexpr std::uint16_t source_port = 1000;
constexpr std::uint16_t target_port = 2000;

/// A process: a loop, a shard, and a control plane that assigns again what was parked.
class Instance {
 public:
  Instance(World& world, Network& network, FakeCluster& source, FakeCluster& target, std::uint64_t& interruptions)
      : world_(world), source_(source), target_(target), interruptions_(interruptions) {
    replicate::ShardSettings settings;
    settings.buffer_memory = 4 << 20;
    auto& data = settings.data.emplace_back();
    data.source.fetch.max_bytes = static_cast<std::int32_t>(world.between(20'000, 400'000));
    data.source.fetch.partition_max_bytes = static_cast<std::int32_t>(world.between(5'000, 200'000));
    data.source.stall_timeout = 2s;
    data.source_link = {.client_id = "shunt", .setup_timeout = 1s};
    data.target_link = data.source_link;
    data.target.produce.client_id = "shunt";
    data.target.in_flight_bytes = static_cast<std::size_t>(world.between(30'000, 2'000'000));
    data.target.unsent_bytes = static_cast<std::size_t>(world.between(10'000, 200'000));
    data.target.request_timeout = 3s;
    shard_ = std::make_unique<replicate::Shard>(std::make_unique<SimLoop>(network), settings,
                                                [this](Parked parked) { handle_parked(std::move(parked)); });
    replicate::FlowId id;
    for (const auto& [key, log] : source.logs()) {
      replicate::FlowSpec spec;
      ++id.number;
      spec.id = id;
      spec.source_topic = spec.target_topic = key.first;
      spec.partition = protocol::PartitionIndex(key.second);
      spec.identity = protocol::ProducerId((std::int64_t{1} << 62) + id.number);
      flows_[id] = {
          .key = key, .spec = spec, .standing = std::nullopt, .retry_at = world.now(), .running = false, .refused = {}};
    }
  }

  void run(net::Time until) {
    for (auto& [id, flow] : flows_) {
      if (!flow.running && flow.refused.empty() && flow.retry_at <= world_.now()) assign(flow);
    }
    shard_->run_once(until);
  }

  void look_at_metadata() {
    seen_source_ = source_.logs_leaders();
    seen_target_ = target_.logs_leaders();
  }

  [[nodiscard]] std::string refused() const {
    for (const auto& [id, flow] : flows_) {
      if (!flow.refused.empty()) return flow.refused;
    }
    return {};
  }

 private:
  struct FlowControl {
    PartitionKey key;
    replicate::FlowSpec spec;
    std::optional<replicate::Standing> standing;
    net::Time retry_at;
    bool running = false;
    std::string refused;
  };

  void assign(FlowControl& flow) {
    // Metadata is refreshed now and then, and may be old.
    if (seen_source_.empty() || world_.chance(0.7)) look_at_metadata();
    const auto side = [&](FakeCluster& cluster, const FakeCluster::Leaders& seen) {
      const auto& [leader, epoch] = seen.at(flow.key);
      return replicate::Route::Side{.broker = protocol::BrokerId(leader),
                                    .endpoint = net::Endpoint::from_ip("127.0.0.1", cluster.port(leader)),
                                    .leader_epoch = protocol::LeaderEpoch(epoch)};
    };
    flow.running = true;
    shard_->assign({.spec = flow.spec,
                    .route = {.source = side(source_, seen_source_), .target = side(target_, seen_target_)},
                    .standing = flow.standing});
  }

  void handle_parked(Parked parked) {
    FlowControl& flow = flows_.at(parked.flow_id);
    flow.running = false;
    flow.standing = parked.standing;
    flow.retry_at = world_.now() + world_.micros(1000, 50'000);
    ++interruptions_;
    if (std::getenv("SHUNT_SIM_TRACE") != nullptr) {
      fmt::print(stderr, "{:.6f} parked {}-{} {}: {}\n",
                 std::chrono::duration<double>(world_.now().time_since_epoch()).count(), flow.key.first,
                 flow.key.second, to_string(parked.cause), parked.reason);
    }
    if (is_final(parked.cause) || parked.cause == ParkCause::out_of_range) flow.refused = parked.reason;
  }

  World& world_;
  FakeCluster& source_;
  FakeCluster& target_;
  std::uint64_t& interruptions_;
  FakeCluster::Leaders seen_source_;
  FakeCluster::Leaders seen_target_;
  std::map<replicate::FlowId, FlowControl> flows_;
  std::unique_ptr<replicate::Shard> shard_;
};

class Simulation {
 public:
  explicit Simulation(const Scenario& scenario)
      : scenario_(scenario),
        world_(scenario.seed),
        network_(world_),
        source_(network_, source_port, scenario.brokers),
        target_(network_, target_port, scenario.brokers) {
    source_.create_topic("orders", scenario.partitions);
    target_.create_topic("orders", scenario.partitions);
    target_.on_append = [this](const PartitionKey& key, const StoredBatch& batch) { check_append(key, batch); };
    if (scenario_.request_faults) {
      Faults& at_target = target_.faults;
      at_target.lose_answer_after_append = 0.01;
      at_target.break_before_append = 0.01;
      at_target.retriable_error = 0.01;
      at_target.timed_out_after_append = 0.01;
      at_target.throttle = 0.005;
      at_target.slow_request = 0.01;
      source_.faults.evict_session = 0.02;
      source_.faults.throttle = 0.02;
      source_.faults.stall_answer = 0.003;
    }
  }

  Verdict run() {
    start_instances();
    const net::Time trouble_ends = world_.now() + 20s;
    std::int32_t to_produce = scenario_.batches_per_partition;
    while (world_.now() < trouble_ends && broken_.empty()) {
      if (to_produce > 0 && world_.chance(0.5)) {
        for (const auto& [key, log] : source_.logs()) produce_some(key);
        to_produce -= 3;
      }
      misfortune();
      run_for(world_.micros(1000, 200'000));
    }
    calm_down();
    const net::Time deadline = world_.now() + 120s;
    while (world_.now() < deadline && broken_.empty() && !complete()) run_for(50ms);
    return verdict();
  }

 private:
  void start_instances() {
    const std::size_t count = scenario_.two_instances ? 2 : 1;
    while (instances_.size() < count) {
      instances_.push_back(std::make_unique<Instance>(world_, network_, source_, target_, interruptions_));
      ++lives_;
    }
  }

  void run_for(net::Duration duration) {
    const net::Time end = world_.now() + duration;
    while (world_.now() < end && broken_.empty()) {
      for (const auto& instance : instances_) {
        instance->run(world_.now() + 1ms);
        if (const std::string refused = instance->refused(); !refused.empty() && broken_.empty()) {
          broken_ = "a flow gave up: " + refused;
        }
      }
    }
  }

  void produce_some(const PartitionKey& key) {
    for (int i = 0; i < 3; ++i) {
      const bool large = world_.chance(0.05);
      source_.produce(key, static_cast<std::int32_t>(world_.between(1, 50)),
                      static_cast<std::size_t>(world_.between(0, large ? 150'000 : 3'000)));
    }
  }

  void misfortune() {
    if (scenario_.resets && world_.chance(0.2)) {
      source_.reset_connections(0.3);
      target_.reset_connections(0.3);
    }
    if (scenario_.leader_moves && world_.chance(0.2)) {
      FakeCluster& cluster = world_.chance(0.5) ? source_ : target_;
      for (const auto& [key, log] : cluster.logs()) {
        if (world_.chance(0.3)) cluster.move_leader(key, up_broker(cluster));
      }
    }
    if (scenario_.broker_deaths && world_.chance(0.1)) {
      FakeCluster& cluster = world_.chance(0.5) ? source_ : target_;
      const bool source = &cluster == &source_;
      std::optional<std::int32_t>& dead = source ? dead_source_ : dead_target_;
      if (dead) {
        cluster.start_broker(*dead);
        dead.reset();
      } else if (cluster.brokers() > 1) {
        dead = static_cast<std::int32_t>(world_.between(0, cluster.brokers() - 1));
        cluster.kill_broker(*dead);
      }
    }
    if (scenario_.crashes && world_.chance(0.2)) {
      instances_.erase(instances_.begin() + world_.between(0, static_cast<std::int64_t>(instances_.size()) - 1));
      start_instances();
    }
  }

  std::int32_t up_broker(const FakeCluster& cluster) {
    const std::optional<std::int32_t>& dead = &cluster == &source_ ? dead_source_ : dead_target_;
    std::int32_t broker = 0;
    do {
      broker = static_cast<std::int32_t>(world_.between(0, cluster.brokers() - 1));
    } while (dead && broker == *dead);
    return broker;
  }

  void calm_down() {
    source_.faults = {};
    target_.faults = {};
    if (dead_source_) source_.start_broker(*dead_source_);
    if (dead_target_) target_.start_broker(*dead_target_);
  }

  void check_append(const PartitionKey& key, const StoredBatch& batch) {
    if (!broken_.empty()) return;
    const auto& originals = source_.log(key).batches;
    const std::size_t index = next_original_[key]++;
    const auto fail = [&](const char* what) {
      broken_ = fmt::format("{}-{}: target batch at {} ({} records): {}", key.first, key.second, batch.base,
                            batch.records, what);
    };
    if (index >= originals.size()) return fail("more batches than the source has");
    const StoredBatch& original = originals[index];
    if (original.base != batch.base) return fail("not at its source offset");
    if (original.records != batch.records) return fail("another record count");
    if (original.bytes.size() != batch.bytes.size() ||
        std::memcmp(original.bytes.data() + protocol::record_batch_header_size,
                    batch.bytes.data() + protocol::record_batch_header_size,
                    original.bytes.size() - protocol::record_batch_header_size) != 0) {
      fail("another payload");
    }
  }

  bool complete() {
    for (const auto& [key, log] : source_.logs()) {
      if (target_.log(key).end != log.end) return false;
    }
    return true;
  }

  Verdict verdict() {
    Verdict verdict;
    verdict.reason = broken_;
    if (verdict.reason.empty() && !complete()) {
      for (const auto& [key, log] : source_.logs()) {
        if (target_.log(key).end == log.end) continue;
        verdict.reason = fmt::format("{}-{} stands at {} of {} after all trouble has ended", key.first, key.second,
                                     target_.log(key).end, log.end);
      }
    }
    verdict.ok = verdict.reason.empty();
    verdict.batches = target_.counters.appended;
    verdict.duplicates = target_.counters.duplicates;
    verdict.interruptions = interruptions_;
    verdict.lives = lives_;
    verdict.answers_lost = target_.counters.answers_lost;
    return verdict;
  }

  const Scenario scenario_;
  World world_;
  Network network_;
  FakeCluster source_;
  FakeCluster target_;
  std::vector<std::unique_ptr<Instance>> instances_;
  std::map<PartitionKey, std::size_t> next_original_;
  std::optional<std::int32_t> dead_source_;
  std::optional<std::int32_t> dead_target_;
  std::string broken_;
  std::uint64_t interruptions_ = 0;
  std::uint64_t lives_ = 0;
};

}  // namespace

Scenario scenario_of(std::uint64_t seed) {
  World dice(seed * 7919 + 1);
  Scenario scenario;
  scenario.seed = seed;
  scenario.brokers = static_cast<std::int32_t>(dice.between(1, 3));
  scenario.partitions = static_cast<std::int32_t>(dice.between(1, 6));
  scenario.batches_per_partition = static_cast<std::int32_t>(dice.between(5, 90));
  scenario.crashes = dice.chance(0.4);
  scenario.two_instances = dice.chance(0.2);
  scenario.leader_moves = dice.chance(0.5);
  scenario.broker_deaths = dice.chance(0.3);
  scenario.resets = dice.chance(0.5);
  scenario.request_faults = dice.chance(0.7);
  return scenario;
}

Verdict simulate(const Scenario& scenario) {
  return Simulation(scenario).run();
}

}  // namespace shunt::sim
