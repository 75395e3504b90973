// What a cover hides of the host's root stays hidden though somebody writes the file anew while the cover is
// made, as passwd(1) does: by a rename over it.
#include "cover.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "check.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

bool IsHidden(Cover* cover, const std::string& path, const std::string& view) {
  CHECK_EQ(cover->At("/")->Attach(view.c_str()).error, 0);
  struct stat status;
  bool there = lstat((view + path).c_str(), &status) == 0;
  CHECK_EQ(umount2(view.c_str(), MNT_DETACH), 0);
  return there && S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

}  // namespace

int main() {
  // For the mounts of the covers.
  if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) return 77;
  char name[] = "/tmp/cofferdam-ctest-XXXXXX";
  CHECK(mkdtemp(name) != nullptr);
  const std::string place = name, path = place + "/secret", next = place + "/next", view = place + "/view";
  std::ofstream(path) << "secret";
  CHECK_EQ(mkdir(view.c_str(), 0700), 0);
  const int before = CountFds();
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    while (!stop) {
      std::ofstream(next) << "secret";
      CHECK_EQ(rename(next.c_str(), path.c_str()), 0);
    }
  });
  for (int i = 0; i < 300; ++i) {
    Cover cover;
    CHECK_EQ(cover.Add("/", {"/"}).error, 0);
    CHECK_EQ(cover.Hide(path.c_str()).error, 0);
    cover.Seal();
    CHECK(IsHidden(&cover, path, view));
  }
  stop = true;
  writer.join();
  CHECK_EQ(CountFds(), before);
  std::filesystem::remove_all(place);
  return 0;
}
