// How the target's topics follow the source's settings (`shunt.metadata.policy`).
#pragma once

namespace shunt::replicate {

enum class MetadataPolicy {
  mm2,           // as MirrorMaker 2: what is set on the source topic is set on the target's, again and again
  conservative,  // settings are given when a topic is created; afterwards retention is lifted where the source's is
};

}  // namespace shunt::replicate
