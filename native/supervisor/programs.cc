#include "programs.h"

#include <cerrno>
#include <utility>

namespace cofferdam {

namespace {

constexpr Tag kExit[] = {Tag::kCode, Tag::kStatus, Tag::kUsage};

}  // namespace

uint32_t Programs::Enter(const Party& by, const MessageReader& request) {
  do {
    ++last_number_;
  } while (last_number_ == 0 || programs_.count(last_number_) != 0);
  programs_.emplace(last_number_, Program{by, request.serial(), request.Number(Tag::kCommand), false});
  if (by.Is(owner_)) last_exit_.clear();
  return last_number_;
}

uint32_t Programs::NumberOf(const Party& by, uint64_t command) const {
  for (const auto& [number, program] : programs_)
    if (program.command == command && program.by.Is(by)) return number;
  return 0;
}

std::vector<uint32_t> Programs::NumbersOf(const Party& by) const {
  std::vector<uint32_t> numbers;
  for (const auto& [number, program] : programs_)
    if (program.by.Is(by)) numbers.push_back(number);
  return numbers;
}

void Programs::Hear(const MessageReader& said, const std::vector<OwnedFd>& fds) {
  bool exited = said.kind() == Kind::kExited;
  auto found = programs_.find(exited ? static_cast<uint32_t>(said.Number(Tag::kCommand)) : said.serial());
  if (found == programs_.end()) return;
  Program& program = found->second;
  MessageWriter message(said.kind(), exited ? 0 : program.serial, program.by.system);
  if (said.kind() == Kind::kFailed) {
    for (Tag tag : {Tag::kErrno, Tag::kCall, Tag::kPath})
      if (said.Has(tag)) message.Add(tag, said.Text(tag));
  } else {
    message.AddNumber(Tag::kCommand, program.command);
  }
  if (exited) {
    if (program.by.Is(owner_)) last_exit_.clear();
    for (Tag tag : kExit) {
      if (!said.Has(tag)) continue;
      message.Add(tag, said.Text(tag));
      if (program.by.Is(owner_)) last_exit_.emplace_back(tag, said.Text(tag));
    }
    cgroup_->AddStatistics(&message);
  }
  std::vector<int> numbers;
  for (const OwnedFd& fd : fds) numbers.push_back(fd.get());
  program.by.Say(message, numbers.data(), numbers.size());
  program.started = true;
  if (said.kind() != Kind::kStarted) programs_.erase(found);
}

void Programs::Refuse(uint32_t number, const Failure& failure) {
  auto found = programs_.find(number);
  if (found == programs_.end()) return;
  const Program& program = found->second;
  program.by.Say(MessageWriter(Kind::kFailed, program.serial, program.by.system).AddFailure(failure));
  programs_.erase(found);
}

void Programs::RefuseStarting() {
  std::vector<uint32_t> starting;
  for (const auto& [number, program] : programs_)
    if (!program.started) starting.push_back(number);
  for (uint32_t number : starting) Refuse(number, {-ESRCH, "sendmsg", {}});
}

void Programs::AddLastExit(MessageWriter* message) const {
  for (const auto& [tag, bytes] : last_exit_) message->Add(tag, bytes);
}

}  // namespace cofferdam
