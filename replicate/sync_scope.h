// How much of the source is carried over (`shunt.sync`); each includes those before it.
#pragma once

namespace shunt::replicate {

enum class SyncScope {
  metadata,  // topics, their settings and access rights
  messages,  // and their records
  offsets,   // and consumer groups
};

}  // namespace shunt::replicate
