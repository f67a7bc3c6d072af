#include "replicate/control/admission.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "replicate/identity.h"

namespace shunt::replicate {

using protocol::Offset;
using protocol::ProducerId;

namespace {

Admission make(Admission::Verdict verdict, std::string reason) {
  Admission admission;
  admission.verdict = verdict;
  admission.reason = std::move(reason);
  return admission;
}
Admission start_at(Offset offset, std::string note = {}) {
  Admission admission = make(Admission::Verdict::start, std::move(note));
  admission.start = offset;
  return admission;
}
Admission begin_at(Offset offset, bool is_new, std::string note = {}) {
  Admission admission = start_at(offset, std::move(note));
  admission.is_new = is_new;
  return admission;
}
Admission fill_head_up_to(Offset offset, bool is_new, bool ends_in_padding) {
  Admission admission = make(Admission::Verdict::fill_head, {});
  admission.start = offset;
  admission.is_new = is_new;
  admission.ends_in_padding = ends_in_padding;
  return admission;
}

}  // namespace

Admission Admission::refused(std::string reason, std::optional<Condition> condition) {
  Admission admission = make(Verdict::refuse, std::move(reason));
  admission.condition = condition;
  return admission;
}

Admission Admission::postponed(std::string reason, Condition condition) {
  Admission admission = make(Verdict::retry, std::move(reason));
  admission.condition = condition;
  return admission;
}

namespace {

std::string source_has_less(const AdmissionFacts& facts) {
  return fmt::format(
      "{} ends at {}, but {} ends at {} on the source: the target holds {} records that the source does "
      "not have",
      facts.target.to_string(), facts.target_end.value(), facts.source.to_string(), facts.source_end.value(),
      facts.target_end - facts.source_end);
}

/// A marker too many behind the target's last data, as `where` says.
std::string marker_twice(const AdmissionFacts& facts, Offset markers, const std::string& where, bool may_be_others) {
  return fmt::format(
      "{} ends at {} with markers from {} on, {}: {}a broker has written a marker twice (KAFKA-19999), and the offsets "
      "behind it can no longer be the source's; delete the topic to have it mirrored anew",
      facts.target.to_string(), facts.target_end.value(), markers.value(), where,
      may_be_others ? "others have ended transactions there, or " : "");
}

/// The target's log is no beginning of the source's, as `what` says.
Admission refuse_other_log(const AdmissionFacts& facts, const std::string& what) {
  const bool is_ours = facts.target_tail && !facts.has_only_markers ? facts.target_tail->producer_id == facts.identity
                                                                    : facts.knows_identity();
  if (!is_ours) {
    return Admission::refused(
        fmt::format("target topic already written by others: {}; delete it to have it mirrored, or mirror to "
                    "another one",
                    what),
        Condition::foreign_writer);
  }
  if (facts.others_at) {
    return Admission::refused(
        fmt::format("{}; another producer's records are before it, at offset {}: this mirror's batches that "
                    "were under way then are not in their places",
                    what, facts.others_at->value()),
        Condition::foreign_writer);
  }
  if (facts.displaced) {
    const bool has_less = facts.displaced->target < facts.displaced->source;
    const char* cause =
        has_less ? "has lost what was before it (unclean leader election, or a disk)"
                 : "has more before it (others have ended transactions there, or a broker has written a marker twice, "
                   "KAFKA-19999)";
    return Admission::refused(
        fmt::format("{}; the source has at offset {} what {} has at {}: that {}, and this mirror's batches that were "
                    "under way then are not in their places; delete the topic to have it mirrored anew",
                    what, facts.displaced->source.value(), facts.target.to_string(), facts.displaced->target.value(),
                    cause),
        has_less ? Condition::target_truncated : Condition::foreign_writer);
  }
  // A log is cut off only when a leader is elected. The first leader of a topic has the topic's whole history.
  if (facts.is_source_first_epoch) {
    return Admission::refused(
        what +
            "; this mirror wrote them, and no leader was elected on the source since: the source topic was "
            "deleted and created again",
        Condition::source_recreated);
  }
  return Admission::refused(
      what +
          "; this mirror wrote them: the source lost them (unclean leader election, or a disk), or the "
          "topic was deleted and created again",
      Condition::source_truncated);
}

Admission overtaken(const AdmissionFacts& facts) {
  const std::int64_t lost = facts.source_start - facts.target_end;
  std::string where = fmt::format("{} begins at offset {} on the source, but {} ends at {}", facts.source.to_string(),
                                  facts.source_start.value(), facts.target.to_string(), facts.target_end.value());
  if (facts.target_tail && !facts.target_tail->is_control && facts.target_tail->producer_id != facts.identity) {
    return refuse_other_log(facts, where);
  }
  Admission overtaken =
      make(Admission::Verdict::overtaken,
           fmt::format("{}: the source has deleted {} offsets that were never mirrored (retention)", where, lost));
  overtaken.start = facts.source_start;
  overtaken.condition = Condition::overtaken;
  return overtaken;
}

}  // namespace

std::optional<Admission> decide_by_bounds(const AdmissionFacts& facts) {
  const std::int64_t target_end = facts.target_end.value();
  if (facts.source_start > facts.target_end && (target_end == 0 || facts.ends_in_padding || facts.has_only_markers)) {
    const bool is_new = !facts.has_only_markers || facts.is_begin_certain;
    return fill_head_up_to(facts.source_start, is_new, facts.ends_in_padding);
  }
  // Another instance may have meant to begin further on.
  const bool is_anothers_head = facts.begin && facts.target_end <= facts.source_end;
  if (facts.ends_in_padding && (facts.head_end() >= facts.target_end || is_anothers_head))
    return fill_head_up_to(std::max(facts.head_end(), facts.target_end), true, true);
  if (facts.source_start > facts.target_end) {
    // Who has written the last of it tells whether this is a mirror at all.
    if (facts.target_start < facts.target_end) return {};
    return overtaken(facts);
  }
  if (target_end == 0) return begin_at(Offset(0), true);
  if (facts.target_end > facts.source_end) {
    // Who has written the last of it tells why.
    if (facts.target_start < facts.target_end) return {};
    return refuse_other_log(facts, source_has_less(facts));
  }
  if (facts.target_start == facts.target_end) {
    return start_at(
        facts.target_end,
        facts.knows_identity()
            ? std::string()
            : fmt::format("{} is empty up to {} (its records have expired or were deleted): its past cannot be "
                          "compared with the source's",
                          facts.target.to_string(), target_end));
  }
  return {};
}

Admission decide_by_tails(const AdmissionFacts& facts) {
  if (facts.target_end > facts.source_end) {
    const bool are_markers = facts.target_tail && facts.target_tail->next_offset() <= facts.source_end;
    const bool may_be_ours = are_markers && facts.target_tail->producer_id == facts.identity;
    if (may_be_ours) {
      const std::string where = "one more than the source has holes";
      return Admission::refused(marker_twice(facts, facts.target_tail->next_offset(), where, false) + "; " +
                                source_has_less(facts));
    }
    return refuse_other_log(facts, source_has_less(facts));
  }
  if (facts.source_start > facts.target_end) return overtaken(facts);
  if (facts.has_only_markers) {
    Admission behind =
        begin_at(facts.target_end, facts.is_begin_certain,
                 fmt::format("{} holds markers only, from {} to {}: there is nothing to compare",
                             facts.target.to_string(), facts.target_start.value(), facts.target_end.value()));
    behind.may_be_half_a_head = facts.begin && !facts.is_begin_certain;
    return behind;
  }
  if (!facts.target_tail) {
    return Admission::postponed(fmt::format("{} no longer has a record at offset {}, which it had a moment ago",
                                            facts.target.to_string(), facts.target_end.value() - 1),
                                Condition::target_error);
  }
  const std::int64_t last = facts.target_tail->next_offset().value() - 1;
  // Under the identity of a topic before this one: only that the source has just this can make it right.
  const ProducerId writer = facts.target_tail->producer_id;
  const bool is_meant_for_another = writer != facts.identity && are_of_one_flow(writer, facts.identity);
  const bool is_seen_on_source =
      facts.source_tail && (facts.has_common_tail || is_copy(*facts.source_tail, *facts.target_tail));
  const bool may_be_compared = facts.source_tail || last < facts.source_start.value();
  if (is_meant_for_another && may_be_compared && !is_seen_on_source && facts.tails_differ.empty()) {
    return refuse_other_log(facts, fmt::format("{} ends with what was meant for a topic that had its name before",
                                               facts.target.to_string()));
  }
  if (!facts.source_tail && last < facts.source_start.value()) {
    // Markers may reach beyond the source's start, the last data does not.
    Admission unseen =
        start_at(facts.target_end,
                 facts.knows_identity()
                     ? std::string()
                     : fmt::format("{} begins at {} on the source, behind the last record of {}: there is nothing "
                                   "to compare",
                                   facts.source.to_string(), facts.source_start.value(), facts.target.to_string()));
    unseen.is_unproven = writer != facts.identity;
    return unseen;
  }
  if (!facts.source_tail) {
    return Admission::postponed(
        fmt::format("{} no longer has a record at offset {} on the source, which it had a moment ago",
                    facts.source.to_string(), last),
        Condition::source_error);
  }
  if (facts.target_tail->next_offset() > facts.target_end) {
    return Admission::postponed(
        fmt::format("{} has moved on from {} to {} while it was looked at: another instance is writing to it",
                    facts.target.to_string(), facts.target_end.value(), facts.target_tail->next_offset().value()),
        Condition::another_instance);
  }
  const bool is_gone = facts.source_tail->base_offset.value() > last || facts.has_common_records == false;
  if (is_gone && facts.tails_differ.empty()) {
    // Compacted away on the source after it was mirrored; or never there. The batch itself says who has written it; it
    // may be by another, where this mirror has gone on behind it (as behind a failback).
    const bool is_known = writer == facts.identity || (facts.knows_identity() && facts.has_common_records == true);
    const std::string what = fmt::format(
        "{} has no record at offset {} on the source (compacted), so the last one of {} cannot "
        "be compared",
        facts.source.to_string(), last, facts.target.to_string());
    if (is_known) return start_at(facts.target_end, what);
    return Admission::refused(what + ", and it is not this mirror that has written it", Condition::foreign_writer);
  }
  std::string differs = facts.tails_differ;
  if (differs.empty() && facts.source_tail->is_control)
    differs = fmt::format("the source has a transaction marker at offset {}, the target data", last);
  if (differs.empty()) return start_at(facts.target_end);
  return refuse_other_log(
      facts, fmt::format("the last batch of {} is not the source's: {}", facts.target.to_string(), differs));
}

Admission decide_by_markers(const AdmissionFacts& facts, Offset markers, Offset record) {
  // Others' transactions leave them, too, also without any data: whose they are nothing tells then.
  const bool may_be_others =
      facts.has_only_markers ? !facts.knows_identity() : facts.target_tail->producer_id != facts.identity;
  const std::string where = fmt::format("but the source has a record at {}", record.value());
  return Admission::refused(marker_twice(facts, markers, where, may_be_others),
                            may_be_others ? std::optional(Condition::foreign_writer) : std::nullopt);
}

}  // namespace shunt::replicate
