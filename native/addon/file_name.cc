#include "file_name.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "arguments.h"

namespace cofferdam {

namespace {

constexpr char16_t kFirstByte = 0xDC80;
constexpr char16_t kLastByte = 0xDCFF;
constexpr uint32_t kReplacement = 0xFFFD;

bool IsHigh(char16_t unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}

bool IsLow(char16_t unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

struct Character {
  uint32_t code;
  // Bytes, or units; 0 where it is none.
  size_t length;
};

// The character that UTF-8 begins with.
Character FirstOf(std::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  if (lead < 0x80) return {lead, 1};
  const size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || length > bytes.size()) return {0, 0};
  uint32_t code = lead & (0x7F >> length);
  for (size_t at = 1; at < length; ++at) {
    const auto next = static_cast<unsigned char>(bytes[at]);
    if ((next & 0xC0) != 0x80) return {0, 0};
    code = code << 6 | (next & 0x3F);
  }
  // Longer than it need be, half a pair, or beyond the last.
  if (length == 3 && (code < 0x800 || (code >= 0xD800 && code <= 0xDFFF))) return {0, 0};
  if (length == 4 && (code < 0x10000 || code > 0x10FFFF)) return {0, 0};
  return {code, length};
}

// The character that UTF-16 begins with; half a pair is the replacement character.
Character FirstOf(std::u16string_view units) {
  if (IsHigh(units[0]) && units.size() > 1 && IsLow(units[1]))
    return {0x10000 + ((units[0] - 0xD800u) << 10) + (units[1] - 0xDC00u), 2};
  if (IsHigh(units[0]) || IsLow(units[0])) return {kReplacement, 1};
  return {units[0], 1};
}

void Append(std::u16string& text, uint32_t code) {
  if (code < 0x10000) {
    text += static_cast<char16_t>(code);
  } else {
    text += static_cast<char16_t>(0xD800 + ((code - 0x10000) >> 10));
    text += static_cast<char16_t>(0xDC00 + ((code - 0x10000) & 0x3FF));
  }
}

void Append(std::string& bytes, uint32_t code) {
  const size_t more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  bytes += static_cast<char>(more == 0 ? code : (0xF0 << (3 - more) | code >> (6 * more)) & 0xFF);
  for (size_t left = more; left > 0; --left)
    bytes += static_cast<char>(0x80 | (code >> (6 * (left - 1)) & 0x3F));
}

}  // namespace

Napi::Value FileName(Napi::Env env, const std::string& bytes) {
  std::u16string text;
  for (std::string_view rest = bytes; !rest.empty();) {
    const Character first = FirstOf(rest);
    if (first.length == 0) {
      text += static_cast<char16_t>(0xDC00 + static_cast<unsigned char>(rest[0]));
    } else {
      Append(text, first.code);
    }
    rest.remove_prefix(first.length == 0 ? 1 : first.length);
  }
  return Napi::String::New(env, text);
}

std::optional<std::string> FileNameArgument(Napi::Value value, const char* name) {
  // Which says what is wrong with it.
  if (!StringArgument(value, name)) return std::nullopt;
  const std::u16string text = value.As<Napi::String>().Utf16Value();
  std::string bytes;
  for (std::u16string_view rest = text; !rest.empty();) {
    const Character first = FirstOf(rest);
    if (first.length == 1 && rest[0] >= kFirstByte && rest[0] <= kLastByte) {
      bytes += static_cast<char>(rest[0] - 0xDC00);
    } else {
      Append(bytes, first.code);
    }
    rest.remove_prefix(first.length);
  }
  return bytes;
}

}  // namespace cofferdam
