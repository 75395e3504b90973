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

  Channel channel_;
  const bool visitor_;
};

Supervisor::Supervisor(OwnedFd connection, OwnedFd owner)
    : owner_(std::move(owner)), first_(std::move(connection)) {}

int Supervisor::Begin() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  prctl(PR_SET_NAME, "cofferdam-super", 0, 0, 0);
  // A mount namespace of its own, which sees what the host mounts, and shows it nothing. Without the
  // privilege systems have to do without an overlay over the host's root.
  if (unshare(CLONE_NEWNS) == 0) mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr);
  ledger_ = Ledger::Create();
  if (ledger_ == nullptr) return -ENOMEM;
  pollfd owner = {owner_.get(), POLLIN, 0};
  // It has died already, and nothing has been made.
  if (poll(&owner, 1, 0) != 0) return -ESRCH;
  KeepJanitor();
  if (janitor_.pid < 0) return -EAGAIN;
  owner_watch_ = loop_.Add(owner_.get(), [this] { OnOwnerEnd(); });
  if (int error = OpenDoor(); error < 0) return error;
  Accept(std::move(first_), false);
  return 0;
}

int Supervisor::OpenDoor() {
  OwnedFd outside;
  if (int error = ControlPair(&door_, &outside); error < 0) return error;
  outside_ = NewFd(dup3(outside.get(), kDoor, O_CLOEXEC));
  if (!outside_.ok()) return -errno;
  door_watch_ = loop_.Add(door_.get(), [this] { OnDoor(); });
  return 0;
}

void Supervisor::OnDoor() {
  for (int i = 0; i < 64; ++i) {
    Result<ControlMessage> message = ReceiveControl(door_.get());
    if (!message.ok()) return;
    // Somebody has shut it, for good.
    if (message.value().bytes.empty()) {
      door_watch_.reset();
      return;
    }
    std::optional<MessageReader> request = MessageReader::Of(message.value().bytes);
    if (request && request->kind() == Kind::kJoin && !message.value().fds.empty())
      Accept(std::move(message.value().fds[0]), true);
  }
}

// Starts one, and another one whenever it ends: without a janitor our own death would leave things behind.
void Supervisor::KeepJanitor() {
  Result<Janitor> janitor = StartJanitor(ledger_);
  janitor_watch_.reset();
  janitor_ = Janitor();
  if (!janitor.ok()) return;
  janitor_ = std::move(janitor).value();
  janitor_watch_ = loop_.Add(janitor_.pidfd.get(), [this] {
    ReapEnding(janitor_.pidfd.get());
    KeepJanitor();
  });
}

void Supervisor::Accept(OwnedFd socket, bool visitor) {
  (visitor ? visitors_ : connections_)
      .push_back(std::make_shared<Connection>(this, std::move(socket), visitor));
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
    switch (request->kind()) {
      case Kind::kJoin:
        if (!message->fds.empty()) Accept(std::move(message->fds[0]), false);
        return;
      case Kind::kCreate: {
        if (owner_ended_) return;
        auto system = std::make_unique<System>(&loop_, ledger_, &covers_, party);
        if (Failure failure = system->Create(*request, message->fds)) {
          refuse(failure);
        } else {
          systems_.push_back(std::move(system));
        }
        return;
      }
      default:
        break;
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
    case Kind::kHostLink:
      if (!from->visitor_) system->SetHostLink(request->Text(Tag::kIfname));
      return;
    case Kind::kBegin:
      system->Begin(request->Number(Tag::kTimeout));
      return;
    case Kind::kEnd:
      system->End(request->Text(Tag::kReason).c_str(), request->Number(Tag::kGrace));
      return;
    default:
      refuse({-EINVAL, "sendmsg", {}});
  }
}

void Supervisor::OnOwnerEnd() {
  owner_ended_ = true;
  owner_watch_.reset();
  for (const std::shared_ptr<Connection>& connection : connections_) connection->Close();
  connections_.clear();
  for (const auto& system : systems_) system->End("owner", 0);
}

uint64_t Supervisor::NextDeadline() const {
  uint64_t next = 0;
  for (const auto& system : systems_) {
    uint64_t deadline = system->deadline();
    if (deadline != 0 && (next == 0 || deadline < next)) next = deadline;
  }
  return next;
}

void Supervisor::Tidy() {
  uint64_t now = EventLoop::Now();
  for (const auto& system : systems_)
    if (system->deadline() != 0 && system->deadline() <= now) system->OnDeadline();
  systems_.remove_if([](const auto& system) { return system->gone(); });
}

int Supervisor::Run() {
  if (int error = Begin(); error < 0) return error;
  while (!connections_.empty() || !systems_.empty()) {
    loop_.Turn(NextDeadline());
    Tidy();
  }
  return 0;
}

}  // namespace cofferdam
