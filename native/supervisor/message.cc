#include "message.h"

#include <cstddef>
#include <cstring>
#include <utility>

namespace cofferdam {

namespace {

constexpr size_t kAlignment = 4;

size_t Padded(size_t length) {
  return (length + kAlignment - 1) & ~(kAlignment - 1);
}

struct FieldHeader {
  uint32_t tag;
  uint32_t length;
};

}  // namespace

std::optional<MessageReader> MessageReader::Of(std::string_view bytes) {
  MessageHeader header;
  if (bytes.size() < sizeof header) return std::nullopt;
  memcpy(&header, bytes.data(), sizeof header);
  bytes.remove_prefix(sizeof header);
  MessageReader reader(header);
  while (!bytes.empty()) {
    FieldHeader field;
    if (bytes.size() < sizeof field) return std::nullopt;
    memcpy(&field, bytes.data(), sizeof field);
    bytes.remove_prefix(sizeof field);
    if (field.length > bytes.size() || Padded(field.length) > bytes.size()) return std::nullopt;
    reader.fields_.push_back({static_cast<Tag>(field.tag), bytes.substr(0, field.length)});
    bytes.remove_prefix(Padded(field.length));
  }
  return reader;
}

std::optional<std::string_view> MessageReader::Find(Tag tag) const {
  for (const Field& field : fields_)
    if (field.tag == tag) return field.bytes;
  return std::nullopt;
}

std::vector<std::string_view> MessageReader::All(Tag tag) const {
  std::vector<std::string_view> all;
  for (const Field& field : fields_)
    if (field.tag == tag) all.push_back(field.bytes);
  return all;
}

uint64_t MessageReader::Number(Tag tag, uint64_t otherwise) const {
  std::optional<std::string_view> bytes = Find(tag);
  uint64_t value;
  if (!bytes || bytes->size() != sizeof value) return otherwise;
  memcpy(&value, bytes->data(), sizeof value);
  return value;
}

MessageWriter::MessageWriter(Kind kind, uint32_t serial, uint32_t system) {
  MessageHeader header = {static_cast<uint32_t>(kind), serial, system};
  bytes_.append(reinterpret_cast<const char*>(&header), sizeof header);
}

MessageWriter& MessageWriter::Add(Tag tag, std::string_view bytes) {
  FieldHeader header = {static_cast<uint32_t>(tag), static_cast<uint32_t>(bytes.size())};
  bytes_.append(reinterpret_cast<const char*>(&header), sizeof header);
  bytes_.append(bytes);
  bytes_.append(Padded(bytes.size()) - bytes.size(), '\0');
  return *this;
}

MessageWriter& MessageWriter::AddNumber(Tag tag, uint64_t value) {
  return Add(tag, std::string_view(reinterpret_cast<const char*>(&value), sizeof value));
}

MessageWriter& MessageWriter::AddFailure(const Failure& failure) {
  AddNumber(Tag::kErrno, static_cast<uint64_t>(static_cast<int64_t>(failure.error)));
  Add(Tag::kCall, failure.call);
  if (!failure.path.empty()) Add(Tag::kPath, failure.path);
  return *this;
}

MessageWriter MessageWriter::ForSystem(uint32_t system) const {
  MessageWriter copy = *this;
  memcpy(copy.bytes_.data() + offsetof(MessageHeader, system), &system, sizeof system);
  return copy;
}

void Renumber(std::string* bytes, uint32_t serial, uint64_t command) {
  std::optional<MessageReader> request = MessageReader::Of(*bytes);
  if (!request) return;
  std::optional<std::string_view> field = request->Find(Tag::kCommand);
  if (field && field->size() == sizeof command)
    memcpy(bytes->data() + (field->data() - bytes->data()), &command, sizeof command);
  memcpy(bytes->data() + offsetof(MessageHeader, serial), &serial, sizeof serial);
}

std::optional<std::pair<std::string, std::string_view>> SplitPair(std::string_view text) {
  size_t end = text.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  return std::pair(std::string(text.substr(0, end)), text.substr(end + 1));
}

}  // namespace cofferdam
