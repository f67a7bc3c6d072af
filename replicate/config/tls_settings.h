// The keys ssl.*, wherever they stand: a client's own, or the options of a JAAS line.
#pragma once

#include "net/tls_context.h"
#include "replicate/config/reader.h"

namespace shunt::replicate {

/// What is wrong is in the reader's diagnostics; stores are not read yet.
net::TlsSettings read_tls_settings(Reader& reader);

}  // namespace shunt::replicate
