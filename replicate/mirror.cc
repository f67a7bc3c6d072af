#include "replicate/mirror.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <thread>
#include <tuple>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <pthread.h>
#include <spdlog/spdlog.h>

#include "net/asio.h"
#include "net/token_login.h"
#include "replicate/admin/administration.h"
#include "replicate/control/replication.h"
#include "replicate/data/shard.h"
#include "replicate/security_watch.h"
#include "replicate/settings.h"

namespace shunt::replicate {

namespace asio = boost::asio;

namespace {

// A file that has changed is read when it has stood still for so long.
constexpr auto security_interval = std::chrono::seconds(1);

void name_thread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace

class Mirror::Impl final : private Shards {
 public:
  Impl(Config config, MirrorOptions options) : config_(std::move(config)), options_(options) {
    const ShardSetup setup = shard_setup(config_);
    for (int index = 0; index < setup.shards; ++index) add_shard(setup);
  }

  ~Impl() override {
    stop(StopMode::at_once);
    join_threads();
  }

  void start() {
    started_ = std::chrono::steady_clock::now();
    for (const FlowConfig& flow : config_.flows) {
      ReplicationSettings settings = replication_settings(flow);
      settings.until_caught_up = options_.until_caught_up;
      settings.recovery.waits_for_rights = !options_.until_caught_up;
      settings.index = static_cast<std::uint32_t>(replications_.size());
      settings.known_topics = std::make_shared<KnownTopics>();
      settings.loop_of = loop_finder(config_, flow);
      AdministrationSettings administration = administration_settings(flow);
      administration.topics = settings.known_topics;
      administration.waits_for_leave = true;
      settings.handle_cleared = [this, index = administrations_.size()] {
        asio::post(admin_context_, [this, index] { administrations_[index]->begin(); });
      };
      settings.handle_failed_over = [this, index = administrations_.size()] {
        asio::post(admin_context_, [this, index] { administrations_[index]->stop(false); });
      };
      replications_.push_back(
          std::make_unique<Replication>(context_.get_executor(), std::move(settings), static_cast<Shards&>(*this)));
      add_administration(std::move(administration),
                         [replication = replications_.back().get()] { return places_of(*replication); });
    }
    for (const HeartbeatFlow& flow : config_.heartbeat_flows) add_administration(administration_settings(flow), {});
    running_replications_ = replications_.size();
    running_administrations_ = administrations_.size();
    for (const auto& administration : administrations_) {
      asio::co_spawn(admin_context_, administration->run(), [this](const std::exception_ptr& failure) {
        fail(failure);
        running_administrations_.fetch_sub(1, std::memory_order_release);
      });
    }
    for (const auto& replication : replications_) {
      asio::co_spawn(context_, replication->run(), [this](const std::exception_ptr& failure) { handle_end(failure); });
    }
    asio::co_spawn(context_, watch_security(), asio::detached);
    running_shards_ = runners_.size();
    for (std::size_t index = 0; index < runners_.size(); ++index) {
      Runner& runner = runners_[index];
      runner.thread = std::thread([this, &runner, index] {
        name_thread("shard-" + std::to_string(index));
        run_shard(*runner.shard);
      });
    }
    control_ = std::thread([this] {
      name_thread("control");
      context_.run();
    });
    admin_ = std::thread([this] {
      name_thread("admin");
      admin_context_.run();
    });
  }

  /// The admin path ends behind the data, unless all is to end at once.
  void stop(StopMode mode) {
    asio::post(context_, [this, mode] {
      for (const auto& replication : replications_) replication->stop(mode == StopMode::graceful);
    });
    for (Runner& runner : runners_) runner.shard->stop(mode == StopMode::graceful);
    if (mode == StopMode::at_once) stop_administrations(mode);
  }

  [[nodiscard]] bool finished() const {
    return replications_ended_.load(std::memory_order_acquire) &&
           running_shards_.load(std::memory_order_acquire) == 0 &&
           running_administrations_.load(std::memory_order_acquire) == 0;
  }

  [[nodiscard]] MirrorStatus status() const {
    MirrorStatus status;
    status.discovering = false;
    for (const auto& replication : replications_) replication->append_status(status);
    for (const auto& administration : administrations_) administration->append_status(status);
    for (const Runner& runner : runners_) {
      const ShardCounters& counters = runner.shard->counters();
      status.shards.push_back({.io = runner.io,
                               .connections_lost = counters.connections_lost.load(std::memory_order_relaxed),
                               .loop_waits = counters.loop_waits.load(std::memory_order_relaxed),
                               .receive_calls = counters.receive_calls.load(std::memory_order_relaxed),
                               .send_calls = counters.send_calls.load(std::memory_order_relaxed)});
    }
    std::sort(status.partitions.begin(), status.partitions.end(),
              [](const PartitionStatus& a, const PartitionStatus& b) {
                return std::tie(a.flow, a.source_topic, a.partition) < std::tie(b.flow, b.source_topic, b.partition);
              });
    status.running = std::chrono::steady_clock::now() - started_;
    const std::lock_guard lock(mutex_);
    status.fatal = fatal_;
    return status;
  }

  MirrorStatus join() {
    join_threads();
    return status();
  }

 private:
  struct Runner {
    std::unique_ptr<Shard> shard;
    std::string io;
    std::thread thread;
  };

  void add_shard(const ShardSetup& setup) {
    std::string refused;
    auto loop = net::make_loop(setup.io, &refused);
    if (runners_.empty()) {
      spdlog::info("event loop: {}{}", loop->name(), refused.empty() ? "" : " (io_uring is refused: " + refused + ")");
    }
    Runner& runner = runners_.emplace_back();
    runner.io = loop->name();
    runner.shard = std::make_unique<Shard>(std::move(loop), setup.shard, [this](Parked parked) {
      asio::post(context_, [this, parked = std::move(parked)] { handle_parked(parked); });
    });
  }

  void add_administration(AdministrationSettings settings, const AskPlaces& ask) {
    administrations_.push_back(
        std::make_unique<Administration>(admin_context_.get_executor(), std::move(settings), ask));
  }

  static MirroredPlaces places_of(const Replication& replication) {
    MirrorStatus status;
    replication.append_status(status);
    MirroredPlaces places;
    for (PartitionStatus& partition : status.partitions) {
      if (partition.position < 0) continue;
      places[{std::move(partition.source_topic), protocol::PartitionIndex(partition.partition)}] = {
          .target_topic = std::move(partition.target_topic),
          .position = protocol::Offset(partition.position),
          .is_mapped = partition.is_mapped};
    }
    return places;
  }

  void stop_administrations(StopMode mode) {
    asio::post(admin_context_, [this, mode] {
      for (const auto& administration : administrations_) administration->stop(mode == StopMode::graceful);
    });
  }

  // Shards
  void assign(Assignment assignment) override {
    Shard& shard = shard_of(assignment.spec.id);
    shard.assign(std::move(assignment));
  }
  void settle(FlowId flow_id, ParkCause cause, std::string reason) override {
    shard_of(flow_id).settle(flow_id, cause, std::move(reason));
  }
  void leave_broker(FlowId flow_id, MirrorSide side, protocol::BrokerId broker, std::string reason) override {
    shard_of(flow_id).leave_broker(flow_id, side, broker, std::move(reason));
  }
  /// Partitions are dealt out in turn, and stay where they are.
  Shard& shard_of(FlowId flow_id) { return *runners_[flow_id.number % runners_.size()].shard; }

  /// The shards first: what they park is still to be heard.
  void join_threads() {
    for (Runner& runner : runners_) {
      if (runner.thread.joinable()) runner.thread.join();
    }
    work_.reset();
    if (control_.joinable()) control_.join();
    admin_work_.reset();
    if (admin_.joinable()) admin_.join();
    for (const ClientConfig* client : config_.clients()) {
      if (client->security.login) client->security.login->stop();
    }
  }

  void run_shard(Shard& shard) {
    try {
      shard.run();
    } catch (const std::exception& error) {
      fail(std::string("a shard cannot go on: ") + error.what());
    }
    running_shards_.fetch_sub(1, std::memory_order_release);
  }

  void handle_parked(const Parked& parked) { replications_.at(parked.flow_id.replication)->handle_parked(parked); }

  void handle_end(const std::exception_ptr& failure) {
    fail(failure);
    if (--running_replications_ > 0) return;
    security_alarm_.cancel();
    stop_administrations(failure ? StopMode::at_once : StopMode::graceful);
    for (Runner& runner : runners_) runner.shard->stop(true);
    replications_ended_.store(true, std::memory_order_release);
  }

  /// The files of certificates and passwords are replaced while a mirror runs: those do not live as long.
  net::Awaitable<> watch_security() {
    SecurityWatch watch(config_);
    while (!watch.is_idle() && running_replications_ > 0) {
      security_alarm_.set(net::now() + security_interval);
      co_await security_alarm_.wait();
      watch.look();
    }
  }

  void fail(const std::exception_ptr& failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      fail(error.what());
    }
  }

  void fail(const std::string& reason) {
    spdlog::critical("{}", reason);
    {
      const std::lock_guard lock(mutex_);
      if (fatal_.empty()) fatal_ = reason;
    }
    asio::post(context_, [this] {
      for (const auto& replication : replications_) replication->stop(true);
    });
  }

  const Config config_;
  const MirrorOptions options_;
  std::chrono::steady_clock::time_point started_{};
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(context_);
  net::Alarm security_alarm_{context_.get_executor()};
  std::vector<std::unique_ptr<Replication>> replications_;
  std::size_t running_replications_ = 0;
  std::deque<Runner> runners_;
  std::thread control_;
  asio::io_context admin_context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> admin_work_ = asio::make_work_guard(admin_context_);
  std::vector<std::unique_ptr<Administration>> administrations_;
  std::atomic<std::size_t> running_administrations_ = 0;
  std::thread admin_;
  std::atomic<bool> replications_ended_ = false;
  std::atomic<std::size_t> running_shards_ = 0;
  mutable std::mutex mutex_;
  std::string fatal_;  // guarded by mutex_
};

Mirror::Mirror(Config config, MirrorOptions options) : impl_(std::make_unique<Impl>(std::move(config), options)) {}
Mirror::~Mirror() = default;
void Mirror::start() {
  impl_->start();
}
void Mirror::stop(StopMode mode) {
  impl_->stop(mode);
}
bool Mirror::finished() const {
  return impl_->finished();
}
MirrorStatus Mirror::status() const {
  return impl_->status();
}
MirrorStatus Mirror::join() {
  return impl_->join();
}

}  // namespace shunt::replicate
