#include "system.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "../kernel/new_fd.h"
#include "../kernel/pidfd.h"
#include "fork.h"
#include "init.h"
#include "mount_plan.h"

namespace cofferdam {

namespace {

// Milliseconds: between attempts to remove what is still busy, and until that is news.
constexpr uint64_t kLongestPause = 50;
constexpr uint64_t kStuckAfter = 5000;

int WriteFile(const std::string& path, std::string_view text) {
  NewFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.ok()) return -errno;
  return write(file.get(), text.data(), text.size()) < 0 ? -errno : 0;
}

}  // namespace

System::System(EventLoop* loop, Ledger* ledger, Covers* covers, const Party& owner)
    : loop_(loop), covers_(covers), owner_(owner), cgroup_(ledger), programs_(&cgroup_, owner) {}

System::~System() = default;

void System::Create(const MessageReader& request, const std::vector<OwnedFd>& fds) {
  create_serial_ = request.serial();
  Failure failure = Make(request, fds);
  if (!failure) return;
  refusal_ = failure;
  reason_ = "failed";
  if (pid_ > 0) {
    SendSignal(pidfd_.get(), SIGKILL);
    ReapEnding(pidfd_.get());
  }
  pidfd_watch_.reset();
  channel_.reset();
  reaped_ = true;
  Kill();
}

Failure System::Make(const MessageReader& request, const std::vector<OwnedFd>& fds) {
  timeout_ = request.Number(Tag::kTimeout);
  grace_ = request.Number(Tag::kGrace);
  want_netns_ = request.Has(Tag::kWantNetns);
  exports_ = ExportPlan::Of(request);
  if (request.Has(Tag::kKeepLogs)) {
    logs_ = NewFd(memfd_create("cofferdam-logs", MFD_CLOEXEC));
    if (!logs_.ok()) return {-errno, "memfd_create", {}};
  }
  if (Failure failure = cgroup_.Make(request)) return failure;
  return StartInit(request, fds);
}

Failure System::WriteMaps(const MessageReader& request) {
  if (!request.Has(Tag::kUidMap)) return {};
  std::string process = "/proc/" + std::to_string(pid_) + "/";
  if (request.Has(Tag::kDenySetgroups)) {
    if (int error = WriteFile(process + "setgroups", "deny"); error < 0) return {error, "write", "setgroups"};
  }
  if (int error = WriteFile(process + "uid_map", request.Text(Tag::kUidMap)); error < 0)
    return {error, "write", "uid_map"};
  if (int error = WriteFile(process + "gid_map", request.Text(Tag::kGidMap)); error < 0)
    return {error, "write", "gid_map"};
  return {};
}

Failure System::StartInit(const MessageReader& request, const std::vector<OwnedFd>& fds) {
  OwnedFd control, theirs;
  if (int error = ControlPair(&control, &theirs); error < 0) return {error, "socketpair", {}};
  uint64_t namespaces = request.Number(Tag::kNamespaces);
  bool has_maps = (namespaces & CLONE_NEWUSER) != 0;
  std::vector<std::string_view> steps = request.All(Tag::kStep);
  // Gone at the end of this: unmounting takes a while, in which pid 1 can make its own mounts.
  Scratch scratch;
  if (Failure failure = scratch.Make(steps, covers_)) return failure;
  InitPlan plan = {theirs.get(),
                   has_maps || request.Has(Tag::kMoveIn),
                   (namespaces & CLONE_NEWPID) != 0,
                   (namespaces & CLONE_NEWNET) != 0,
                   (namespaces & CLONE_NEWNS) != 0,
                   has_maps,
                   (namespaces & CLONE_NEWUTS) != 0 ? request.Text(Tag::kHostname) : std::string(),
                   std::move(steps),
                   request};

  // A network namespace that comes with the request is entered here for the moment of the clone: from within
  // a user namespace of its own pid 1 could not.
  OwnedFd home;
  if (request.Has(Tag::kGivenNetns) && !fds.empty()) {
    home = NewFd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!home.ok() || setns(fds[0].get(), CLONE_NEWNET) < 0) return {-errno, "setns", "/proc/self/ns/net"};
  }
  const bool moves = request.Has(Tag::kMoveIn);
  pid_t pid = Fork(namespaces, moves ? -1 : cgroup_.fd(), &pidfd_);
  if (pid == 0) RunInit(plan);
  // Elsewhere for good, we would make the next system there; without us the janitor clears up.
  if (home.ok() && setns(home.get(), CLONE_NEWNET) < 0) _exit(EXIT_FAILURE);
  if (pid < 0) return {pid, "clone3", {}};
  pid_ = pid;
  if (moves) {
    if (int moved = cgroup_.MoveIn(pid_); moved < 0) return {moved, "write", "cgroup.procs"};
  }
  if (has_maps || moves) {
    if (Failure failure = WriteMaps(request)) return failure;
    SendControl(control.get(), MessageWriter(Kind::kGo, 0, 0).bytes());
  }
  if (want_netns_) {
    std::string path = "/proc/" + std::to_string(pid_) + "/" + "ns/net";
    netns_ = NewFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!netns_.ok()) return {-errno, "open", path};
  }
  // Its end tells no more than its pidfd will.
  channel_ = std::make_unique<Channel>(
      loop_, std::move(control), [this](ControlMessage* message) { OnMessage(message); }, [] {});
  pidfd_watch_ = loop_->Add(pidfd_.get(), [this] { OnInitEnd(); });
  if (!pidfd_watch_ || channel_->closed()) return {-ENOMEM, "epoll_ctl", {}};
  state_ = State::kStarting;
  if (timeout_ != 0) deadline_ = EventLoop::Now() + timeout_;
  return {};
}

void System::OnMessage(ControlMessage* message) {
  std::optional<MessageReader> said = MessageReader::Of(message->bytes);
  if (!said) return;
  switch (said->kind()) {
    case Kind::kCreated: {
      if (state_ != State::kStarting) return;
      state_ = State::kRunning;
      answered_ = true;
      int netns = netns_.get();
      owner_.Say(MessageWriter(Kind::kCreated, create_serial_, owner_.system)
                     .AddNumber(Tag::kPid, static_cast<uint64_t>(pid_)),
                 &netns, netns_.ok() ? 1 : 0);
      netns_.Close();
      if (!message->fds.empty()) tree_ = std::move(message->fds[0]);
      return;
    }
    case Kind::kFailed:
      if (said->serial() == 0 && state_ == State::kStarting) {
        refused_by_ = said->Text(Tag::kCall);
        refusal_ = {static_cast<int>(said->Number(Tag::kErrno)), refused_by_.c_str(), said->Text(Tag::kPath)};
        End("failed", 0);
        return;
      }
      [[fallthrough]];
    case Kind::kStarted:
    case Kind::kExited:
      programs_.Hear(*said, message->fds);
      return;
    default:
      return;
  }
}

int System::Pass(std::string_view bytes, const std::vector<OwnedFd>& fds) {
  if (state_ != State::kRunning) return -ESRCH;
  std::vector<int> numbers;
  for (const OwnedFd& fd : fds) numbers.push_back(fd.get());
  return channel_->Send(bytes, numbers.data(), numbers.size());
}

void System::Run(const Party& by, const MessageReader& request, ControlMessage* message) {
  uint32_t number = programs_.Enter(by, request);
  Renumber(&message->bytes, number, number);
  if (int error = Pass(message->bytes, message->fds); error < 0)
    programs_.Refuse(number, {error, "sendmsg", {}});
}

void System::Signal(const Party& by, const MessageReader& request) {
  uint64_t command = request.Number(Tag::kCommand);
  uint32_t number = command == 0 ? 0 : programs_.NumberOf(by, command);
  Failure failure;
  if (command != 0 && number == 0) {
    failure = {-ESRCH, "kill", {}};
  } else {
    MessageWriter signal(Kind::kSignal, 0, 0);
    signal.AddNumber(Tag::kSignalNumber, request.Number(Tag::kSignalNumber)).AddNumber(Tag::kCommand, number);
    failure = {Pass(signal.bytes(), {}), "sendmsg", {}};
  }
  MessageWriter answer(failure ? Kind::kFailed : Kind::kDone, request.serial(), by.system);
  if (failure) answer.AddFailure(failure);
  by.Say(answer);
}

bool System::Admit(const Party& visitor, MessageWriter* answer) {
  if (state_ != State::kRunning) return false;
  visitors_.push_back(visitor);
  answer->AddNumber(Tag::kPid, static_cast<uint64_t>(pid_));
  cgroup_.AddStatistics(answer);
  return true;
}

bool System::Knows(const Party& visitor) const {
  for (const Party& one : visitors_)
    if (one.Is(visitor)) return true;
  return false;
}

void System::Dismiss(const Client* client) {
  std::erase_if(visitors_, [&](const Party& visitor) {
    if (visitor.client.lock().get() != client) return false;
    for (uint32_t number : programs_.NumbersOf(visitor)) {
      MessageWriter kill(Kind::kSignal, 0, 0);
      kill.AddNumber(Tag::kSignalNumber, SIGKILL).AddNumber(Tag::kCommand, number);
      Pass(kill.bytes(), {});
    }
    return true;
  });
}

void System::GiveLogs(const Party& by, const MessageReader& request) {
  MessageWriter answer(logs_.ok() ? Kind::kDone : Kind::kFailed, request.serial(), by.system);
  if (!logs_.ok()) answer.AddFailure({-ENODATA, "memfd_create", {}});
  const int fd = logs_.get();
  by.Say(answer, &fd, logs_.ok() ? 1 : 0);
}

void System::SetHostLink(const std::string& ifname) {
  cgroup_.SetLink(ifname);
}

void System::Begin(uint64_t timeout) {
  if (state_ == State::kRunning && timeout != 0) deadline_ = EventLoop::Now() + timeout;
}

void System::End(const char* reason, uint64_t grace) {
  const bool owner_died = std::string_view(reason) == "owner";
  if (state_ == State::kExporting && owner_died) exporter_->Cancel();
  if (state_ == State::kKilled || state_ == State::kExporting || state_ == State::kGone) return;
  if (reason_.empty()) reason_ = reason;
  uint64_t now = EventLoop::Now();
  if (state_ == State::kEnding) {
    if (now + grace < deadline_) deadline_ = now + grace;
    if (grace == 0) Kill();
    return;
  }
  if (grace == 0 || state_ != State::kRunning) {
    Kill();
    return;
  }
  state_ = State::kEnding;
  deadline_ = now + grace;
  MessageWriter end(Kind::kEnd, 0, 0);
  end.AddNumber(Tag::kSignalNumber, SIGTERM).AddNumber(Tag::kCommand, 0);
  if (channel_->Send(end.bytes()) < 0) Kill();
}

void System::Kill() {
  state_ = State::kKilled;
  killed_at_ = EventLoop::Now();
  // Pid 1 first: without it nobody of its namespace is left to fork, and a frozen one dies as well.
  SendSignal(pidfd_.get(), SIGKILL);
  cgroup_.Kill();
  // Its pidfd tells at once, and the cgroup's events up to 10 ms late.
  deadline_ = killed_at_ + kStuckAfter;
  if (reaped_) OnDead();
}

void System::OnInitEnd() {
  // What it still had to say.
  channel_->Drain();
  ReapEnding(pidfd_.get());
  reaped_ = true;
  pidfd_watch_.reset();
  channel_.reset();
  if (state_ == State::kKilled) {
    OnDead();
  } else {
    if (reason_.empty()) reason_ = "init";
    Kill();
  }
}

// Not of a system that ended by accident, whose files may be anything, nor for an owner who is gone.
bool System::TakesExports() const {
  if (!tree_.ok() || !answered_) return false;
  for (const char* reason : {"init", "owner", "aborted", "failed"})
    if (reason_ == reason) return false;
  return true;
}

void System::OnDead() {
  if (TakesExports()) {
    exporter_ = Exporter::Start(loop_, exports_, tree_, [this] { Remove(); });
    if (exporter_ != nullptr) {
      state_ = State::kExporting;
      // It keeps the time itself, and takes back what it has not finished.
      deadline_ = EventLoop::Now() + exports_.timeout + kStuckAfter;
      return;
    }
  }
  Remove();
}

void System::Remove() {
  state_ = State::kKilled;
  if (exporter_ != nullptr) exported_ = exporter_->Results();
  exporter_.reset();
  tree_.Close();
  MessageWriter news(answered_ ? Kind::kGone : Kind::kFailed, answered_ ? 0 : create_serial_, owner_.system);
  if (!answered_) news.AddFailure(refusal_);
  news.Add(Tag::kReason, reason_);
  for (const std::string& text : exported_) news.Add(Tag::kExported, text);
  cgroup_.AddStatistics(&news);
  // An owner who lives does that himself, beside his other work; for us it is 10 ms of everybody's time.
  if (owner_.client.expired()) cgroup_.DeleteLink();
  if (cgroup_.Remove() < 0) {
    // Somebody forked past us, or is slow to die.
    cgroup_.Kill();
    uint64_t now = EventLoop::Now();
    if (now - killed_at_ >= kStuckAfter && !told_stuck_) {
      told_stuck_ = true;
      owner_.Say(MessageWriter(Kind::kStuck, 0, owner_.system));
    }
    deadline_ = now + pause_;
    if (pause_ < kLongestPause) pause_ *= 2;
    return;
  }
  deadline_ = 0;
  state_ = State::kGone;
  programs_.RefuseStarting();
  programs_.AddLastExit(&news);
  owner_.Say(news);
  for (const Party& visitor : visitors_) visitor.Say(news.ForSystem(visitor.system));
}

void System::OnDeadline() {
  deadline_ = 0;
  switch (state_) {
    case State::kStarting:
    case State::kRunning:
      End("timeout", grace_);
      return;
    case State::kEnding:
      Kill();
      return;
    case State::kExporting:
      exporter_->Kill();
      return;
    case State::kKilled:
      if (reaped_) {
        Remove();
      } else {
        if (!told_stuck_) owner_.Say(MessageWriter(Kind::kStuck, 0, owner_.system));
        told_stuck_ = true;
        deadline_ = EventLoop::Now() + kStuckAfter;
      }
      return;
    default:
      return;
  }
}

}  // namespace cofferdam
