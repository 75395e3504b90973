#include "landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "../kernel/new_fd.h"

namespace cofferdam {

namespace {

// LANDLOCK_ACCESS_FS_*, of which the headers of a distribution have but the first.
constexpr uint64_t kExecute = 1 << 0;
constexpr uint64_t kWriteFile = 1 << 1;
constexpr uint64_t kReadFile = 1 << 2;
constexpr uint64_t kReadDirectory = 1 << 3;
constexpr uint64_t kFirst = (1 << 13) - 1;
constexpr uint64_t kRefer = 1 << 13;
constexpr uint64_t kTruncate = 1 << 14;
constexpr uint64_t kDeviceControl = 1 << 15;

constexpr uint64_t kReadOnly = kExecute | kReadFile | kReadDirectory;
// What can be done to something that is no directory.
constexpr uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kDeviceControl;

// All rights that the kernel knows, by the version of its interface: what it does not know it cannot deny.
uint64_t RightsOf(long version) {
  uint64_t rights = kFirst;
  if (version >= 2) rights |= kRefer;
  if (version >= 3) rights |= kTruncate;
  if (version >= 5) rights |= kDeviceControl;
  return rights;
}

Failure Allow(int ruleset, std::string_view text, uint64_t rights) {
  std::string path(text);
  NewFd place(open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status;
  if (!place.ok() || fstat(place.get(), &status) < 0) return {-errno, "landlock_add_rule", path};
  landlock_path_beneath_attr rule = {};
  rule.allowed_access = S_ISDIR(status.st_mode) ? rights : rights & kOfFiles;
  rule.parent_fd = place.get();
  if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
    return {-errno, "landlock_add_rule", path};
  return {};
}

}  // namespace

Failure MakeRuleset(const MessageReader& system, OwnedFd* ruleset) {
  if (!system.Has(Tag::kLandlockRead) && !system.Has(Tag::kLandlockWrite)) return {};
  long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0) return {-errno, "landlock_create_ruleset", {}};
  landlock_ruleset_attr attributes = {};
  const uint64_t rights = RightsOf(version);
  attributes.handled_access_fs = rights;
  // Always close-on-exec.
  NewFd made(static_cast<int>(
      syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes.handled_access_fs, 0)));
  if (!made.ok()) return {-errno, "landlock_create_ruleset", {}};
  for (std::string_view path : system.All(Tag::kLandlockRead))
    if (Failure failure = Allow(made.get(), path, kReadOnly)) return failure;
  for (std::string_view path : system.All(Tag::kLandlockWrite))
    if (Failure failure = Allow(made.get(), path, rights)) return failure;
  *ruleset = std::move(made);
  return {};
}

}  // namespace cofferdam
