// One inotify instance for all threads: news reach whoever watches, whichever thread reads them, and none is
// lost when the kernel's queue overflows.
#include "shared_inotify.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"
#include "owned_fd.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

class File {
 public:
  File() {
    char path[] = "/tmp/cofferdam-inotify-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
    path_ = path;
  }
  ~File() { unlink(path_.c_str()); }
  OwnedFd Open(int flags) const { return OwnedFd::Open(path_.c_str(), flags).value(); }
  void Change() const {
    OwnedFd fd = Open(O_WRONLY);
    CHECK_EQ(write(fd.get(), "x", 1), 1);
  }

 private:
  std::string path_;
};

std::unique_ptr<SharedInotify> Opened(std::function<void()> wake = [] {}) {
  Result<std::unique_ptr<SharedInotify>> client = SharedInotify::Open(std::move(wake));
  CHECK_EQ(client.error(), 0);
  return std::move(client).value();
}

int Watched(SharedInotify& client, const File& file) {
  Result<int> watch = client.Watch(file.Open(O_PATH).get(), IN_MODIFY);
  CHECK_EQ(watch.error(), 0);
  return watch.value();
}

std::set<int> Taken(SharedInotify& client) {
  SharedInotify::News news;
  CHECK_EQ(client.Take(&news), 0);
  CHECK(!news.overflow);
  std::set<int> watches;
  for (const auto& [watch, name] : news.changes) {
    CHECK(name.empty());
    watches.insert(watch);
  }
  return watches;
}

bool Readable(const SharedInotify& client) {
  pollfd entry = {client.fd(), POLLIN, 0};
  return poll(&entry, 1, 0) == 1;
}

void OneInstanceForAll() {
  int before = CountFds();
  {
    std::unique_ptr<SharedInotify> first = Opened();
    std::unique_ptr<SharedInotify> second = Opened();
    CHECK_EQ(first->fd(), second->fd());
    CHECK_EQ(CountFds(), before + 1);
    first.reset();
    CHECK_EQ(CountFds(), before + 1);
  }
  CHECK_EQ(CountFds(), before);
}

void TellsEachItsOwn() {
  File one, two, both;
  int woken_first = 0, woken_second = 0;
  std::unique_ptr<SharedInotify> first = Opened([&] { ++woken_first; });
  std::unique_ptr<SharedInotify> second = Opened([&] { ++woken_second; });
  int in_first = Watched(*first, one);
  int in_second = Watched(*second, two);
  int shared = Watched(*first, both);
  CHECK_EQ(Watched(*second, both), shared);
  CHECK(Taken(*first).empty());
  for (const File* file : {&one, &two, &both, &one}) file->Change();
  CHECK(Readable(*first));
  // The first one reads for both.
  CHECK(Taken(*first) == (std::set<int>{in_first, shared}));
  CHECK_EQ(woken_first, 0);
  CHECK_EQ(woken_second, 1);
  CHECK(!Readable(*second));
  CHECK(Taken(*second) == (std::set<int>{in_second, shared}));
  CHECK(Taken(*second).empty());
}

void WatchesAreCounted() {
  File file;
  std::unique_ptr<SharedInotify> first = Opened();
  std::unique_ptr<SharedInotify> second = Opened();
  int watch = Watched(*first, file);
  CHECK_EQ(Watched(*first, file), watch);
  CHECK_EQ(Watched(*second, file), watch);
  first->Unwatch(watch);
  file.Change();
  CHECK(Taken(*first) == std::set<int>{watch});
  CHECK(Taken(*second) == std::set<int>{watch});
  first->Unwatch(watch);
  first->Unwatch(watch);
  file.Change();
  CHECK(Taken(*first).empty());
  CHECK(Taken(*second) == std::set<int>{watch});
  // What was read for one that has stopped watching is not told any more.
  file.Change();
  CHECK(Taken(*first).empty());
  second->Unwatch(watch);
  CHECK(Taken(*second).empty());
  file.Change();
  CHECK(!Readable(*first));
}

void OverflowIsToldToAll() {
  File one, two;
  std::unique_ptr<SharedInotify> first = Opened();
  int woken = 0;
  std::unique_ptr<SharedInotify> second = Opened([&] { ++woken; });
  Watched(*first, one);
  Watched(*first, two);
  int limit = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
  CHECK(limit > 0);
  // In turn, because the kernel merges an event with the one before if both say the same.
  for (int i = 0; i <= limit; ++i) (i % 2 == 0 ? one : two).Change();
  SharedInotify::News news;
  CHECK_EQ(first->Take(&news), 0);
  CHECK(news.overflow);
  CHECK_EQ(news.changes.size(), 2);
  CHECK_EQ(woken, 1);
  CHECK_EQ(second->Take(&news), 0);
  CHECK(news.overflow);
}

void NamesEntriesOfDirectories() {
  char directory[] = "/tmp/cofferdam-inotify-XXXXXX";
  CHECK(mkdtemp(directory) != nullptr);
  std::unique_ptr<SharedInotify> client = Opened();
  OwnedFd fd = OwnedFd::Open(directory, O_PATH | O_DIRECTORY).value();
  Result<int> watch = client->Watch(fd.get(), IN_DELETE);
  CHECK_EQ(watch.error(), 0);
  for (const char* name : {"one", "another"}) CHECK_EQ(mkdirat(fd.get(), name, 0700), 0);
  for (const char* name : {"one", "another"}) CHECK_EQ(unlinkat(fd.get(), name, AT_REMOVEDIR), 0);
  SharedInotify::News news;
  CHECK_EQ(client->Take(&news), 0);
  CHECK(news.changes ==
        (std::set<SharedInotify::Change>{{watch.value(), "one"}, {watch.value(), "another"}}));
  CHECK_EQ(rmdir(directory), 0);
}

void RemovedFilesAreNoTrouble() {
  std::unique_ptr<SharedInotify> client = Opened();
  auto file = std::make_unique<File>();
  int watch = Watched(*client, *file);
  file.reset();
  CHECK(Taken(*client) == std::set<int>{watch});  // IN_IGNORED
  client->Unwatch(watch);
  client->Unwatch(4711);
  CHECK_EQ(client->Watch(-1, IN_MODIFY).error(), -ENOENT);
}

// Threads that come, watch and go, while one changes the files.
void ThreadsShare() {
  int before = CountFds();
  {
    std::vector<std::unique_ptr<File>> files;
    for (int i = 0; i < 4; ++i) files.push_back(std::make_unique<File>());
    std::atomic<bool> done = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        for (int round = 0; round < 50; ++round) {
          std::atomic<bool> woken = false;
          std::unique_ptr<SharedInotify> client = Opened([&] { woken = true; });
          int watch = Watched(*client, *files[static_cast<size_t>(i)]);
          // Each change is seen in the end, whoever reads it.
          for (;;) {
            pollfd entry = {client->fd(), POLLIN, 0};
            poll(&entry, 1, woken.exchange(false) ? 0 : 1);
            if (Taken(*client).contains(watch)) break;
          }
          client->Unwatch(watch);
        }
      });
    }
    std::thread changer([&] {
      while (!done)
        for (const auto& file : files) file->Change();
    });
    for (std::thread& thread : threads) thread.join();
    done = true;
    changer.join();
  }
  CHECK_EQ(CountFds(), before);
}

void NothingStaysOpenWhereFdsRunOut() {
  int before = CountFds();
  WithFdLimit(0, [] { CHECK_EQ(SharedInotify::Open([] {}).error(), -EMFILE); });
  CHECK_EQ(CountFds(), before);
}

}  // namespace

int main() {
  int before = CountFds();
  OneInstanceForAll();
  TellsEachItsOwn();
  WatchesAreCounted();
  OverflowIsToldToAll();
  NamesEntriesOfDirectories();
  RemovedFilesAreNoTrouble();
  ThreadsShare();
  NothingStaysOpenWhereFdsRunOut();
  CHECK_EQ(CountFds(), before);
  return 0;
}
