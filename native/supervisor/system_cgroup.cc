#include "system_cgroup.h"

#include <cerrno>
#include <utility>

#include "host_link.h"
#include "reclaim.h"

namespace cofferdam {

namespace {

// What is told of a system at its end, as far as there is such a file.
constexpr const char* kStatistics[] = {"memory.events", "memory.peak", "cpu.stat", "pids.events",
                                       "pids.peak"};

constexpr int kAttempts = 10;

std::string_view IdentityOf(const MessageReader& request) {
  std::string_view identity;
  for (std::string_view text : request.All(Tag::kAttribute))
    if (auto pair = SplitPair(text); pair && pair->first == kIdentityMark) identity = pair->second;
  return identity;
}

// The group says above whose it is until it is marked, as a system's own directory does.
Failure MakeGroup(const CgroupDir& parent, const std::string& name, std::string_view identity,
                  const std::string& path, Result<CgroupDir>* group) {
  const std::string intent = kIntentMark + name;
  parent.SetAttribute(intent.c_str(), identity);
  int made = parent.Make(name.c_str());
  Failure failure;
  if (made < 0 && made != -EEXIST) {
    failure = {made, "mkdirat", path};
  } else {
    *group = parent.OpenBelow(name.c_str());
    if (!group->ok()) failure = {group->error(), "openat2", path};
    if (made == 0 && !failure) group->value().SetAttribute(kGroupMark, "1");
    if (made == 0 && failure) parent.RemoveNew(name.c_str());
  }
  parent.RemoveAttribute(intent.c_str());
  return failure;
}

}  // namespace

// The groups above, as far as they are not there, each with what it hands down.
Failure SystemCgroup::MakeGroups(std::string_view controllers, std::string_view identity) {
  std::string path;
  std::string_view left = group_ == "." ? std::string_view() : std::string_view(group_);
  Result<CgroupDir> at = CgroupDir::Open(root_.c_str(), ".");
  if (!at.ok()) return {at.error(), "openat2", root_};
  for (;;) {
    if (!controllers.empty()) {
      if (int error = at.value().Write("cgroup.subtree_control", controllers); error < 0)
        return {error, "write", root_ + "/" + path + "cgroup.subtree_control"};
    }
    if (left.empty()) break;
    size_t slash = left.find('/');
    std::string name(left.substr(0, slash));
    left.remove_prefix(slash == std::string_view::npos ? left.size() : slash + 1);
    path += name + "/";
    Result<CgroupDir> below = at.value().OpenBelow(name.c_str());
    if (!below.ok()) {
      if (Failure failure = MakeGroup(at.value(), name, identity, root_ + "/" + path, &below)) return failure;
    }
    at = std::move(below);
  }
  parent_.emplace(std::move(at).value());
  return {};
}

// The directory itself. Until it is marked the group says whose it is, for whoever comes after us all.
Failure SystemCgroup::MakeDirectory(const MessageReader& request, const std::string& intent) {
  Failure failure;
  // The end of another system, of whichever process, may take the groups away between any two calls.
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    failure = MakeGroups(request.Text(Tag::kControllers), IdentityOf(request));
    if (!failure) {
      parent_->RemoveAttribute(intent.c_str());
      parent_->SetAttribute(intent.c_str(), IdentityOf(request));
      failure = {parent_->Make(name_.c_str()), "mkdirat", path_};
    }
    if (failure.error != -ENOENT && failure.error != -ENODEV) break;
  }
  return failure;
}

// With the lease and the marks by which it is known.
Failure SystemCgroup::MakeMarked(const MessageReader& request) {
  const std::string intent = kIntentMark + name_;
  Failure failure = MakeDirectory(request, intent);
  if (!failure) failure = Mark(request);
  if (parent_) parent_->RemoveAttribute(intent.c_str());
  return failure;
}

Failure SystemCgroup::Mark(const MessageReader& request) {
  Result<CgroupDir> cgroup = parent_->OpenBelow(name_.c_str());
  if (!cgroup.ok()) {
    // Nobody else knows of it yet.
    parent_->RemoveNew(name_.c_str());
    return {cgroup.error(), "openat2", path_};
  }
  cgroup_.emplace(std::move(cgroup).value());
  Ledger::Made(entry_, cgroup_->inode());
  if (int error = cgroup_->Lock(); error < 0) return {error, "flock", path_};
  for (std::string_view text : request.All(Tag::kAttribute)) {
    auto pair = SplitPair(text);
    if (!pair) continue;
    if (int error = cgroup_->SetAttribute(pair->first.c_str(), pair->second); error < 0)
      return {error, "fsetxattr", path_};
  }
  return {};
}

Failure SystemCgroup::Make(const MessageReader& request) {
  if (!request.Has(Tag::kCgroupRoot)) return {};
  root_ = request.Text(Tag::kCgroupRoot);
  group_ = request.Text(Tag::kCgroupGroup);
  name_ = request.Text(Tag::kCgroupName);
  path_ = root_ + "/" + (group_ == "." ? "" : group_ + "/") + name_;
  Result<Ledger::Entry*> entry = ledger_->Intend(root_, group_, name_, IdentityOf(request));
  if (!entry.ok()) return {entry.error(), "mkdirat", path_};
  entry_ = entry.value();
  Ledger::SetUpper(entry_, request.Text(Tag::kUpper));
  if (Failure failure = MakeMarked(request)) return failure;
  for (std::string_view text : request.All(Tag::kWrite)) {
    auto pair = SplitPair(text);
    if (!pair) continue;
    if (int error = cgroup_->Write(pair->first.c_str(), pair->second); error < 0)
      return {error, "write", path_ + "/" + pair->first};
  }
  return {};
}

int SystemCgroup::MoveIn(pid_t pid) const {
  return cgroup_->Write("cgroup.procs", std::to_string(pid));
}

void SystemCgroup::Kill() const {
  if (cgroup_) KillTree(*cgroup_);
}

int SystemCgroup::Remove() {
  if (cgroup_) {
    if (int error = RemoveTree(*parent_, name_.c_str(), *cgroup_); error < 0) return error;
    cgroup_.reset();
  }
  // The groups want fds, of which there may be no others.
  parent_.reset();
  if (entry_ == nullptr) return 0;
  RemoveGroups(root_.c_str(), group_);
  Ledger::Clear(entry_);
  entry_ = nullptr;
  return 0;
}

void SystemCgroup::SetLink(const std::string& ifname) {
  if (entry_ != nullptr) Ledger::SetLink(entry_, ifname);
}

void SystemCgroup::DeleteLink() const {
  if (entry_ != nullptr && entry_->ifname[0] != '\0') DeleteHostLink(entry_->ifname);
}

void SystemCgroup::AddStatistics(MessageWriter* message) const {
  if (!cgroup_) return;
  for (const char* file : kStatistics) {
    Result<std::string> text = cgroup_->Read(file);
    if (text.ok()) message->Add(Tag::kStatistics, std::string(file) + '\0' + text.value());
  }
}

}  // namespace cofferdam
