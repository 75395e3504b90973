// Copying out of the root of a system ends with the supervisor that asked for it, and takes back what it has
// begun.
#include "export_copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "check.h"
#include "event_loop.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

int main() {
  char name[] = "/tmp/cofferdam-ctest-XXXXXX";
  CHECK(mkdtemp(name) != nullptr);
  const std::filesystem::path place = name, inside = place / "root", below = inside / "kept/below";
  std::filesystem::create_directories(below);
  std::ofstream(below / "file") << "text";
  int before = CountFds();
  {
    OwnedFd root = OwnedFd::Open(inside.c_str(), O_PATH | O_DIRECTORY).value();
    CopyLimits limits = {1 << 20, 100, EventLoop::Now() + 60'000, getuid(), getgid(), getppid()};
    ExportCopy asked(root.get(), limits);
    CHECK_EQ(asked.Copy("/kept", place / "asked").error, 0);
    CHECK(std::filesystem::exists(place / "asked" / "below" / "file"));
    CHECK_EQ(asked.files(), 3);
    CHECK_EQ(asked.bytes(), 4);
    // As where it has died, and we are somebody else's child.
    limits.supervisor = getpid();
    CHECK_EQ(ExportCopy(root.get(), limits).Copy("/kept", place / "orphan").error, -ECANCELED);
  }
  CHECK_EQ(CountFds(), before);
  int left = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(place)) ++left;
  CHECK_EQ(left, 2);
  std::filesystem::remove_all(place);
  return 0;
}
