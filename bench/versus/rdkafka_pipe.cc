// The mirror one would write on librdkafka in an afternoon, and tuned as such: consume, produce, one process.
//
//   rdkafka_pipe --source B --target B --topic T --target-topic T2 [--codec none]
//                [--set source.KEY=V] [--set target.KEY=V]
//
// Copies what the source topic held at the start, partition to partition, with timestamps, keys and headers, through an
// idempotent producer, and ends when the target has acknowledged all of it. No payload is copied between consumer and
// producer: a consumed message lives until its copy is acknowledged. What librdkafka must do and shunt need not is the
// subject of the comparison: open each batch, make an object a record, batch and compress anew.
// The target topic must exist. One JSON object on standard output at the end; exit code 1 with a message otherwise.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

namespace {

constexpr int wait_ms = 30'000;
constexpr std::size_t messages_at_a_time = 10'000;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "rdkafka_pipe: %s\n", what.c_str());
  std::_Exit(1);
}

template <auto destroy>
struct Destroy {
  void operator()(auto* object) const { destroy(object); }
};
using Client = std::unique_ptr<rd_kafka_t, Destroy<rd_kafka_destroy>>;
using Topic = std::unique_ptr<rd_kafka_topic_t, Destroy<rd_kafka_topic_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>>;

using Settings = std::vector<std::pair<std::string, std::string>>;

struct Options {
  std::string topic;
  std::string target_topic;
  Settings source;
  Settings target;
};

/// What the delivery reports add up to; touched by the polling thread only.
struct Delivered {
  std::uint64_t records = 0;
};

void on_delivery(rd_kafka_t* /*client*/, const rd_kafka_message_t* message, void* opaque) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    fail(std::string("the target refused a record: ") + rd_kafka_message_errstr(message));
  }
  ++static_cast<Delivered*>(opaque)->records;
  rd_kafka_message_destroy(static_cast<rd_kafka_message_t*>(message->_private));
}

Client make_client(rd_kafka_type_t type, const Settings& settings, Delivered* delivered) {
  std::array<char, 512> why{};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [key, value] : settings) {
    if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK) {
      fail(std::string(key).append("=").append(value).append(": ").append(why.data()));
    }
  }
  if (delivered != nullptr) {
    rd_kafka_conf_set_opaque(conf, delivered);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  }
  Client client(rd_kafka_new(type, conf, why.data(), why.size()));
  if (client == nullptr) fail(why.data());
  return client;
}

/// The end of every partition of the topic, now.
std::vector<std::int64_t> ends(rd_kafka_t* source, rd_kafka_topic_t* topic) {
  const rd_kafka_metadata_t* metadata = nullptr;
  if (const auto error = rd_kafka_metadata(source, 0, topic, &metadata, wait_ms)) {
    fail(std::string("metadata of the source: ") + rd_kafka_err2str(error));
  }
  const int partitions = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
  rd_kafka_metadata_destroy(metadata);
  if (partitions == 0) fail(std::string("the source has no topic ") + rd_kafka_topic_name(topic));
  std::vector<std::int64_t> result;
  for (std::int32_t partition = 0; partition < partitions; ++partition) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    const auto error =
        rd_kafka_query_watermark_offsets(source, rd_kafka_topic_name(topic), partition, &low, &high, wait_ms);
    if (error) fail(std::string("offsets of the source: ") + rd_kafka_err2str(error));
    result.push_back(low == high ? 0 : high);
  }
  return result;
}

/// Hands one consumed message to the producer; the message is destroyed by its delivery report.
void forward(rd_kafka_t* target, rd_kafka_topic_t* topic, rd_kafka_message_t* message) {
  for (;;) {
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      headers = rd_kafka_headers_copy(headers);
    } else {
      headers = nullptr;
    }
    const auto error = rd_kafka_producev(
        target, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(message->partition),
        RD_KAFKA_V_VALUE(message->payload, message->len), RD_KAFKA_V_KEY(message->key, message->key_len),
        RD_KAFKA_V_TIMESTAMP(rd_kafka_message_timestamp(message, nullptr)), RD_KAFKA_V_MSGFLAGS(0),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(message), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (headers != nullptr) rd_kafka_headers_destroy(headers);
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail(std::string("produce: ") + rd_kafka_err2str(error));
    rd_kafka_poll(target, 100);  // delivery reports make room
  }
}

void run(const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  Delivered delivered;
  const Client source = make_client(RD_KAFKA_CONSUMER, options.source, nullptr);
  const Client target = make_client(RD_KAFKA_PRODUCER, options.target, &delivered);
  const Topic from(rd_kafka_topic_new(source.get(), options.topic.c_str(), nullptr));
  const Topic to(rd_kafka_topic_new(target.get(), options.target_topic.c_str(), nullptr));
  const std::vector<std::int64_t> goal = ends(source.get(), from.get());
  const auto partitions = static_cast<std::int32_t>(goal.size());

  const Queue queue(rd_kafka_queue_new(source.get()));
  std::int32_t open = 0;
  for (std::int32_t partition = 0; partition < partitions; ++partition) {
    if (goal[static_cast<std::size_t>(partition)] == 0) continue;
    if (rd_kafka_consume_start_queue(from.get(), partition, RD_KAFKA_OFFSET_BEGINNING, queue.get()) != 0) {
      fail(std::string("consume: ") + rd_kafka_err2str(rd_kafka_last_error()));
    }
    ++open;
  }

  std::vector<rd_kafka_message_t*> messages(messages_at_a_time);
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  while (open > 0) {
    const auto got = rd_kafka_consume_batch_queue(queue.get(), 100, messages.data(), messages.size());
    for (std::size_t i = 0; got > 0 && i < static_cast<std::size_t>(got); ++i) {
      rd_kafka_message_t* message = messages[i];
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail(std::string("consume: ") + rd_kafka_message_errstr(message));
      }
      const std::int64_t end = goal[static_cast<std::size_t>(message->partition)];
      if (message->offset >= end) {  // written after the start
        rd_kafka_message_destroy(message);
        continue;
      }
      if (message->offset + 1 == end) {
        rd_kafka_consume_stop(from.get(), message->partition);
        --open;
      }
      ++records;
      bytes += message->len + message->key_len;
      forward(target.get(), to.get(), message);
    }
    rd_kafka_poll(target.get(), 0);
  }
  if (const auto error = rd_kafka_flush(target.get(), 10 * wait_ms)) {
    fail(std::string("flush: ") + rd_kafka_err2str(error));
  }
  if (delivered.records != records) {
    fail(std::to_string(records) + " records consumed, " + std::to_string(delivered.records) + " delivered");
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
  std::printf("{\"records\": %llu, \"bytes\": %llu, \"seconds\": %.3f, \"librdkafka\": \"%s\"}\n",
              static_cast<unsigned long long>(records), static_cast<unsigned long long>(bytes), seconds.count(),
              rd_kafka_version_str());
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view option = argv[i];
    if (i + 1 == argc) fail(std::string(option) + " needs a value");
    const std::string value = argv[i + 1];
    if (option == "--source") {
      options.source.emplace_back("bootstrap.servers", value);
    } else if (option == "--target") {
      options.target.emplace_back("bootstrap.servers", value);
    } else if (option == "--topic") {
      options.topic = value;
    } else if (option == "--target-topic") {
      options.target_topic = value;
    } else if (option == "--codec") {
      options.target.emplace_back("compression.codec", value);
    } else if (option == "--set") {
      const std::size_t dot = value.find('.');
      const std::size_t sign = value.find('=');
      const std::string side = value.substr(0, dot);
      if (sign == std::string::npos || dot > sign || (side != "source" && side != "target")) {
        fail("--set takes source.KEY=VALUE or target.KEY=VALUE, not " + value);
      }
      (side == "source" ? options.source : options.target)
          .emplace_back(value.substr(dot + 1, sign - dot - 1), value.substr(sign + 1));
    } else {
      fail("unknown option " + std::string(option));
    }
  }
  if (options.source.empty() || options.target.empty() || options.topic.empty() || options.target_topic.empty()) {
    fail("--source, --target, --topic and --target-topic are needed");
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  run(parse(argc, argv));
}
