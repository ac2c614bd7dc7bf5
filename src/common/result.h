// Result<T> and Status: what a function gives back when it can fail for a reason outside our code.
// Member names are those of std::expected (C++23), which g++ 12 has only in part.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "common/check.h"

namespace freshet {

// What kind of failure this is. Doors translate a Code into their protocol's own words.
enum class Code : std::uint8_t {
  kInvalid,      // the caller's input is wrong; repeating it will not help
  kNotFound,     // what was named does not exist
  kExists,       // what was to be made exists already, or is in use
  kDenied,       // the caller may not do this
  kExpired,      // a token, iterator or deadline of the caller has passed
  kThrottled,    // a budget is full; the same request may succeed later
  kUnavailable,  // we cannot do it now (starting, stopping, disk full); may succeed later
  kTimeout,      // a limit on time was reached
  kCorruption,   // bytes on disk or wire are not what was written
  kNoSpace,      // the disk is full
  kIo,           // the operating system refused
  kUnsupported,  // understood, but not offered
  kInternal,     // our own mistake
};

std::string_view code_name(Code code);

// An error: a kind, a stable number (printed as FRS-nnnn; 0 where there is none), and words that
// say what, where and what to do. Context is put in front on the way up.
class [[nodiscard]] Error {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}
  Error(Code code, int number, std::string message)
      : code_(code), number_(number), message_(std::move(message)) {}

  Code code() const { return code_; }
  int number() const { return number_; }
  const std::string& message() const { return message_; }
  // "FRS-1104 freshet.toml:34: unknown key …", or the message alone where no number is given.
  std::string to_string() const;
  Error with_context(std::string_view context) && {
    message_ = std::string(context) + ": " + message_;
    return std::move(*this);
  }

 private:
  Code code_;
  int number_ = 0;
  std::string message_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::move(error)) {}  // NOLINT: implicit by design

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() & {
    check_value();
    return std::get<0>(state_);
  }
  const T& value() const& {
    check_value();
    return std::get<0>(state_);
  }
  T&& value() && {
    check_value();
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const& {
    FRESHET_CHECK(!has_value());
    return std::get<1>(state_);
  }
  Error&& error() && {
    FRESHET_CHECK(!has_value());
    return std::get<1>(std::move(state_));
  }

 private:
  void check_value() const {
    if (!has_value())
      check_failed_with("value() of a failed Result", std::get<1>(state_).message());
  }
  std::variant<T, Error> state_;
};

// A Result without a value.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}  // NOLINT: implicit by design

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  const Error& error() const& {
    FRESHET_CHECK(error_.has_value());
    return *error_;
  }
  Error&& error() && {
    FRESHET_CHECK(error_.has_value());
    return *std::move(error_);
  }

 private:
  std::optional<Error> error_;
};

inline Status ok() {
  return {};
}

}  // namespace freshet

#define FRESHET_CONCAT_INNER(a, b) a##b
#define FRESHET_CONCAT(a, b) FRESHET_CONCAT_INNER(a, b)

// FRESHET_TRY(auto segment, open_segment(disk, path)); — declares `segment`, or returns the error.
#define FRESHET_TRY(declaration, expression)                             \
  auto FRESHET_CONCAT(freshet_result_, __LINE__) = (expression);         \
  if (!FRESHET_CONCAT(freshet_result_, __LINE__).has_value())            \
    return std::move(FRESHET_CONCAT(freshet_result_, __LINE__)).error(); \
  declaration = *std::move(FRESHET_CONCAT(freshet_result_, __LINE__))

// FRESHET_TRY_STATUS(file.sync()); — returns the error, if there is one.
#define FRESHET_TRY_STATUS(expression)                                 \
  if (auto freshet_status = (expression); !freshet_status.has_value()) \
  return std::move(freshet_status).error()
