// The server that a bench measures: a process of its own, or one that runs already.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/fleet_files.h"
#include "cli/metrics_text.h"
#include "common/result.h"

namespace freshet::cli {

// One thread. A server that was started here ends with it.
class BenchTarget {
 public:
  // --aws and --http name a running one; else this binary is started on free ports, in a folder
  // that is removed at the end.
  // `settings` come before those of --set.
  static Result<BenchTarget> open(const Invocation& invocation,
                                  std::vector<std::string> settings = {});
  BenchTarget(BenchTarget&& other) noexcept;
  BenchTarget& operator=(BenchTarget&&) = delete;
  ~BenchTarget();

  const std::string& aws() const { return aws_; }
  const std::string& http() const { return http_; }
  bool is_own() const { return folder_.has_value(); }
  const std::string& directory() const { return folder_->path(); }  // of an own server alone

  // kill -9; then start it again on the same folder, which returns when /healthz is ok.
  Status kill();
  Status restart();
  // SIGTERM, and waits for its end.
  Status stop();
  // Settings of the next start, behind those of --set.
  void add_setting(std::string setting) { settings_.push_back(std::move(setting)); }

  // User and system time of the server so far; 0 for one on another machine.
  double cpu_seconds() const;
  std::uint64_t resident_bytes() const;
  std::uint64_t log_bytes() const;  // of the data directory
  Result<MetricsText> metrics() const;
  // First value of the first row.
  Result<std::uint64_t> ask_count(const std::string& sql) const;

 private:
  BenchTarget() = default;
  Status start();
  Status wait_until_healthy();
  std::string log_tail() const;

  std::optional<TemporaryFolder> folder_;
  std::string config_file_;
  std::vector<std::string> settings_;  // "limits.memory=2GiB", over the file's
  std::string aws_, http_;
  pid_t process_ = -1;
};

}  // namespace freshet::cli
