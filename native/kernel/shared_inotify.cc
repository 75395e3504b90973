#include "shared_inotify.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <mutex>
#include <utility>

#include "owned_fd.h"

namespace cofferdam {

class SharedInotify::Instance {
 public:
  explicit Instance(OwnedFd fd) : fd(std::move(fd)) {}

  // Reads what the kernel has, and puts it where it belongs. Under the lock.
  int Distribute(SharedInotify* reader);

  const OwnedFd fd;
  std::mutex mutex;
  std::set<SharedInotify*> clients;
  // By watch: who wants to know, and how often he asked for it.
  std::map<int, std::map<SharedInotify*, int>> watches;
};

namespace {

// Never destroyed: Workers may end after main has.
std::mutex& TheMutex() {
  static auto* mutex = new std::mutex;
  return *mutex;
}

}  // namespace

int SharedInotify::Instance::Distribute(SharedInotify* reader) {
  std::set<SharedInotify*> woken;
  auto tell = [&](SharedInotify* client) {
    if (client != reader) woken.insert(client);
    return &client->pending_;
  };
  int error = 0;
  alignas(inotify_event) char buffer[4096];
  for (;;) {
    ssize_t length = read(fd.get(), buffer, sizeof buffer);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0 && errno != EAGAIN) error = -errno;
    if (length <= 0) break;
    for (ssize_t at = 0; at < length;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      if ((event->mask & IN_Q_OVERFLOW) != 0) {
        for (SharedInotify* client : clients) tell(client)->overflow = true;
        continue;
      }
      auto found = watches.find(event->wd);
      if (found == watches.end()) continue;  // unwatched since
      // Padded with null bytes.
      Change change(event->wd, event->len > 0 ? event->name : "");
      for (const auto& [client, count] : found->second) tell(client)->changes.insert(change);
    }
  }
  for (SharedInotify* client : woken) client->wake_();
  return error;
}

Result<std::unique_ptr<SharedInotify>> SharedInotify::Open(std::function<void()> wake) {
  static auto* known = new std::weak_ptr<Instance>;
  std::lock_guard guard(TheMutex());
  std::shared_ptr<Instance> instance = known->lock();
  if (instance == nullptr) {
    Result<OwnedFd> fd = OwnedFd::Inotify();
    if (!fd.ok()) return fd.failure();
    instance = std::make_shared<Instance>(std::move(fd).value());
    *known = instance;
  }
  return std::unique_ptr<SharedInotify>(new SharedInotify(std::move(instance), std::move(wake)));
}

SharedInotify::SharedInotify(std::shared_ptr<Instance> instance, std::function<void()> wake)
    : instance_(std::move(instance)), wake_(std::move(wake)) {
  std::lock_guard guard(instance_->mutex);
  instance_->clients.insert(this);
}

SharedInotify::~SharedInotify() {
  // The last one closes the instance, and the next one to come must find it closed: its fd is counted.
  std::lock_guard opening(TheMutex());
  {
    std::lock_guard guard(instance_->mutex);
    instance_->clients.erase(this);
    for (auto at = instance_->watches.begin(); at != instance_->watches.end();) {
      at->second.erase(this);
      if (!at->second.empty()) {
        ++at;
        continue;
      }
      inotify_rm_watch(instance_->fd.get(), at->first);
      at = instance_->watches.erase(at);
    }
  }
  instance_.reset();
}

int SharedInotify::fd() const {
  return instance_->fd.get();
}

Result<int> SharedInotify::Watch(int file, uint32_t mask) {
  // inotify takes a path and nothing else: this one is the open file, whatever its name means by now.
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  std::lock_guard guard(instance_->mutex);
  int watch = inotify_add_watch(instance_->fd.get(), path, mask);
  if (watch < 0) return Errno::Last();
  ++instance_->watches[watch][this];
  return watch;
}

void SharedInotify::Unwatch(int watch) {
  std::lock_guard guard(instance_->mutex);
  auto found = instance_->watches.find(watch);
  if (found == instance_->watches.end()) return;
  auto own = found->second.find(this);
  if (own == found->second.end() || --own->second > 0) return;
  found->second.erase(own);
  std::erase_if(pending_.changes, [&](const Change& change) { return change.first == watch; });
  if (!found->second.empty()) return;
  instance_->watches.erase(found);
  // EINVAL where the kernel has ended it with the file: it is what we want.
  inotify_rm_watch(instance_->fd.get(), watch);
}

int SharedInotify::Take(News* news) {
  std::lock_guard guard(instance_->mutex);
  int error = instance_->Distribute(this);
  *news = std::exchange(pending_, News{});
  return error;
}

}  // namespace cofferdam
