// The folder's error numbers (object_store.h tells them) and the errors that several sides give.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"

namespace freshet::object_store {

inline constexpr int kBadName = 3701;
inline constexpr int kBadUrl = 3702;
inline constexpr int kNoObject = 3703;
inline constexpr int kConditionFailed = 3704;
inline constexpr int kOutcomeUnknown = 3705;
inline constexpr int kRefusedKey = 3706;
inline constexpr int kNotNow = 3707;
inline constexpr int kTooLate = 3708;
inline constexpr int kDamaged = 3709;
inline constexpr int kTooLarge = 3710;
inline constexpr int kFileInTheWay = 3711;
inline constexpr int kNoKey = 3712;
inline constexpr int kRefused = 3713;
inline constexpr int kNoBucket = 3714;
inline constexpr int kUntrusted = 3715;
inline constexpr int kStoreFull = 3716;

// In quotes, at most 200 bytes, control characters as "?": for the log's one line.
std::string in_quotes(std::string_view text);

Error no_object(const std::string& url);
// `what` is there: "an object of that name", "another etag", "no object".
Error condition_failed(const std::string& url, std::string_view what);
// `reason`: what was seen of it.
Error outcome_unknown(const std::string& url, std::string_view reason);
Error file_in_the_way(const std::string& url);
Error too_large(const std::string& url, std::uint64_t bytes, std::uint64_t bytes_max);

}  // namespace freshet::object_store
