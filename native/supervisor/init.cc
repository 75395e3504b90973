#include "init.h"

#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "../kernel/control_socket.h"
#include "../kernel/fd_table.h"
#include "command.h"
#include "landlock.h"
#include "message.h"
#include "mount_plan.h"
#include "pty.h"

namespace cofferdam {

namespace {

// Where the control socket lies in pid 1. Everything else that came with the clone is closed: leases and
// sockets of other systems above all.
constexpr int kControl = 3;

struct Command {
  uint32_t id;
  pid_t pid;
};

uint64_t Microseconds(const timeval& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000 + static_cast<uint64_t>(time.tv_usec);
}

class Init {
 public:
  explicit Init(const InitPlan& plan) : plan_(plan) {}

  [[noreturn]] void Run();

 private:
  Failure MakeWorld();
  Failure RaiseLoopback();
  // Of the user namespace. Until then who we are has no number inside.
  Failure BecomeRoot();
  void Say(const MessageWriter& message, const OwnedFd& fd = OwnedFd());
  // The next message of the supervisor's. Without one there is no supervisor, and no reason to live.
  ControlMessage Hear();
  void OnMessage(ControlMessage message);
  void OnRun(const MessageReader& request, ControlMessage* message);
  // `master` is the other side of its terminal, where it is to have one.
  Failure Start(const MessageReader& request, ControlMessage* message, pid_t* pid, OwnedFd* master);
  void OnSignal(const MessageReader& request);
  // Takes away all who have ended.
  void Reap();

  const InitPlan& plan_;
  // What the system has as its root, for the supervisor, who may need it longer than we live.
  OwnedFd root_;
  OwnedFd ruleset_;
  std::vector<Command> commands_;
  bool ending_ = false;
};

// SIGKILL to pid 1 ends all of its namespace.
[[noreturn]] void End() {
  for (;;) _exit(0);
}

void WaitFor(short events) {
  pollfd control = {kControl, events, 0};
  while (poll(&control, 1, -1) < 0 && errno == EINTR) continue;
}

void Init::Say(const MessageWriter& message, const OwnedFd& fd) {
  const int number = fd.get();
  for (;;) {
    int error = SendControl(kControl, message.bytes(), &number, fd.ok() ? 1 : 0);
    if (error == 0) return;
    if (!IsForLater(error)) End();
    WaitFor(POLLOUT);
  }
}

ControlMessage Init::Hear() {
  for (;;) {
    Result<ControlMessage> message = ReceiveControl(kControl);
    if (message.ok() && !message.value().bytes.empty()) return std::move(message).value();
    if (message.error() != -EAGAIN) End();
    WaitFor(POLLIN);
  }
}

Failure Init::RaiseLoopback() {
  Result<OwnedFd> socket = OwnedFd::Socket(AF_INET, SOCK_DGRAM, 0);
  if (!socket.ok()) return {socket.error(), "socket", {}};
  ifreq request = {};
  strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  return ioctl(socket.value().get(), SIOCSIFFLAGS, &request) < 0 ? Failure{-errno, "ioctl", "lo"} : Failure();
}

Failure Init::BecomeRoot() {
  if (!plan_.own_users) return {};
  if (plan_.system.Has(Tag::kClearGroups) && setgroups(0, nullptr) < 0) return {-errno, "setgroups", {}};
  // Where the map has no root, whoever programs run as. Since we were not root of this namespace before, we
  // lose no capability by it.
  const gid_t gid = static_cast<gid_t>(plan_.system.Number(Tag::kGid));
  if (setresgid(0, 0, 0) < 0 && setresgid(gid, gid, gid) < 0) return {-errno, "setresgid", {}};
  const uid_t uid = static_cast<uid_t>(plan_.system.Number(Tag::kUid));
  if (setresuid(0, 0, 0) < 0 && setresuid(uid, uid, uid) < 0) return {-errno, "setresuid", {}};
  return {};
}

Failure Init::MakeWorld() {
  setsid();
  if (!plan_.hostname.empty() && sethostname(plan_.hostname.data(), plan_.hostname.size()) < 0)
    return {-errno, "sethostname", plan_.hostname};
  if (plan_.own_network) {
    if (Failure failure = RaiseLoopback()) return failure;
  }
  if (!plan_.own_mounts) {
    if (Failure failure = BecomeRoot()) return failure;
  } else {
    if (Failure failure = RunMountPlan(plan_.steps, [this] { return BecomeRoot(); })) return failure;
    if (plan_.system.Has(Tag::kExport)) {
      Result<OwnedFd> root = CloneRoot();
      if (!root.ok()) return {root.error(), "open_tree", "/"};
      root_ = std::move(root).value();
    }
  }
  if (Failure failure = MakeRuleset(plan_.system, &ruleset_)) return failure;
  // Our memory holds what the supervisor's held; nobody inside reads it, nor our fds.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  // After everything that may change our credentials, which would undo it.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return {-errno, "prctl", {}};
  // It may have died before that; then its end of the socket is closed.
  pollfd control = {kControl, POLLIN, 0};
  if (poll(&control, 1, 0) > 0 && (control.revents & POLLHUP) != 0) End();
  return {};
}

Failure Init::Start(const MessageReader& request, ControlMessage* message, pid_t* pid, OwnedFd* master) {
  if (ending_) return {-ESHUTDOWN, "clone", {}};
  if (message->lost_fds) return {-EMFILE, "recvmsg", {}};
  if (Failure failure = OpenPty(plan_.system, request, &message->fds, master)) return failure;
  return StartCommand(plan_.system, request, ruleset_, message->fds, pid);
}

void Init::OnRun(const MessageReader& request, ControlMessage* message) {
  uint32_t id = static_cast<uint32_t>(request.Number(Tag::kCommand));
  pid_t pid = -1;
  OwnedFd master;
  if (Failure failure = Start(request, message, &pid, &master)) {
    Say(MessageWriter(Kind::kFailed, request.serial(), request.system()).AddFailure(failure));
    return;
  }
  commands_.push_back({id, pid});
  Say(MessageWriter(Kind::kStarted, request.serial(), request.system()).AddNumber(Tag::kCommand, id), master);
}

void Init::OnSignal(const MessageReader& request) {
  int signal = static_cast<int>(request.Number(Tag::kSignalNumber));
  uint64_t id = request.Number(Tag::kCommand);
  if (id == 0 && plan_.own_pids) {
    // Everybody but pid 1.
    kill(-1, signal);
    return;
  }
  for (const Command& command : commands_)
    if (id == 0 || command.id == id) kill(command.pid, signal);
}

void Init::OnMessage(ControlMessage message) {
  std::optional<MessageReader> request = MessageReader::Of(message.bytes);
  if (!request) return;
  switch (request->kind()) {
    case Kind::kRun:
      OnRun(*request, &message);
      return;
    case Kind::kSignal:
      OnSignal(*request);
      return;
    case Kind::kEnd:
      ending_ = true;
      OnSignal(*request);
      Reap();
      return;
    default:
      return;
  }
}

void Init::Reap() {
  for (;;) {
    int status;
    rusage usage;
    pid_t pid = wait4(-1, &status, WNOHANG | __WALL, &usage);
    // Nobody is left: everybody's orphans were ours.
    if (pid < 0 && errno == ECHILD && ending_) End();
    if (pid <= 0) return;
    for (size_t i = 0; i < commands_.size(); ++i) {
      if (commands_[i].pid != pid) continue;
      uint64_t code = WIFEXITED(status) ? CLD_EXITED : WCOREDUMP(status) ? CLD_DUMPED : CLD_KILLED;
      uint64_t number = static_cast<uint64_t>(WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
      uint64_t numbers[9] = {Microseconds(usage.ru_utime),
                             Microseconds(usage.ru_stime),
                             static_cast<uint64_t>(usage.ru_maxrss) * 1024,
                             static_cast<uint64_t>(usage.ru_minflt),
                             static_cast<uint64_t>(usage.ru_majflt),
                             static_cast<uint64_t>(usage.ru_inblock),
                             static_cast<uint64_t>(usage.ru_oublock),
                             static_cast<uint64_t>(usage.ru_nvcsw),
                             static_cast<uint64_t>(usage.ru_nivcsw)};
      Say(MessageWriter(Kind::kExited, 0, 0)
              .AddNumber(Tag::kCommand, commands_[i].id)
              .AddNumber(Tag::kCode, code)
              .AddNumber(Tag::kStatus, number)
              .Add(Tag::kUsage, std::string_view(reinterpret_cast<char*>(numbers), sizeof numbers)));
      commands_.erase(commands_.begin() + static_cast<ptrdiff_t>(i));
      break;
    }
  }
}

[[noreturn]] void Init::Run() {
  if (dup3(plan_.control, kControl, O_CLOEXEC) < 0 && errno != EINVAL) End();
  syscall(SYS_close_range, kControl + 1, ~0U, 0);
  fd_table::Reset();
  prctl(PR_SET_NAME, "cofferdam-init", 0, 0, 0);
  if (plan_.wait) Hear();
  if (Failure failure = MakeWorld()) {
    Say(MessageWriter(Kind::kFailed, 0, 0).AddFailure(failure));
    End();
  }
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  // All signals are blocked since the supervisor began.
  int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) End();
  Say(MessageWriter(Kind::kCreated, 0, 0), root_);
  root_.Close();
  for (;;) {
    pollfd ready[] = {{signals, POLLIN, 0}, {kControl, POLLIN, 0}};
    if (poll(ready, 2, -1) < 0) continue;
    if (ready[0].revents != 0) {
      signalfd_siginfo info;
      while (read(signals, &info, sizeof info) > 0) continue;
      Reap();
    }
    if (ready[1].revents != 0) OnMessage(Hear());
  }
}

}  // namespace

void RunInit(const InitPlan& plan) {
  Init(plan).Run();
}

}  // namespace cofferdam
