#pragma once

#include <sys/types.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "protocol.h"

namespace cofferdam {

inline Step StepOf(std::string_view bytes) {
  uint32_t number = 0;
  memcpy(&number, bytes.data(), bytes.size() < sizeof number ? 0 : sizeof number);
  return static_cast<Step>(number);
}

// A step as the owner sends it: its number, its flags, words.
struct StepReader {
  Step step;
  uint32_t flags;
  std::vector<std::string> words;

  explicit StepReader(std::string_view bytes) {
    uint32_t head[2] = {};
    memcpy(head, bytes.data(), bytes.size() < sizeof head ? bytes.size() : sizeof head);
    step = static_cast<Step>(head[0]);
    flags = head[1];
    bytes.remove_prefix(bytes.size() < sizeof head ? bytes.size() : sizeof head);
    while (!bytes.empty()) {
      size_t end = bytes.find('\0');
      words.emplace_back(bytes.substr(0, end));
      bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    }
  }

  bool Has(uint32_t flag) const { return (flags & flag) != 0; }
  // Empty where there are fewer.
  const char* Word(size_t index) const { return index < words.size() ? words[index].c_str() : ""; }
  uint32_t Number(size_t index) const { return static_cast<uint32_t>(strtoul(Word(index), nullptr, 10)); }
  mode_t Mode(size_t index) const { return static_cast<mode_t>(strtoul(Word(index), nullptr, 8)); }
};

}  // namespace cofferdam
