#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../kernel/owned_fd.h"
#include "event_loop.h"
#include "export_copy.h"
#include "message.h"

namespace cofferdam {

// What of a system is kept, and where: as its owner said it when it was made.
struct ExportPlan {
  // In the system, and on the host.
  std::vector<std::pair<std::string, std::string>> paths;
  uid_t uid = 0;
  gid_t gid = 0;
  uint64_t bytes = 0;
  uint64_t files = 0;
  // Milliseconds.
  uint64_t timeout = 0;

  static ExportPlan Of(const MessageReader& request);
};

// A process that copies the exports of a system whose processes are all gone, so that the supervisor has time
// for others: a disk may be slow.
class Exporter {
 public:
  // `done` is called once, when it has ended, however it did. Nothing where it cannot be started.
  static std::unique_ptr<Exporter> Start(EventLoop* loop, const ExportPlan& plan, const OwnedFd& root,
                                         std::function<void()> done);
  ~Exporter();
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  // It takes back what it has begun, and ends.
  void Cancel();
  void Kill();
  // Fields for kExported, one for each export in order; none where it was killed.
  std::vector<std::string> Results();

 private:
  Exporter() = default;

  OwnedFd pidfd_;
  OwnedFd results_;
  std::unique_ptr<EventLoop::Watch> watch_;
};

}  // namespace cofferdam
