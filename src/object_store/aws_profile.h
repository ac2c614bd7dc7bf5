// Keys, region and endpoint as every AWS tool finds them: settings, then the environment, then the
// profile's sections of ~/.aws/credentials and ~/.aws/config. Not offered: roles, SSO, processes,
// and the metadata services of containers and instances; the error says how to export a key.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "aws/sigv4.h"
#include "common/result.h"
#include "io/disk.h"

namespace freshet::object_store {

// The value of a variable; nothing where it is unset or empty.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

// One section of the files: AWS_PROFILE's, else "default". Lower-case keys.
using ProfileValues = std::map<std::string, std::string>;

// Of an INI text the values of a section; nested values (indented lines) are left out.
ProfileValues section_of(std::string_view text, const std::string& section);

// Read anew at each call: keys are rotated by writing the files again. FRS-3702 where a file is
// there and cannot be read.
class AwsProfile {
 public:
  static Result<AwsProfile> load(const Environment& environment, io::Disk& disk);

  // FRS-3712, naming where was looked, without any value of a key.
  Result<aws::Credential> credential() const;
  // "" where nobody names one.
  std::string region() const;
  std::string endpoint_url() const;

 private:
  std::string first_of(std::initializer_list<const char*> variables, const char* key) const;

  Environment environment_;
  std::string name_;
  ProfileValues values_;  // credentials over config
};

}  // namespace freshet::object_store
