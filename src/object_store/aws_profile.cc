#include "object_store/aws_profile.h"

#include <stdlib.h>

#include "object_store/errors.h"
#include "object_store/local_store_files.h"

namespace freshet::object_store {
namespace {

constexpr std::uint64_t kFileBytesMax = 1 << 20;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// "" where there is no such file.
Result<std::string> read_text(io::Disk& disk, const std::string& path) {
  auto file = disk.open(path, io::OpenMode::kRead);
  if (!file && is_not_there(file.error())) return std::string();
  if (!file) return Error(Code::kInvalid, kBadUrl, file.error().message());
  FRESHET_TRY(std::uint64_t bytes, (*file)->size());
  if (bytes > kFileBytesMax) {
    return Error(Code::kInvalid, kBadUrl, path + " is too large for a file of AWS profiles");
  }
  return read_part(**file, 0, bytes);
}

std::string path_of(const Environment& environment, const char* variable, const char* file) {
  if (auto path = environment(variable)) return *path;
  return environment("HOME").value_or("") + "/.aws/" + file;
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = ::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

ProfileValues section_of(std::string_view text, const std::string& section) {
  ProfileValues values;
  bool is_ours = false;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    bool is_nested = line.starts_with(' ') || line.starts_with('\t');
    line = trimmed(line);
    if (line.empty() || is_nested || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      is_ours = trimmed(line.substr(1, line.find(']') - 1)) == section;
      continue;
    }
    std::size_t equals = line.find('=');
    if (!is_ours || equals == std::string_view::npos) continue;
    std::string key(trimmed(line.substr(0, equals)));
    for (char& c : key) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    values[key] = trimmed(line.substr(equals + 1));
  }
  return values;
}

Result<AwsProfile> AwsProfile::load(const Environment& environment, io::Disk& disk) {
  AwsProfile profile;
  profile.environment_ = environment;
  profile.name_ = environment("AWS_PROFILE").value_or("default");
  FRESHET_TRY(std::string credentials,
              read_text(disk, path_of(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials")));
  FRESHET_TRY(std::string config,
              read_text(disk, path_of(environment, "AWS_CONFIG_FILE", "config")));
  bool is_default = profile.name_ == "default";
  profile.values_ = section_of(credentials, profile.name_);
  profile.values_.merge(
      section_of(config, is_default ? profile.name_ : "profile " + profile.name_));
  return profile;
}

std::string AwsProfile::first_of(std::initializer_list<const char*> variables,
                                 const char* key) const {
  for (const char* variable : variables) {
    if (auto value = environment_(variable)) return *value;
  }
  auto found = values_.find(key);
  return found == values_.end() ? "" : found->second;
}

Result<aws::Credential> AwsProfile::credential() const {
  auto id = environment_("AWS_ACCESS_KEY_ID");
  auto secret = environment_("AWS_SECRET_ACCESS_KEY");
  // A pair comes whole from one place: the id of one and the secret of another sign nothing.
  if (id && secret) return aws::Credential{*id, *secret, environment_("AWS_SESSION_TOKEN")};
  auto value = [&](const char* key) {
    auto found = values_.find(key);
    return found == values_.end() ? std::string() : found->second;
  };
  aws::Credential made{value("aws_access_key_id"), value("aws_secret_access_key"), std::nullopt};
  if (std::string token = value("aws_session_token"); !token.empty()) made.session_token = token;
  if (!made.id.empty() && !made.secret.empty()) return made;
  for (const char* other : {"role_arn", "sso_session", "sso_start_url", "credential_process"}) {
    if (!values_.contains(other)) continue;
    return Error(Code::kDenied, kNoKey,
                 "the AWS profile " + in_quotes(name_) + " gets its keys by " + other +
                     ", which is not offered: export them, for example by `eval \"$(aws configure "
                     "export-credentials --format env)\"`");
  }
  return Error(Code::kDenied, kNoKey,
               "no key for S3 was found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give "
               "the profile " +
                   in_quotes(name_) + " a key in ~/.aws/credentials");
}

std::string AwsProfile::region() const {
  return first_of({"AWS_REGION", "AWS_DEFAULT_REGION"}, "region");
}

std::string AwsProfile::endpoint_url() const {
  return first_of({"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}, "endpoint_url");
}

}  // namespace freshet::object_store
