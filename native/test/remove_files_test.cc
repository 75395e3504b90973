// A directory goes with all that is in it: deeper than a path can be, closed to everybody, named as the
// removal itself names things; what a link in it leads to stays.
#include "remove_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>

#include "check.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

// More than PATH_MAX has room for, and more than there are fds.
constexpr int kDeep = 2500;

void MakeDeep(const std::string& path) {
  int at = open(path.c_str(), O_PATH | O_CLOEXEC);
  for (int i = 0; i < kDeep; ++i) {
    CHECK_EQ(mkdirat(at, "d", 0700), 0);
    int below = openat(at, "d", O_PATH | O_CLOEXEC);
    CHECK(below >= 0);
    close(std::exchange(at, below));
  }
  close(at);
}

}  // namespace

int main() {
  char name[] = "/tmp/cofferdam-ctest-XXXXXX";
  CHECK(mkdtemp(name) != nullptr);
  const std::string place = name, doomed = place + "/doomed", kept = place + "/kept", inside = doomed + "/";
  const int before = CountFds();
  CHECK_EQ(RemoveFiles(doomed), 0);
  CHECK_EQ(mkdir(kept.c_str(), 0700), 0);
  std::ofstream(kept + "/file") << "mine";
  CHECK_EQ(mkdir(doomed.c_str(), 0700), 0);
  MakeDeep(doomed);
  for (const char* directory :
       {"removed-1", "removed-1/removed-2", "removed-1/removed-2/removed-1", "closed"})
    CHECK_EQ(mkdir((inside + directory).c_str(), 0700), 0);
  std::ofstream(inside + "removed-1/removed-2/removed-1/file") << "text";
  std::ofstream(inside + "closed/file") << "text";
  CHECK_EQ(chmod((inside + "closed").c_str(), 0), 0);
  CHECK_EQ(symlink(kept.c_str(), (inside + "link").c_str()), 0);
  CHECK_EQ(symlink(kept.c_str(), (inside + "removed-1/link").c_str()), 0);
  // Only root may look behind a mode of 0.
  if (geteuid() != 0) chmod((inside + "closed").c_str(), 0700);
  CHECK_EQ(RemoveFiles(doomed), 0);
  CHECK(access(doomed.c_str(), F_OK) < 0);
  CHECK_EQ(access((kept + "/file").c_str(), F_OK), 0);
  // A link is no directory, and what it leads to is nobody's to remove.
  CHECK_EQ(symlink(kept.c_str(), doomed.c_str()), 0);
  CHECK(RemoveFiles(doomed) < 0);
  CHECK_EQ(access((kept + "/file").c_str(), F_OK), 0);
  CHECK_EQ(unlink(doomed.c_str()), 0);
  CHECK_EQ(CountFds(), before);
  CHECK_EQ(RemoveFiles(place), 0);
  return 0;
}
