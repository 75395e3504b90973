#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol.h"

namespace cofferdam {

// Why something was not done: a negative errno, the system call, and its path where it had one.
struct Failure {
  int error = 0;
  const char* call = "";
  std::string path;

  explicit operator bool() const { return error < 0; }
};

// A message to be read. It refers to the bytes.
class MessageReader {
 public:
  // Nothing where the bytes are no message.
  static std::optional<MessageReader> Of(std::string_view bytes);

  Kind kind() const { return static_cast<Kind>(header_.kind); }
  uint32_t serial() const { return header_.serial; }
  uint32_t system() const { return header_.system; }

  // The first field with this tag.
  std::optional<std::string_view> Find(Tag tag) const;
  // All of them, in order.
  std::vector<std::string_view> All(Tag tag) const;
  bool Has(Tag tag) const { return Find(tag).has_value(); }
  std::string Text(Tag tag) const { return std::string(Find(tag).value_or(std::string_view())); }
  uint64_t Number(Tag tag, uint64_t otherwise = 0) const;

 private:
  explicit MessageReader(const MessageHeader& header) : header_(header) {}

  struct Field {
    Tag tag;
    std::string_view bytes;
  };
  MessageHeader header_;
  std::vector<Field> fields_;
};

class MessageWriter {
 public:
  MessageWriter(Kind kind, uint32_t serial, uint32_t system);

  MessageWriter& Add(Tag tag, std::string_view bytes);
  MessageWriter& AddNumber(Tag tag, uint64_t value);
  MessageWriter& AddFailure(const Failure& failure);
  // The same, for somebody who knows the system by another number.
  MessageWriter ForSystem(uint32_t system) const;
  std::string_view bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Gives a request another serial and another kCommand, in place: numbers that its receiver knows.
void Renumber(std::string* bytes, uint32_t serial, uint64_t command);

// Splits "name\0value"; nothing without the zero.
std::optional<std::pair<std::string, std::string_view>> SplitPair(std::string_view text);

}  // namespace cofferdam
