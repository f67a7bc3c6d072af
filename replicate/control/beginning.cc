#include "replicate/control/beginning.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace shunt::replicate {

using protocol::Offset;

namespace {

// At 78 bytes and some 7 microseconds each.
constexpr std::int64_t most_marked_head = 10'000'000;

// Of a partition's holes, once, when it begins.
constexpr auto longest_filling = std::chrono::minutes(10);

Beginning refuse(std::string reason, std::optional<Condition> condition = {}) {
  return {
      .kind = Beginning::Kind::refuse, .reason = std::move(reason), .condition = condition, .head = {}, .setting = {}};
}
Beginning map(std::string_view setting, std::string reason) {
  return {.kind = Beginning::Kind::map, .reason = std::move(reason), .condition = {}, .head = {}, .setting = setting};
}
Beginning fill(const HeadFill& head, std::string reason = {}) {
  return {
      .kind = Beginning::Kind::fill_head, .reason = std::move(reason), .condition = {}, .head = head, .setting = {}};
}

/// A partition keeps its mode once this mirror has written to it.
bool may_still_map(const Admission& admission, const BeginningQuestion& question) {
  return question.may_map && admission.last_sequence < 0;
}

/// The target holds nothing but padding, if anything, and the mirror begins at `end`.
Beginning begin_at(Offset end, const Admission& admission, const BeginningQuestion& question) {
  const bool is_own = admission.ends_in_padding || question.is_own_topic;
  const std::int64_t most = is_own ? question.most_padding : std::min(question.most_padding, most_marked_head);
  const std::string name = question.source.to_string();
  // Padding would stay in sight of readers.
  if (end.value() > most && may_still_map(admission, question) && !admission.ends_in_padding) {
    return map(mapped_by_auto,
               fmt::format("{} begins at offset {} on the source, and so many are not filled (at most {})", name,
                           end.value(), most));
  }
  if (end.value() > most) {
    return refuse(fmt::format(
        "{} begins at offset {} on the source, and {} is empty: filling {} offsets is more than {}", name, end.value(),
        question.target.to_string(), end.value(),
        is_own ? fmt::format("shunt.offsets.padding.max ({}) allows; raise it if they are to be filled", most)
               : fmt::format("is done without padding ({}), which readers of a topic that shunt has not "
                             "created could see; delete the empty topic, and shunt will create it",
                             most)));
  }
  return fill({.end = end,
               .method = is_own ? HeadFill::Method::padding : HeadFill::Method::markers,
               .is_lost = false,
               .last_sequence = admission.last_sequence});
}

Beginning decide_refused(const Admission& admission, const BeginningQuestion& question) {
  if (admission.condition != Condition::foreign_writer) return refuse(admission.reason, admission.condition);
  if (question.maps_behind_others) {
    Beginning behind = map(mapped_behind_others, admission.reason);
    behind.condition = Condition::foreign_writer;
    return behind;
  }
  if (may_still_map(admission, question)) return map(mapped_by_auto, admission.reason);
  const std::string mapping =
      question.is_mapping ? fmt::format(" (shunt.topic.mapping = {}:{})", question.source.topic, question.target.topic)
                          : "";
  return refuse(fmt::format("{}{}; or let shunt.offsets=mapped put the mirror's records behind theirs",
                            admission.reason, mapping),
                admission.condition);
}

}  // namespace

Beginning decide_beginning(const Admission& admission, const BeginningQuestion& question) {
  switch (admission.verdict) {
    case Admission::Verdict::start:
      if (admission.is_unproven && may_still_map(admission, question)) return map(mapped_by_auto, admission.reason);
      if (admission.is_new && question.begin && *question.begin > admission.start)
        return begin_at(*question.begin, admission, question);
      return {.kind = Beginning::Kind::start, .reason = admission.reason, .condition = {}, .head = {}, .setting = {}};
    case Admission::Verdict::fill_head:
      return begin_at(admission.is_new && question.begin ? std::max(*question.begin, admission.start) : admission.start,
                      admission, question);
    case Admission::Verdict::overtaken:
      if (!question.goes_on_overtaken) {
        return refuse(admission.reason + "; shunt.on.overtaken=continue goes on behind them", Condition::overtaken);
      }
      return fill({.end = admission.start,
                   .method = HeadFill::Method::markers,
                   .is_lost = true,
                   .last_sequence = admission.last_sequence},
                  admission.reason);
    case Admission::Verdict::refuse:
      return decide_refused(admission, question);
    case Admission::Verdict::retry:
      break;
  }
  return {.kind = Beginning::Kind::retry,
          .reason = admission.reason,
          .condition = admission.condition.value_or(Condition::source_error),
          .head = {},
          .setting = {}};
}

std::string too_much_filling(const FillingEstimate& estimate, const TopicPartition& source) {
  if (estimate.time <= longest_filling) return {};
  return fmt::format(
      "about {} offsets of {} in {} places have no record or a batch to be rewritten, which would "
      "take about {} minutes",
      estimate.offsets, source.to_string(), estimate.places,
      std::chrono::duration_cast<std::chrono::minutes>(estimate.time).count());
}

}  // namespace shunt::replicate
