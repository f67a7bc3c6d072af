#include "sasl/kerberos.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <unistd.h>

#include "sasl/printable_text.h"

namespace shunt::sasl {
namespace {

gss_buffer_desc buffer_of(std::string& text) {
  return {.length = text.size(), .value = text.data()};
}

/// What the library complains of; its own words, the mechanism's before the general ones.
std::string explain(OM_uint32 major, OM_uint32 minor) {
  const auto text_of = [](OM_uint32 status, int type) {
    OM_uint32 ignored = 0;
    OM_uint32 more = 0;
    gss_buffer_desc text{};
    gss_display_status(&ignored, status, type, GSS_C_NO_OID, &more, &text);
    std::string result(static_cast<const char*>(text.value), text.length);
    gss_release_buffer(&ignored, &text);
    return printable_text(result);
  };
  return minor != 0 ? text_of(minor, GSS_C_MECH_CODE) : text_of(major, GSS_C_GSS_CODE);
}

std::string option(const LoginModule& module, std::string_view name) {
  const auto entry = module.options.find(name);
  return entry == module.options.end() ? std::string() : std::string(entry->second.reveal());
}

std::string without_scheme(std::string path) {
  for (const std::string_view scheme : {"FILE:", "file:"}) {
    if (path.starts_with(scheme)) return path.substr(scheme.size());
  }
  return path;
}

std::string next_cache_name() {
  static std::atomic<int> number = 0;
  return fmt::format("MEMORY:shunt-{}", ++number);
}

}  // namespace

std::optional<KerberosSettings> read_kerberos(const LoginModule& module, std::string service, std::string& why) {
  const auto fail = [&why](std::string reason) {
    why = std::move(reason);
    return std::nullopt;
  };
  if (module.kind != LoginModule::Kind::kerberos) {
    return fail(
        fmt::format("{} does not serve the mechanism GSSAPI, which needs Krb5LoginModule", to_string(module.kind)));
  }
  KerberosSettings settings;
  std::string named = option(module, "serviceName");
  if (!service.empty() && !named.empty() && service != named) {
    return fail("its serviceName is not that of sasl.kerberos.service.name");
  }
  settings.service = service.empty() ? std::move(named) : std::move(service);
  if (settings.service.empty()) {
    return fail("the brokers' Kerberos name is not known: set sasl.kerberos.service.name, mostly to kafka");
  }
  settings.principal = option(module, "principal");
  const bool uses_keytab = option(module, "useKeyTab") == "true";
  const bool uses_cache = option(module, "useTicketCache") == "true";
  if (uses_keytab) {
    settings.keytab = without_scheme(option(module, "keyTab"));
    if (settings.keytab.empty()) return fail("useKeyTab=true needs keyTab=\"/path/to/keytab\"");
    if (settings.principal.empty()) return fail("useKeyTab=true needs principal=\"name@REALM\"");
  } else if (uses_cache) {
    settings.ticket_cache = without_scheme(option(module, "ticketCache"));
  } else {
    return fail("it names no credentials: useKeyTab=true with keyTab and principal, or useTicketCache=true");
  }
  for (const std::string* text : {&settings.service, &settings.principal, &settings.keytab, &settings.ticket_cache}) {
    if (text->find('\0') != std::string::npos) return fail("an option holds a NUL");
  }
  return settings;
}

KerberosTickets::KerberosTickets(KerberosSettings settings)
    : settings_(std::move(settings)), own_cache_(next_cache_name()) {}

std::string KerberosTickets::source_name() const {
  if (!settings_.keytab.empty()) return settings_.keytab;
  return settings_.ticket_cache.empty() ? "the default ticket cache" : settings_.ticket_cache;
}

KerberosCredential KerberosTickets::acquire(std::string& why) const {
  if (!settings_.keytab.empty() && ::access(settings_.keytab.c_str(), R_OK) != 0) {
    why = fmt::format("{}: {}", source_name(), std::strerror(errno));
    return nullptr;
  }
  OM_uint32 minor = 0;
  gss_name_t name = GSS_C_NO_NAME;
  if (!settings_.principal.empty()) {
    std::string principal = settings_.principal;
    gss_buffer_desc text = buffer_of(principal);
    if (const OM_uint32 major = gss_import_name(&minor, &text, GSS_KRB5_NT_PRINCIPAL_NAME, &name); GSS_ERROR(major)) {
      why = fmt::format("{}: {}", source_name(), explain(major, minor));
      return nullptr;
    }
  }
  const std::string keytab = "FILE:" + settings_.keytab;
  const std::string cache = settings_.keytab.empty() ? "FILE:" + settings_.ticket_cache : own_cache_;
  std::vector<gss_key_value_element_desc> elements;
  if (!settings_.keytab.empty()) elements.push_back({.key = "client_keytab", .value = keytab.c_str()});
  if (!settings_.keytab.empty() || !settings_.ticket_cache.empty()) {
    elements.push_back({.key = "ccache", .value = cache.c_str()});
  }
  const gss_key_value_set_desc store{.count = static_cast<OM_uint32>(elements.size()), .elements = elements.data()};
  gss_OID_set_desc mechanisms{.count = 1, .elements = gss_mech_krb5};
  gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
  const OM_uint32 major = gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &mechanisms, GSS_C_INITIATE, &store,
                                                &credential, nullptr, nullptr);
  if (GSS_ERROR(major)) {
    // The library looks for tickets first and for keys of the name then, and complains of the former only.
    const bool lacks_key = !settings_.keytab.empty() && minor == static_cast<OM_uint32>(KRB5_FCC_NOFILE);
    why = fmt::format("{}: {}", source_name(),
                      lacks_key ? "it holds no key of " + settings_.principal : explain(major, minor));
  }
  OM_uint32 ignored = 0;
  gss_release_name(&ignored, &name);
  if (GSS_ERROR(major)) return nullptr;
  return {credential, [](void* held) {
            OM_uint32 status = 0;
            auto released = static_cast<gss_cred_id_t>(held);
            gss_release_cred(&status, &released);
          }};
}

}  // namespace shunt::sasl
