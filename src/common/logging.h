// The operational log: one line to stderr, key=value, written once, where an error is handled.
// Thread-safe. No personal data, no secret, no signature is ever a value.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace freshet {

// kNone, as a lowest level, silences everything: for simulations that plant thousands of faults.
enum class LogLevel { kDebug, kInfo, kWarning, kError, kNone };

struct LogField {
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  template <typename T>
    requires(std::integral<T> || std::floating_point<T>)
  LogField(std::string_view k, T v) : key(k), value(std::to_string(v)) {}

  std::string_view key;
  std::string value;
};

void set_log_level(LogLevel lowest);
void log_line(LogLevel level, std::string_view message,
              std::initializer_list<LogField> fields = {});
inline void log_debug(std::string_view m, std::initializer_list<LogField> f = {}) {
  log_line(LogLevel::kDebug, m, f);
}
inline void log_info(std::string_view m, std::initializer_list<LogField> f = {}) {
  log_line(LogLevel::kInfo, m, f);
}
inline void log_warning(std::string_view m, std::initializer_list<LogField> f = {}) {
  log_line(LogLevel::kWarning, m, f);
}
inline void log_error(std::string_view m, std::initializer_list<LogField> f = {}) {
  log_line(LogLevel::kError, m, f);
}

}  // namespace freshet
