#include "tests/sim/simulation.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/sim/auto_checker.h"
#include "tests/sim/fake_cluster.h"
#include "tests/sim/identical_checker.h"
#include "tests/sim/map_reader.h"
#include "tests/sim/mapped_checker.h"
#include "tests/sim/network.h"
#include "tests/sim/process.h"
#include "tests/sim/records.h"
#include "tests/sim/settings.h"
#include "tests/sim/stops.h"
#include "tests/sim/world.h"

namespace shunt::sim {

using namespace std::chrono_literals;
using replicate::PartitionState;
using replicate::PartitionStatus;

namespace {

constexpr auto trouble = 8s;
constexpr auto quiet = 180s;
constexpr auto time_to_end = 90s;
constexpr auto longest_absence = 5s;  // of a topic that has a successor

/// Of every key only the last record stays; the last batch is in the active segment. (What LogWriter::clean() leaves is
/// drawn: its records have no meaning.)
void compact(PartitionLog& log) {
  std::set<std::string> keys;
  for (std::size_t index = log.batches().size(); index-- > 0;) {
    BatchShape shape;
    const std::vector<std::byte>& batch = log.batches()[index].bytes;
    const std::vector<SimRecord> records = decode_batch(batch, shape);
    std::set<std::int64_t> kept;
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
      if (keys.insert(record->key.value()).second) kept.insert(record->offset);
    }
    if (index + 1 == log.batches().size() || kept.size() == records.size()) continue;
    if (kept.empty()) {
      log.remove(index);
    } else {
      log.replace(index, thinned(batch, [&kept](std::int64_t offset) { return kept.contains(offset); }));
    }
  }
}

class Simulation {
 public:
  explicit Simulation(const Scenario& scenario)
      : scenario_(scenario),
        world_(scenario.seed),
        network_(world_),
        source_(network_, "source", source_port, scenario.brokers),
        target_(network_, "target", target_port, scenario.brokers) {
    const Checker::Rules rules{
        .isolation = scenario.isolation, .may_lose_expired = scenario.continue_overtaken, .start = start_of(scenario)};
    if (scenario.mapped) {
      auto checker = std::make_unique<MappedChecker>(writers_, retired_, others_, source_, target_, rules);
      mapped_checker_ = checker.get();
      checker_ = std::move(checker);
    } else if (scenario.may_choose()) {
      auto checker = std::make_unique<AutoChecker>(writers_, retired_, others_, source_, target_, rules);
      mapped_checker_ = &checker->mapped();
      checker_ = std::move(checker);
    } else {
      checker_ = std::make_unique<IdenticalChecker>(writers_, retired_, target_, rules);
    }
    world_.is_traced = scenario.is_traced;
    target_.lets_write_markers = scenario.may_write_markers;
    target_.lets_delete_records = scenario.may_delete;
    target_.forgets_sequences = scenario.mistake == Mistake::forgotten_sequences;
    source_.forgets_sequences = scenario.mistake == Mistake::forgotten_map_sequences;
    target_.misplaces_duplicates = scenario.mistake == Mistake::misplaced_duplicates;
    if (!scenario.source_by_id) source_.limit_to_names();
    if (!scenario.target_by_id) target_.limit_to_names();
    source_.hides_deletions = scenario.mistake == Mistake::met_successor;
    source_.understates_ends = scenario.mistake == Mistake::understated_ends;
    source_.misstates_stable_ends = scenario.mistake == Mistake::misstated_stable_ends;
    source_.misstates_epoch_ends = scenario.mistake == Mistake::misstated_epoch_ends;
    target_.repeats_producer_epochs = scenario.mistake == Mistake::repeated_producer_epochs;
    source_.create_topic(topic_name, scenario.partitions);
    if (scenario.topic_exists) target_.create_topic(topic_name, scenario.partitions);
    for (const auto& [key, log] : source_.logs()) {
      auto& writer = writers_.try_emplace(key, world_, source_, key, scenario.habits).first->second;
      if (scenario.head && world_.chance(0.8)) writer.begin_at(world_.between(1, 60));
      for (std::int64_t batch = world_.between(0, scenario.batches / 2); batch > 0; --batch) writer.write();
      writer.clean();
      if (scenario.head && world_.chance(0.5)) writer.expire(world_.between(writer.start(), writer.end()));
    }
    if (scenario.automatic ? world_.chance(0.6) : scenario.mapped && scenario.others) write_as_others();
    make_trouble();
  }

  Verdict run() {
    const std::size_t count = scenario_.two_processes ? 2 : 1;
    checker_->handle_start();
    while (lives_.size() < count) lives_.push_back({});
    const net::Time trouble_ends = world_.now() + trouble;
    std::int32_t left = scenario_.batches;
    while (world_.now() < trouble_ends && is_fine()) {
      for (auto& [key, writer] : writers_) {
        for (std::int64_t batch = world_.between(0, 3); batch > 0 && left > 0; --batch, --left) writer.write();
      }
      if (scenario_.others && world_.chance(0.5)) write_as_others();
      misfortune();
      run_for(world_.micros(1000, 300'000));
    }
    calm_down();
    const net::Time deadline = world_.now() + quiet;
    while (world_.now() < deadline && is_fine() && !is_complete()) run_for(200ms);
    if (is_fine()) judge_completeness();
    // What was misplaced is another source's, as far as can be seen, once compaction has taken from the source what it was.
    const bool has_reason = source_losses_ > 0 || checker_->counters.misplaced > 0;
    const bool may_delete = scenario_.recreate_source && has_reason;
    if (is_fine() && target_.counters.deletions > 0 && !may_delete) failure_ = "the mirror has deleted a topic";
    if (is_fine()) end_processes();
    if (is_fine() && mapped_checker_ != nullptr) judge_maps();
    return verdict();
  }

 private:
  struct Life {
    std::unique_ptr<Process> process;
    net::Time frozen_until{};
    net::Time starts_at{};
    bool knows_source = true;  // the topic that is there is the one that was there when it started
    std::map<PartitionKey, std::int64_t>
        ends;  // of the source, when it started; what has lost records since is left out
    std::optional<replicate::MirrorStatus> ended;  // the process before, if it has come to its end by itself
  };

  [[nodiscard]] bool is_fine() const { return failure_.empty() && checker_->failure().empty(); }

  // ---- processes ----

  void run_for(net::Duration duration) {
    const net::Time end = world_.now() + duration;
    do {
      for (Life& life : lives_) turn(life);
    } while (is_fine() && (world_.step(end) || world_.now() < end));
  }

  void turn(Life& life) {
    if (!life.process && !is_ending_ && world_.now() >= life.starts_at) start(life);
    if (!life.process || world_.now() < life.frozen_until || !life.process->is_stirred()) return;
    life.process->turn();
    note_beginnings(life);
    if (!life.process->has_ended()) return;
    const Process& ended = *life.process;
    if (ended.failure().empty() && scenario_.until_caught_up) {
      judge_end(life);
    } else if (ended.failure().empty() && !is_ending_) {
      failure_ = "a process has ended by itself";
    } else if (!ended.failure().empty() && !ended.is_contact_lost()) {
      failure_ = "a process has ended with: " + ended.failure();
    }
    world_.trace("process ends: {}", ended.failure());
    life.process.reset();
    // Whoever watches over it starts it again.
    life.starts_at = is_ending_ ? net::Time::max() : world_.now() + 1s;
    if (!is_ending_) wake_at(life.starts_at);
  }

  void start(Life& life) {
    world_.trace("process starts");
    ++verdict_.lives;
    life.process =
        std::make_unique<Process>(network_, replication_settings(scenario_, world_), data_settings(scenario_, world_),
                                  static_cast<std::size_t>(scenario_.shards));
    life.frozen_until = {};
    life.knows_source = true;
    life.ends.clear();
    for (const auto& [key, writer] : writers_) life.ends[key] = checker_->readable_end(writer);
    checker_->handle_restart();
  }

  /// Of a process that was to end when it has everything that was there when it started.
  void judge_end(Life& life) {
    life.ended = life.process->status();
    for (const auto& [key, end] : life.ends) {
      const auto known = std::ranges::find_if(life.ended->partitions, [&key](const PartitionStatus& partition) {
        return partition.source_topic == key.first && partition.partition == key.second;
      });
      const bool is_known = known != life.ended->partitions.end();
      const bool is_told = is_known ? known->state == PartitionState::failed && !known->reason.empty()
                                    : !life.ended->topic_errors.empty();
      const bool is_done = is_known && known->state == PartitionState::done && checker_->has_all_before(key, end);
      if (is_told || is_done) continue;
      failure_ = fmt::format("a process has ended, and {}-{} is at {}; it was to come to {}{}", key.first, key.second,
                             checker_->progress_of(key), end, waiting_for(key));
    }
  }

  /// Where it begins to mirror, if that is not the source's beginning.
  void note_beginnings(const Life& life) {
    if (scenario_.start == replicate::StartPosition::Kind::earliest || scenario_.two_processes || !life.knows_source)
      return;
    for (const PartitionStatus& partition : life.process->status().partitions) {
      if (partition.start >= 0) checker_->handle_begun({partition.source_topic, partition.partition}, partition.start);
    }
  }

  void wake_at(net::Time time) {
    world_.at(time, [] {});
  }

  void note_interruptions(const Process& process) {
    for (const auto& partition : process.status().partitions) verdict_.interruptions += partition.interruptions;
  }

  // ---- misfortunes ----

  void make_trouble() {
    if (scenario_.request_faults) {
      Faults& at_target = target_.faults;
      at_target.lose_answer = 0.01;
      at_target.break_before = 0.01;
      at_target.retriable_error = 0.01;
      at_target.timed_out_after_append = 0.01;
      at_target.throttle = 0.005;
      at_target.slow_request = 0.03;
      source_.faults.evict_session = 0.02;
      source_.faults.stall_answer = 0.003;
      source_.faults.throttle = 0.005;
      source_.faults.lose_answer = 0.003;
      if ((scenario_.mapped || scenario_.may_choose()) && !scenario_.syncs_on_target) {
        source_.faults.break_before = 0.01;
        source_.faults.retriable_error = 0.01;
        source_.faults.timed_out_after_append = 0.01;
        source_.faults.slow_request = 0.03;
      }
    }
    if (scenario_.residuals) {
      target_.faults.late_markers = 0.05;
      target_.faults.duplicate_end_marker = 0.05;
    }
  }

  void write_as_others() {
    for (const auto& [key, log] : target_.logs()) {
      if (key.first != topic_name) continue;
      const Habits habits{.transactions = true, .codecs = true};
      LogWriter& writer = others_.try_emplace(key, world_, target_, key, habits).first->second;
      for (std::int64_t batch = world_.between(0, 3); batch > 0; --batch) writer.write();
    }
  }

  /// Another partition for the source's topic.
  void grow() {
    const auto count = static_cast<std::int32_t>(writers_.size());
    source_.add_partitions(topic_name, count + 1);
    const PartitionKey key{topic_name, count};
    writers_.try_emplace(key, world_, source_, key, scenario_.habits);
  }

  /// Whatever is created in its place is not to be taken for it. Where topics have names alone no batch begins where the
  /// mirror stands, or may come to stand with what is on its way. (README names that as what cannot be seen.)
  void delete_source() {
    for (const auto& [key, writer] : writers_) {
      const std::int64_t position = checker_->position_of(key);
      avoided_[key] = {std::max<std::int64_t>(1, position), std::max(writer.end(), position)};
    }
    while (!writers_.empty()) {
      writers_.begin()->second.retire();
      retired_.push_back(writers_.extract(writers_.begin()));
    }
    source_.delete_topic(topic_name);
    checker_->handle_source_deleted();
    for (Life& life : lives_) life.knows_source = false;
    ++verdict_.topics_gone;
    ++source_losses_;
    if (scenario_.mistake == Mistake::met_successor) return create_source();
    if (world_.chance(0.85)) source_returns_ = world_.now() + absence();
  }

  void create_source() {
    const auto partitions = static_cast<std::int32_t>(world_.between(1, 3));
    world_.trace("source: topic {} is created again", topic_name);
    source_.create_topic(topic_name, partitions);
    for (std::int32_t index = 0; index < partitions; ++index) {
      const PartitionKey key{topic_name, index};
      LogWriter& writer = writers_.try_emplace(key, world_, source_, key, scenario_.habits).first->second;
      if (const auto avoided = avoided_.find(key); avoided != avoided_.end()) {
        const auto [low, high] = avoided->second;
        const bool is_met = scenario_.source_by_id ? world_.chance(0.5) : scenario_.mistake == Mistake::met_successor;
        is_met ? writer.meet(low) : writer.avoid(low, high);
      }
      for (std::int64_t batch = world_.between(0, scenario_.batches / 2); batch > 0; --batch) writer.write();
    }
  }

  void delete_target() {
    target_.delete_topic(topic_name);
    std::erase_if(others_, [](const auto& other) { return other.first.first == topic_name; });
    ++verdict_.topics_gone;
    ++target_losses_;
    if (world_.chance(0.5)) target_returns_ = world_.now() + absence();
  }

  net::Duration absence() {
    return world_.chance(0.5) ? world_.micros(0, 300'000) : world_.micros(0, longest_absence / 1us);
  }

  /// Those that were deleted, and are to have successors by `time`.
  void replace_topics(net::Time time) {
    if (source_returns_ <= time) {
      source_returns_ = net::Time::max();
      create_source();
    }
    if (target_returns_ <= time) {
      target_returns_ = net::Time::max();
      // By somebody else, unless the mirror was faster.
      if (!target_.has_topic(topic_name)) {
        target_.create_topic(topic_name, static_cast<std::int32_t>(world_.between(1, 3)));
      }
    }
  }

  void delete_topics() {
    if (scenario_.source_goes && source_losses_ < 2 && source_.has_topic(topic_name) && world_.chance(0.06)) {
      delete_source();
    }
    if (scenario_.target_goes && target_losses_ < 2 && target_.has_topic(topic_name) && world_.chance(0.06)) {
      delete_target();
    }
  }

  void misfortune() {
    replace_topics(world_.now());
    delete_topics();
    if (scenario_.growth && !writers_.empty() && world_.chance(0.05)) grow();
    if (scenario_.resets && world_.chance(0.2)) {
      world_.trace("connections break");
      source_.reset_connections(0.3);
      target_.reset_connections(0.3);
    }
    if (scenario_.leader_moves && world_.chance(0.2)) move_leaders();
    if (scenario_.coordinator_moves && world_.chance(0.1)) target_.move_coordinators();
    if (scenario_.broker_deaths && world_.chance(0.1)) kill_or_start_broker();
    for (auto& [key, writer] : writers_) {
      if (scenario_.unclean_source && world_.chance(0.05) && writer.lose(world_.between(1, 4))) {
        checker_->handle_source_loss(key);
        for (Life& life : lives_) life.ends.erase(key);
      }
      if (world_.chance(0.1)) writer.clean();
      if (scenario_.retention && world_.chance(0.05)) {
        // What was never mirrored of a topic cannot be told from what was never mirrored of the one before.
        if (checker_->is_of_another(key)) continue;
        // Mostly of what is mirrored already, as retention should be.
        const std::int64_t most =
            world_.chance(0.9) ? std::min(checker_->position_of(key), writer.end()) : writer.end();
        if (most > writer.start()) writer.expire(world_.between(writer.start(), most));
      }
    }
    for (auto& [key, log] : (scenario_.syncs_on_target ? target_ : source_).logs()) {
      if (key.first == syncs_topic_name && world_.chance(0.2)) compact(log);
    }
    for (auto& [key, log] : target_.logs()) {
      if (!scenario_.unclean_target || key.first != topic_name || !world_.chance(0.05)) continue;
      if (!target_.elect_unclean(key, world_.between(1, 4), world_.chance(0.5))) continue;
      checker_->handle_target_loss(key);
      for (Life& life : lives_) life.ends.erase(key);
    }
    for (auto& [key, log] : target_.logs()) {
      if (scenario_.target_retention && key.first == topic_name && world_.chance(0.05)) {
        log.delete_before(world_.between(log.start(), log.end()));
      }
    }
    for (Life& life : lives_) {
      if (scenario_.crashes && life.process && world_.chance(0.12)) {
        world_.trace("process dies");
        note_interruptions(*life.process);
        life.process.reset();
        life.starts_at = world_.now() + (world_.chance(0.5) ? net::Duration(0) : world_.micros(0, 500'000));
        wake_at(life.starts_at);
      }
      if (scenario_.freezes && life.process && world_.chance(0.08)) {
        world_.trace("process freezes");
        life.frozen_until = world_.now() + world_.micros(1000, 3'000'000);
        wake_at(life.frozen_until);
      }
    }
  }

  void move_leaders() {
    FakeCluster& cluster = world_.chance(0.3) ? source_ : target_;
    world_.trace("leaders of {} move", cluster.name());
    for (const auto& [key, log] : cluster.logs()) {
      if (world_.chance(0.3)) cluster.move_leader(key, cluster.any_up());
    }
  }

  void kill_or_start_broker() {
    FakeCluster& cluster = world_.chance(0.5) ? source_ : target_;
    std::optional<std::int32_t>& dead = &cluster == &source_ ? dead_source_ : dead_target_;
    if (dead) {
      cluster.start_broker(*dead);
      dead.reset();
    } else if (cluster.brokers() > 1) {
      dead = static_cast<std::int32_t>(world_.between(0, cluster.brokers() - 1));
      world_.trace("broker {} of {} dies", *dead, cluster.name());
      cluster.kill_broker(*dead);
    }
  }

  void calm_down() {
    world_.trace("all trouble ends");
    source_.faults = {};
    target_.faults = {};
    if (dead_source_) source_.start_broker(*dead_source_);
    if (dead_target_) target_.start_broker(*dead_target_);
    replace_topics(world_.now() + longest_absence);
    for (Life& life : lives_) {
      life.frozen_until = std::min(life.frozen_until, world_.now());
      if (!life.process) life.starts_at = std::min(life.starts_at, world_.now());
    }
    for (auto& [key, writer] : writers_) {
      writer.end_transactions();
      for (int batch = 0; batch < 3; ++batch) writer.write();
      writer.end_transactions();
    }
    if (scenario_.others) write_as_others();
  }

  // ---- the end ----

  /// Of every process, if all of them have stopped; a topic that stops takes partitions along that a process never knew.
  /// One that has nothing left to write does not see that what is behind its own is misplaced: it is where it would stop.
  [[nodiscard]] std::optional<PartitionStatus> stopped(const PartitionKey& key) const {
    std::optional<PartitionStatus> last;
    for (const Life& life : lives_) {
      if (!life.process && !life.ended) return std::nullopt;
      const replicate::MirrorStatus status =
          scenario_.until_caught_up && life.ended ? *life.ended : life.process->status();
      std::optional<PartitionStatus> of_life;
      std::optional<PartitionStatus> with_all;
      for (const PartitionStatus& partition : status.partitions) {
        if (partition.source_topic != key.first) continue;
        const bool is_this = partition.partition == key.second;
        if (is_this && partition.position == writers_.at(key).end()) with_all = partition;
        if (partition.state != PartitionState::failed) continue;
        if (is_this || (!of_life && is_of_topic(partition))) of_life = partition;
      }
      if (!of_life && checker_->may_have_stopped(key)) of_life = with_all;
      if (!of_life) return std::nullopt;
      last = of_life;
    }
    return last;
  }

  bool is_complete() {
    if (!source_.has_topic(topic_name)) return is_given_up();
    return std::ranges::all_of(writers_, [this](const auto& writer) {
      if (checker_->is_mirrored(writer.first)) return true;
      const std::optional<PartitionStatus> stop = stopped(writer.first);
      return stop && why_stopped(writer.first, *stop) != nullptr;
    });
  }

  /// Of a topic that is gone every process knows nothing, or that.
  [[nodiscard]] bool is_given_up() const {
    return std::ranges::all_of(lives_, [](const Life& life) {
      return life.process && std::ranges::all_of(life.process->status().partitions, [](const auto& partition) {
               return partition.state == PartitionState::failed;
             });
    });
  }

  void judge_completeness() {
    if (!source_.has_topic(topic_name) && !is_given_up()) {
      failure_ = "the source's topic is gone, and not given up";
      for (std::int32_t index = 0; index < 3; ++index) failure_ += waiting_for({topic_name, index});
    }
    for (auto& [key, writer] : writers_) {
      if (checker_->is_mirrored(key)) continue;
      const std::string name = fmt::format("{}-{}", key.first, key.second);
      const std::optional<PartitionStatus> stop = stopped(key);
      if (!stop) {
        failure_ = fmt::format("{} stands at {} after all trouble has ended; {}", name, checker_->progress_of(key),
                               waiting_for(key));
        return;
      }
      std::uint64_t* legitimate = why_stopped(key, *stop);
      if (legitimate == nullptr) {
        failure_ = fmt::format("{} has stopped at {} for no legitimate reason: {}", name, checker_->progress_of(key),
                               stop->reason);
        return;
      }
      ++*legitimate;
    }
  }

  /// Null: it should not have.
  std::uint64_t* why_stopped(const PartitionKey& key, const PartitionStatus& stop) {
    const Surroundings around{.scenario = scenario_,
                              .checker = *checker_,
                              .source = source_,
                              .target = target_,
                              .writers = writers_,
                              .source_losses = source_losses_,
                              .target_losses = target_losses_};
    const auto counter = sim::why_stopped(around, key, stop);
    return counter == nullptr ? nullptr : &(verdict_.*counter);
  }

  [[nodiscard]] std::string waiting_for(const PartitionKey& key) const {
    std::string text;
    for (const Life& life : lives_) {
      if (!life.process) continue;
      for (const auto& partition : life.process->status().partitions) {
        if (partition.partition != key.second) continue;
        text += fmt::format("[{} at {}: {}]", to_string(partition.state), partition.position, partition.reason);
      }
      for (const std::string& error : life.process->status().topic_errors) text += "[" + error + "]";
    }
    return text.empty() ? "no process knows it" : text;
  }

  void end_processes() {
    is_ending_ = true;
    for (Life& life : lives_) {
      if (!life.process) continue;
      note_interruptions(*life.process);
      if (!scenario_.until_caught_up) life.process->stop();
    }
    const net::Time deadline = world_.now() + time_to_end;
    const auto runs = [this] {
      return std::ranges::any_of(lives_, [](const Life& life) { return life.process != nullptr; });
    };
    while (world_.now() < deadline && is_fine() && runs()) run_for(100ms);
    if (!is_fine() || !runs()) return;
    failure_ = "a process does not end when it is asked to";
    for (const auto& [key, writer] : writers_) failure_ += waiting_for(key);
  }

  /// What the offset syncs topic says when all is over, to somebody who begins to read it.
  void judge_maps() {
    MapReader reader(network_, replication_settings(scenario_, world_));
    failure_ = reader.read();
    if (is_fine()) failure_ = mapped_checker_->judge(reader.syncs());
  }

  Verdict verdict() {
    verdict_.reason = checker_->failure().empty() ? failure_ : checker_->failure();
    verdict_.ok = verdict_.reason.empty();
    verdict_.requests = source_.counters.requests + target_.counters.requests;
    verdict_.forwarded = checker_->counters.forwarded;
    verdict_.rewritten = checker_->counters.rewritten;
    verdict_.markers = checker_->counters.markers;
    verdict_.padding = checker_->counters.padding;
    verdict_.others = checker_->counters.others;
    verdict_.stored_maps = checker_->counters.stored_maps;
    verdict_.fences = checker_->counters.fences;
    verdict_.duplicates = target_.counters.duplicates;
    verdict_.fenced = target_.counters.fenced;
    verdict_.answers_lost = source_.counters.answers_lost + target_.counters.answers_lost;
    verdict_.executed_after_death = target_.counters.executed_after_death;
    verdict_.late_markers = target_.counters.late_markers;
    return verdict_;
  }

  const Scenario scenario_;
  World world_;
  Network network_;
  FakeCluster source_;
  FakeCluster target_;
  Writers writers_;
  RetiredWriters retired_;
  Writers others_;  // on the target
  std::unique_ptr<Checker> checker_;
  const MappedChecker* mapped_checker_ = nullptr;  // the same, or a part of it, where offsets are mapped
  std::vector<Life> lives_;
  std::optional<std::int32_t> dead_source_;
  std::optional<std::int32_t> dead_target_;
  net::Time source_returns_ = net::Time::max();
  net::Time target_returns_ = net::Time::max();
  std::map<PartitionKey, std::pair<std::int64_t, std::int64_t>> avoided_;  // by the writers of the source's next topic
  int source_losses_ = 0;                                                  // of its topic
  int target_losses_ = 0;
  std::string failure_;
  bool is_ending_ = false;
  Verdict verdict_;
};

}  // namespace

Verdict simulate(const Scenario& scenario) {
  return Simulation(scenario).run();
}

}  // namespace shunt::sim
