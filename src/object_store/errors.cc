#include "object_store/errors.h"

#include "object_store/object_store.h"

namespace freshet::object_store {

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kBytesMax = 200;
  std::string made = "\"";
  for (char c : text.substr(0, kBytesMax)) {
    auto byte = static_cast<unsigned char>(c);
    made += byte < 0x20 || byte == 0x7F ? '?' : c;
  }
  return made + (text.size() > kBytesMax ? "…\"" : "\"");
}

Error no_object(const std::string& url) {
  return Error(Code::kNotFound, kNoObject, "there is no object " + url);
}

Error condition_failed(const std::string& url, std::string_view what) {
  return Error(Code::kExists, kConditionFailed,
               url + " was not put: there is " + std::string(what) +
                   "; read it, and decide from what it holds");
}

Error outcome_unknown(const std::string& url, std::string_view reason) {
  return Error(Code::kUnavailable, kOutcomeUnknown,
               "whether " + url + " was changed is unknown (" + std::string(reason) +
                   "); read it before anything else is done with it");
}

Error file_in_the_way(const std::string& url) {
  return Error(Code::kInvalid, kFileInTheWay,
               url +
                   " was not put: a folder has that name, or a part of its path is an object; "
                   "choose another name");
}

Error too_large(const std::string& url, std::uint64_t bytes, std::uint64_t bytes_max) {
  return Error(Code::kInvalid, kTooLarge,
               url + " has " + std::to_string(bytes) + " bytes, more than the " +
                   std::to_string(bytes_max) + " that are read at once; read ranges of it");
}

bool outcome_is_unknown(const Error& error) {
  return error.number() == kOutcomeUnknown;
}

}  // namespace freshet::object_store
