// What systemd is told of this process (Type=notify, sd_notify(3)), if it asks. Without it nothing happens.
#pragma once

#include <string_view>

namespace shunt::tools {

class ServiceManager {
 public:
  /// Opens the socket that NOTIFY_SOCKET names; later a sandbox may forbid it.
  ServiceManager();
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  /// "READY=1", "STOPPING=1". Errors are ignored: who does not listen does not want to know.
  void tell(std::string_view state) const;

 private:
  int socket_ = -1;
};

}  // namespace shunt::tools
