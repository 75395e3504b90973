#include "supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "../kernel/new_fd.h"
#include "../kernel/pidfd.h"

namespace cofferdam {

namespace {

// Milliseconds until another janitor is tried, where there are no processes or fds for one.
constexpr uint64_t kJanitorPause = 100;

}  // namespace

// A thread of the owner, or a visitor.
class Supervisor::Connection final : public Client, public std::enable_shared_from_this<Connection> {
 public:
  Connection(Supervisor* supervisor, OwnedFd socket, bool visitor)
      : channel_(
            &supervisor->loop_, std::move(socket),
            [this, supervisor](ControlMessage* message) {
              supervisor->OnMessage(shared_from_this(), message);
            },
            [this, supervisor] { supervisor->OnEnd(shared_from_this()); }),
        visitor_(visitor) {}

  void Say(const MessageWriter& message, const int* fds, size_t fd_count) override {
    channel_.Send(message.bytes(), fds, fd_count);
  }
  void Close() { channel_.Close(); }
  bool closed() const { return channel_.closed(); }

  Channel channel_;
  const bool visitor_;
};

Supervisor::Supervisor(OwnedFd link, OwnedFd owner)
    : owner_(std::move(owner)),
      link_(std::make_unique<Channel>(
          &loop_, std::move(link), [this](ControlMessage* message) { OnJoin(message, false); },
          [this] { link_.reset(); })) {}

int Supervisor::Begin() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  prctl(PR_SET_NAME, "cofferdam-super", 0, 0, 0);
  // A mount namespace of its own, which sees what the host mounts, and shows it nothing. Without the
  // privilege systems have to do without an overlay over the host's root. EINVAL in a chroot(2) that is no
  // mount point, where each system's mounts would be the host's too.
  if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) < 0) return -errno;
  ledger_ = Ledger::Create();
  if (ledger_ == nullptr) return -ENOMEM;
  pollfd owner = {owner_.get(), POLLIN, 0};
  // It has died already, and nothing has been made.
  if (poll(&owner, 1, 0) != 0) return -ESRCH;
  KeepJanitor();
  if (!janitor_.ok()) return -EAGAIN;
  owner_watch_ = loop_.Add(owner_.get(), [this] { OnOwnerEnd(); });
  if (!owner_watch_ || link_->closed()) return -ENOMEM;
  return OpenDoor();
}

int Supervisor::OpenDoor() {
  OwnedFd inside, outside;
  if (int error = ControlPair(&inside, &outside); error < 0) return error;
  outside_ = NewFd(dup3(outside.get(), kDoor, O_CLOEXEC));
  if (!outside_.ok()) return -errno;
  // It ends where somebody shuts it, for good.
  door_ = std::make_unique<Channel>(
      &loop_, std::move(inside), [this](ControlMessage* message) { OnJoin(message, true); },
      [this] { door_.reset(); });
  return door_->closed() ? -ENOMEM : 0;
}

void Supervisor::OnJoin(ControlMessage* message, bool visitor) {
  std::optional<MessageReader> request = MessageReader::Of(message->bytes);
  if (!request || request->kind() != Kind::kJoin || message->fds.empty()) return;
  auto connection = std::make_shared<Connection>(this, std::move(message->fds[0]), visitor);
  if (!connection->closed()) (visitor ? visitors_ : connections_).push_back(std::move(connection));
}

// Starts one, and another one whenever it ends: without a janitor our own death would leave things behind.
void Supervisor::KeepJanitor() {
  janitor_watch_.reset();
  janitor_.Close();
  janitor_due_ = EventLoop::Now() + kJanitorPause;
  Result<OwnedFd> janitor = StartJanitor(ledger_);
  if (!janitor.ok()) return;
  janitor_ = std::move(janitor).value();
  janitor_watch_ = loop_.Add(janitor_.get(), [this] {
    ReapEnding(janitor_.get());
    KeepJanitor();
  });
  if (janitor_watch_) {
    janitor_due_ = 0;
    return;
  }
  SendSignal(janitor_.get(), SIGKILL);
  ReapEnding(janitor_.get());
  janitor_.Close();
}

// A thread of the owner's has ended: its systems live on, as long as its process does. A visitor takes his
// programs along.
void Supervisor::OnEnd(const std::shared_ptr<Connection>& connection) {
  if (connection->visitor_)
    for (const auto& system : systems_) system->Dismiss(connection.get());
  connection->Close();
  (connection->visitor_ ? visitors_ : connections_).remove(connection);
}

System* Supervisor::Find(const Connection& from, const Party& party) {
  for (const auto& system : systems_)
    if (!system->gone() && (from.visitor_ ? system->Knows(party) : system->owner().Is(party)))
      return system.get();
  return nullptr;
}

Failure Supervisor::OnAttach(const std::shared_ptr<Connection>& from, const MessageReader& request) {
  if (request.Number(Tag::kProtocol) != kProtocol) return {-EPROTO, "sendmsg", {}};
  MessageWriter answer(Kind::kDone, request.serial(), request.system());
  for (const auto& system : systems_) {
    if (system->inode() != request.Number(Tag::kInode) || !system->Admit({from, request.system()}, &answer))
      continue;
    from->Say(answer, nullptr, 0);
    return {};
  }
  return {-ESRCH, "sendmsg", {}};
}

void Supervisor::OnMessage(const std::shared_ptr<Connection>& from, ControlMessage* message) {
  std::optional<MessageReader> request = MessageReader::Of(message->bytes);
  if (!request) return;
  const Party party = {from, request->system()};
  auto refuse = [&](const Failure& failure) {
    party.Say(MessageWriter(Kind::kFailed, request->serial(), party.system).AddFailure(failure));
  };
  if (message->lost_fds) {
    refuse({-EMFILE, "recvmsg", {}});
    return;
  }
  // What only the owner may.
  if (!from->visitor_) {
    if (request->kind() == Kind::kCreate) {
      systems_.push_back(std::make_unique<System>(&loop_, ledger_, &covers_, party));
      systems_.back()->Create(*request, message->fds);
      return;
    }
  } else if (request->kind() == Kind::kAttach) {
    if (Failure failure = OnAttach(from, *request)) refuse(failure);
    return;
  }
  System* system = Find(*from, party);
  if (system == nullptr) {
    refuse({-ESRCH, "sendmsg", {}});
    return;
  }
  switch (request->kind()) {
    case Kind::kRun:
      system->Run(party, *request, message);
      return;
    case Kind::kSignal:
      system->Signal(party, *request);
      return;
    case Kind::kLogs:
      system->GiveLogs(party, *request);
      return;
    case Kind::kHostLink:
      if (!from->visitor_) system->SetHostLink(request->Text(Tag::kIfname));
      return;
    case Kind::kBegin:
      if (!from->visitor_) system->Begin(request->Number(Tag::kTimeout));
      return;
    case Kind::kEnd:
      system->End(request->Text(Tag::kReason).c_str(), request->Number(Tag::kGrace));
      return;
    default:
      refuse({-EINVAL, "sendmsg", {}});
  }
}

void Supervisor::OnOwnerEnd() {
  owner_watch_.reset();
  link_.reset();
  for (const std::shared_ptr<Connection>& connection : connections_) connection->Close();
  connections_.clear();
  for (const auto& system : systems_) system->End("owner", 0);
}

uint64_t Supervisor::NextDeadline() const {
  uint64_t next = janitor_due_;
  for (const auto& system : systems_) {
    uint64_t deadline = system->deadline();
    if (deadline != 0 && (next == 0 || deadline < next)) next = deadline;
  }
  return next;
}

void Supervisor::Tidy() {
  uint64_t now = EventLoop::Now();
  if (janitor_due_ != 0 && janitor_due_ <= now) KeepJanitor();
  for (const auto& system : systems_)
    if (system->deadline() != 0 && system->deadline() <= now) system->OnDeadline();
  systems_.remove_if([](const auto& system) { return system->gone(); });
}

int Supervisor::Run() {
  if (int error = Begin(); error < 0) return error;
  while (link_ || !connections_.empty() || !systems_.empty()) {
    loop_.Turn(NextDeadline());
    Tidy();
  }
  return 0;
}

}  // namespace cofferdam
