#include "cli/bench_target.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/server_client.h"
#include "io/clock.h"

namespace freshet::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kStartTimeoutUs = 300'000'000;
constexpr std::int64_t kStopTimeoutUs = 60'000'000;
constexpr std::int64_t kRequestTimeoutUs = 300'000'000;
constexpr std::int64_t kPollUs = 2'000;

Error spawn_error(int number) {
  return {Code::kIo, fmt::format("the server cannot be started: {}", strerror(number))};
}

}  // namespace

Result<BenchTarget> BenchTarget::open(const Invocation& invocation,
                                      std::vector<std::string> settings) {
  BenchTarget target;
  target.aws_ = invocation.value_or("aws", "");
  target.http_ = invocation.value_or("http", "");
  if (!target.aws_.empty() || !target.http_.empty()) {
    if (target.aws_.empty() || target.http_.empty()) {
      return usage_error("a running server is named by --aws and --http together");
    }
    return target;
  }
  FRESHET_TRY(TemporaryFolder folder, TemporaryFolder::make(invocation.value_or("directory", "")));
  FRESHET_TRY(target.config_file_, write_fleet_files(folder.path()));
  if (auto config = invocation.value("config")) target.config_file_ = *config;
  target.settings_ = std::move(settings);
  for (std::string& setting : invocation.values("set"))
    target.settings_.push_back(std::move(setting));
  target.folder_.emplace(std::move(folder));
  FRESHET_TRY_STATUS(target.start());
  return target;
}

BenchTarget::BenchTarget(BenchTarget&& other) noexcept
    : folder_(std::move(other.folder_)),
      config_file_(std::move(other.config_file_)),
      settings_(std::move(other.settings_)),
      aws_(std::move(other.aws_)),
      http_(std::move(other.http_)),
      process_(other.process_) {
  other.process_ = -1;
  other.folder_.reset();
}

BenchTarget::~BenchTarget() {
  [[maybe_unused]] Status stopped = stop();
}

Status BenchTarget::stop() {
  if (process_ <= 0) return Error(Code::kUnsupported, "only a server started here can be stopped");
  ::kill(process_, SIGTERM);
  std::int64_t give_up = io::system_clock().monotonic_ns() + kStopTimeoutUs * 1000;
  while (waitpid(process_, nullptr, WNOHANG) == 0) {
    if (io::system_clock().monotonic_ns() > give_up) return kill();
    usleep(kPollUs);
  }
  process_ = -1;
  return ok();
}

Status BenchTarget::start() {
  std::string data = folder_->path() + "/data";
  std::error_code failed;
  fs::remove(data + "/addresses.json", failed);
  std::string binary = fs::read_symlink("/proc/self/exe", failed).string();
  std::vector<std::string> words{binary,     "serve",
                                 "--config", config_file_,
                                 "--data",   data,
                                 "--set",    "listen.aws=127.0.0.1:0",
                                 "--set",    "listen.http=127.0.0.1:0"};
  for (const std::string& setting : settings_) words.insert(words.end(), {"--set", setting});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::string log = folder_->path() + "/server.log";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  // A process group of its own: Ctrl-C reaches the bench alone, which then stops the server.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  int spawned =
      posix_spawn(&process_, binary.c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (spawned != 0) {
    process_ = -1;
    return spawn_error(spawned);
  }
  return wait_until_healthy();
}

Status BenchTarget::wait_until_healthy() {
  std::string data = folder_->path() + "/data";
  std::int64_t give_up = io::system_clock().monotonic_ns() + kStartTimeoutUs * 1000;
  while (io::system_clock().monotonic_ns() < give_up) {
    if (interrupted()) return Error(Code::kUnavailable, "interrupted");
    int status = 0;
    if (waitpid(process_, &status, WNOHANG) == process_) {
      process_ = -1;
      return Error(Code::kUnavailable,
                   fmt::format("the server ended at its start:\n{}", log_tail()));
    }
    usleep(kPollUs);
    if (!fs::exists(data + "/addresses.json")) continue;
    auto aws = address_in_data_directory(data, "aws");
    auto http = address_in_data_directory(data, "http");
    if (!aws || !http) continue;  // half written
    aws_ = *aws;
    http_ = *http;
    auto client = ServerClient::open_address(http_, 1'000'000);
    if (client && client->get("/healthz", "*/*")) return ok();
  }
  return Error(Code::kTimeout, fmt::format("the server does not start:\n{}", log_tail()));
}

std::string BenchTarget::log_tail() const {
  std::ifstream file(folder_->path() + "/server.log");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return text.size() > 4000 ? text.substr(text.size() - 4000) : text;
}

Status BenchTarget::kill() {
  if (process_ <= 0) return Error(Code::kUnsupported, "only a server started here can be killed");
  ::kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
  process_ = -1;
  return ok();
}

Status BenchTarget::restart() {
  return start();
}

double BenchTarget::cpu_seconds() const {
  if (process_ <= 0) return 0;
  std::ifstream file(fmt::format("/proc/{}/stat", process_));
  std::string text;
  std::getline(file, text);
  std::size_t behind_name = text.rfind(')');
  if (behind_name == std::string::npos) return 0;
  std::istringstream fields(text.substr(behind_name + 1));
  std::string field;
  double ticks = 0;
  // proc(5): state is field 3; utime and stime are 14 and 15.
  for (int number = 3; number <= 15 && fields >> field; ++number) {
    if (number >= 14) ticks += std::stod(field);
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::uint64_t BenchTarget::resident_bytes() const {
  if (process_ <= 0) return 0;
  std::ifstream file(fmt::format("/proc/{}/statm", process_));
  std::uint64_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t BenchTarget::log_bytes() const {
  if (!folder_) return 0;
  std::uint64_t bytes = 0;
  std::error_code failed;
  for (fs::recursive_directory_iterator it(folder_->path() + "/data", failed), end;
       !failed && it != end; it.increment(failed)) {
    // What they take on the disk: files of chunks have holes.
    struct stat facts{};
    if (::lstat(it->path().c_str(), &facts) == 0 && S_ISREG(facts.st_mode))
      bytes += static_cast<std::uint64_t>(facts.st_blocks) * 512;
  }
  return bytes;
}

Result<MetricsText> BenchTarget::metrics() const {
  FRESHET_TRY(ServerClient client, ServerClient::open_address(http_, kRequestTimeoutUs));
  FRESHET_TRY(ServerAnswer answer, client.get("/metrics", "text/plain"));
  return MetricsText::parse(answer.body);
}

Result<std::uint64_t> BenchTarget::ask_count(const std::string& sql) const {
  FRESHET_TRY(ServerClient client, ServerClient::open_address(http_, kRequestTimeoutUs));
  FRESHET_TRY(ServerAnswer answer,
              client.send("POST", "/v1/sql", fmt::format("{{\"sql\":{}}}", json_string(sql)),
                          "application/json"));
  FRESHET_TRY(JsonValue rows, parse_json(answer.body));
  if (rows.items.empty() || rows.items[0].members.empty()) {
    return Error(Code::kCorruption, "the count came back empty");
  }
  // Whole numbers beyond 2^53 may come as texts.
  return std::strtoull(rows.items[0].members[0].second.text.c_str(), nullptr, 10);
}

}  // namespace freshet::cli
