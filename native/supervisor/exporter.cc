#include "exporter.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "../kernel/control_socket.h"
#include "../kernel/fd_table.h"
#include "../kernel/new_fd.h"
#include "../kernel/pidfd.h"
#include "fork.h"

namespace cofferdam {

namespace {

constexpr int kRoot = 3;
constexpr int kResults = 4;
// Beyond both.
constexpr int kAside = 8;

// "files\0bytes\0left out\0errno\0call\0path"
std::string Said(const ExportCopy& copy, const Failure& failure) {
  std::string text;
  for (uint64_t number : {copy.files(), copy.bytes(), copy.left_out()}) text += std::to_string(number) + '\0';
  return text + std::to_string(failure.error) + '\0' + failure.call + '\0' + failure.path;
}

[[noreturn]] void Run(const ExportPlan& plan, int root, int results, pid_t supervisor) {
  const int sources[] = {fcntl(root, F_DUPFD_CLOEXEC, kAside), fcntl(results, F_DUPFD_CLOEXEC, kAside)};
  // Leases and sockets of systems above all: they would not end with the supervisor.
  if (dup3(sources[0], kRoot, O_CLOEXEC) < 0 || dup3(sources[1], kResults, O_CLOEXEC) < 0) _exit(1);
  syscall(SYS_close_range, kResults + 1, ~0U, 0);
  fd_table::Reset();
  prctl(PR_SET_NAME, "cofferdam-exprt", 0, 0, 0);
  umask(0);
  // What the caller's groups may read is nothing that the system may. Refused to who is not root, who has no
  // more inside than out here.
  setgroups(0, nullptr);
  MessageWriter said(Kind::kDone, 0, 0);
  CopyLimits limits = {plan.bytes, plan.files, EventLoop::Now() + plan.timeout,
                       plan.uid,   plan.gid,   supervisor};
  for (const auto& [source, target] : plan.paths) {
    ExportCopy copy(kRoot, limits);
    Failure failure = copy.Copy(source, target);
    limits.bytes -= copy.bytes();
    limits.files -= copy.files() < limits.files ? copy.files() : limits.files;
    said.Add(Tag::kExported, Said(copy, failure));
  }
  SendControl(kResults, said.bytes());
  for (;;) _exit(0);
}

}  // namespace

ExportPlan ExportPlan::Of(const MessageReader& request) {
  ExportPlan plan;
  for (std::string_view text : request.All(Tag::kExport))
    if (auto pair = SplitPair(text)) plan.paths.emplace_back(pair->first, pair->second);
  plan.uid = static_cast<uid_t>(request.Number(Tag::kExportUid));
  plan.gid = static_cast<gid_t>(request.Number(Tag::kExportGid));
  plan.bytes = request.Number(Tag::kExportBytes);
  plan.files = request.Number(Tag::kExportFiles);
  plan.timeout = request.Number(Tag::kExportTimeout);
  return plan;
}

std::unique_ptr<Exporter> Exporter::Start(EventLoop* loop, const ExportPlan& plan, const OwnedFd& root,
                                          std::function<void()> done) {
  std::unique_ptr<Exporter> exporter(new Exporter());
  OwnedFd theirs;
  if (ControlPair(&exporter->results_, &theirs) < 0) return nullptr;
  const pid_t supervisor = getpid();
  // With a copy of the mounts as they are now: while the root of another system is made, some directory of
  // ours is covered.
  pid_t pid = Fork(CLONE_NEWNS, -1, &exporter->pidfd_);
  // Who may not have that covers nothing, either.
  if (pid == -EPERM) pid = Fork(0, -1, &exporter->pidfd_);
  if (pid == 0) Run(plan, root.get(), theirs.get(), supervisor);
  if (pid < 0) return nullptr;
  exporter->watch_ = loop->Add(exporter->pidfd_.get(), std::move(done));
  return exporter->watch_ ? std::move(exporter) : nullptr;
}

Exporter::~Exporter() {
  watch_.reset();
  Kill();
  ReapEnding(pidfd_.get());
}

void Exporter::Cancel() {
  SendSignal(pidfd_.get(), SIGTERM);
}

void Exporter::Kill() {
  SendSignal(pidfd_.get(), SIGKILL);
}

std::vector<std::string> Exporter::Results() {
  std::vector<std::string> results;
  Result<ControlMessage> said = ReceiveControl(results_.get());
  if (!said.ok()) return results;
  std::optional<MessageReader> reader = MessageReader::Of(said.value().bytes);
  if (!reader) return results;
  for (std::string_view text : reader->All(Tag::kExported)) results.emplace_back(text);
  return results;
}

}  // namespace cofferdam
