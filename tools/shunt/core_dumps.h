// A core dump holds whatever the process knew: passwords in OpenSSL's and Cyrus's own memory too.
#pragma once

#include "replicate/config/model.h"

namespace shunt::tools {

/// No core dump from here on, and nobody but root reads this process's memory or environment. Called before a secret is
/// read.
void forbid_core_dumps();

/// What the configuration says of it, now that it is known.
void apply_core_dumps(const replicate::Config& config);

}  // namespace shunt::tools
