#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "result.h"

namespace cofferdam {

// A thread's share of the one inotify(7) instance that this process has for cgroup files. A user may have 128
// instances (/proc/sys/fs/inotify/max_user_instances), all programs of his together, so one for each Worker
// would be too many.
//
// Whichever thread finds the instance readable reads it for all of them, and wakes the others. News are told
// by watch, never by content: read the file again.
class SharedInotify {
 public:
  // A watch and, of a directory's, the name of the entry in it.
  using Change = std::pair<int, std::string>;
  struct News {
    // Each once, however often it happened.
    std::set<Change> changes;
    // The kernel's queue was full (IN_Q_OVERFLOW): any file may have changed.
    bool overflow = false;
  };

  // `wake` is called, on any thread and under a lock, where Take has news for this one that another thread
  // read.
  static Result<std::unique_ptr<SharedInotify>> Open(std::function<void()> wake);
  ~SharedInotify();
  SharedInotify(const SharedInotify&) = delete;
  SharedInotify& operator=(const SharedInotify&) = delete;

  // The same for all threads; readable where somebody should call Take.
  int fd() const;
  // Watches the file that `file` is open on, O_PATH will do. The same file has the same number; Unwatch as
  // often as it was watched.
  Result<int> Watch(int file, uint32_t mask);
  void Unwatch(int watch);
  // Never waits. 0, or a negative errno of read(2); `news` holds what came in either case.
  int Take(News* news);

 private:
  class Instance;
  SharedInotify(std::shared_ptr<Instance> instance, std::function<void()> wake);

  std::shared_ptr<Instance> instance_;
  std::function<void()> wake_;
  // Under the instance's lock.
  News pending_;
};

}  // namespace cofferdam
