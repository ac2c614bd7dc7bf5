#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "cli/commands.h"
#include "cli/event_reader.h"
#include "cli/ingest_progress.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/server_client.h"
#include "cli/text_table.h"
#include "common/units.h"
#include "io/clock.h"

namespace freshet::cli {
namespace {

constexpr std::size_t kBatchBytesMax = 4u << 20;
constexpr std::int64_t kRetryFirstUs = 100'000;
constexpr std::int64_t kRetryMostUs = 5'000'000;
constexpr int kRefusalsShown = 10;

struct Options {
  std::string stream;
  std::uint64_t batch = 0;
  std::int64_t timeout_us = 0;
  std::optional<std::string> state;
  bool restart = false;
  std::optional<EventFormat> format;
};

Result<std::optional<EventFormat>> format_of(const Invocation& invocation) {
  auto name = invocation.value("format");
  if (!name) return std::optional<EventFormat>();
  if (*name == "ndjson") return std::optional(EventFormat::kNdjson);
  if (*name == "json") return std::optional(EventFormat::kJsonArray);
  if (*name == "csv") return std::optional(EventFormat::kCsv);
  return usage_error(fmt::format("--format takes ndjson, json or csv, not \"{}\"", *name));
}

EventFormat format_by_ending(const std::string& path, std::istream& from) {
  auto ending = std::filesystem::path(path).extension();
  if (ending == ".csv") return EventFormat::kCsv;
  if (ending == ".ndjson" || ending == ".jsonl") return EventFormat::kNdjson;
  while (std::isspace(from.peek()) && ending == ".json") from.get();
  return from.peek() == '[' ? EventFormat::kJsonArray : EventFormat::kNdjson;
}

// Publishes one file.
class FileIngest {
 public:
  FileIngest(Output& output, ServerClient& client, const Options& options, std::string path)
      : output_(output), client_(client), options_(options), path_(std::move(path)) {}

  Result<IngestProgress> run() {
    bool is_stdin = path_ == "-";
    std::ifstream file;
    if (!is_stdin) {
      FRESHET_TRY_STATUS(open(file));
    }
    std::istream& from = is_stdin ? std::cin : file;
    EventFormat format = options_.format.value_or(EventFormat::kNdjson);
    if (!options_.format) {
      format = format_by_ending(path_, from);
      if (!is_stdin) file.clear(), file.seekg(0);
    }
    auto reader = EventReader::make(format, from);
    if (progress_.offset > 0) {
      auto skipped = reader->skip_to(progress_.offset);
      if (!skipped) return changed(skipped.error().message());
      output_.note(fmt::format("{}: going on behind {} events", path_, progress_.events));
    }
    begin_us_ = io::system_clock().wall_us();
    FRESHET_TRY_STATUS(publish(*reader));
    return progress_;
  }

 private:
  Status open(std::ifstream& file) {
    std::error_code failed;
    if (!std::filesystem::is_regular_file(path_, failed)) {
      return Error(Code::kNotFound, fmt::format("{} is not a file", path_));
    }
    file.open(path_, std::ios::binary);
    if (!file) return Error(Code::kDenied, fmt::format("{} cannot be read", path_));
    total_bytes_ = std::filesystem::file_size(path_, failed);
    state_ = options_.state.value_or(path_ + ".freshet-progress");
    FRESHET_TRY(std::uint32_t head_crc, crc_of_head(path_));
    if (!options_.restart) {
      FRESHET_TRY(progress_, load_progress(state_));
    }
    bool is_other = progress_.offset > total_bytes_ ||
                    (progress_.offset >= 4096 && progress_.head_crc != head_crc);
    if (is_other) return changed("it is not the file that was begun");
    progress_.head_crc = head_crc;
    return ok();
  }

  Error changed(std::string_view why) const {
    return {Code::kInvalid, fmt::format("{}: {} tells of earlier progress, but {}; give --restart "
                                        "to publish it from its beginning (nothing becomes a row "
                                        "twice)",
                                        path_, state_, why)};
  }

  Status publish(EventReader& reader) {
    std::string batch;
    std::uint64_t count = 0;
    for (;;) {
      auto event = reader.next();
      if (!event) return std::move(event).error().with_context(path_);
      if (*event) {
        batch += **event + "\n";
        ++count;
      }
      bool is_full = count >= options_.batch || batch.size() >= kBatchBytesMax;
      if (count > 0 && (is_full || !*event)) {
        FRESHET_TRY_STATUS(send(batch, count));
        progress_.offset = reader.offset();
        if (!state_.empty()) FRESHET_TRY_STATUS(save_progress(state_, progress_));
        show_progress();
        batch.clear();
        count = 0;
      }
      if (!*event) return ok();
      if (interrupted()) return Error(Code::kUnavailable, "interrupted; the same command goes on");
    }
  }

  // Repeats while the server is busy or away: a batch that came twice makes no row twice.
  Status send(const std::string& batch, std::uint64_t count) {
    std::int64_t give_up_us = io::system_clock().monotonic_ns() / 1000 + options_.timeout_us;
    std::int64_t wait_us = kRetryFirstUs;
    for (;;) {
      auto answer =
          client_.send("POST", fmt::format("/v1/streams/{}/events", url_encode(options_.stream)),
                       batch, "application/x-ndjson");
      if (answer) return count_outcomes(answer->body, count);
      Code code = answer.error().code();
      bool may_pass = code == Code::kThrottled || code == Code::kUnavailable;
      if (!may_pass || io::system_clock().monotonic_ns() / 1000 + wait_us > give_up_us) {
        return std::move(answer).error();
      }
      output_.detail(
          fmt::format("again in {}: {}", format_duration_us(wait_us), answer.error().message()));
      if (wait_for_interrupt_us(wait_us)) return std::move(answer).error();
      wait_us = std::min(wait_us * 2, kRetryMostUs);
    }
  }

  Status count_outcomes(const std::string& body, std::uint64_t count) {
    FRESHET_TRY(JsonValue outcome, parse_json(body));
    progress_.events += count;
    progress_.accepted += outcome["accepted"].to_count();
    progress_.duplicate += outcome["duplicate"].to_count();
    progress_.refused += outcome["refused"].to_count();
    progress_.filtered += outcome["filtered"].to_count();
    for (const JsonValue& refusal : outcome["refusals"].items) {
      if (++shown_ > kRefusalsShown) break;
      output_.note(fmt::format("{}: event {} refused: {} {}", path_,
                               progress_.events - count + refusal["row"].to_count() + 1,
                               printable(refusal["reason"].to_text()),
                               printable(refusal["detail"].to_text())));
    }
    return ok();
  }

  void show_progress() {
    double seconds = static_cast<double>(io::system_clock().wall_us() - begin_us_) / 1e6 + 1e-6;
    double rate = static_cast<double>(progress_.events) / seconds;
    std::string line = fmt::format("{}: {} events, {:.0f}/s", path_, progress_.events, rate);
    if (total_bytes_ > 0) {
      auto percent = progress_.offset * 100 / total_bytes_;
      double left = seconds * static_cast<double>(total_bytes_ - progress_.offset) /
                    static_cast<double>(std::max<std::uint64_t>(progress_.offset, 1));
      line += fmt::format(", {} % of {}, {:.0f} s left", percent, format_bytes(total_bytes_), left);
      if (!output_.stderr_is_terminal() && percent / 10 > shown_tenth_) output_.note(line);
      shown_tenth_ = percent / 10;
    }
    if (!output_.quiet()) output_.status_line(line);
  }

  Output& output_;
  ServerClient& client_;
  const Options& options_;
  std::string path_, state_;
  IngestProgress progress_;
  std::uint64_t total_bytes_ = 0;
  std::uint64_t shown_tenth_ = 0;
  std::int64_t begin_us_ = 0;
  int shown_ = 0;
};

void print_summary(Output& output, const IngestProgress& all) {
  if (output.json()) {
    output.write_line(fmt::format(
        "{{\"api\":\"v1\",\"events\":{},\"accepted\":{},\"duplicate\":{},\"refused\":{},"
        "\"filtered\":{}}}",
        all.events, all.accepted, all.duplicate, all.refused, all.filtered));
  } else if (output.plain()) {
    output.write_line(fmt::format("{}\t{}\t{}\t{}\t{}", all.events, all.accepted, all.duplicate,
                                  all.refused, all.filtered));
  } else {
    output.write_line(fmt::format("{} events: {} accepted, {} duplicate, {} refused, {} filtered",
                                  all.events, all.accepted, all.duplicate, all.refused,
                                  all.filtered));
  }
}

}  // namespace

Result<ExitCode> run_ingest(const Invocation& invocation) {
  Output& output = invocation.output();
  Options options;
  options.stream = invocation.value_or("stream", "detections");
  options.state = invocation.value("state");
  options.restart = invocation.has("restart");
  FRESHET_TRY(options.batch, count_of(invocation, "batch", 1000));
  FRESHET_TRY(options.timeout_us, timeout_of(invocation));
  FRESHET_TRY(options.format, format_of(invocation));
  if (options.state && invocation.arguments().size() > 1) {
    return usage_error("--state goes with one file");
  }
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  IngestProgress all;
  for (const std::string& path : invocation.arguments()) {
    FRESHET_TRY(IngestProgress one, FileIngest(output, client, options, path).run());
    all.events += one.events;
    all.accepted += one.accepted;
    all.duplicate += one.duplicate;
    all.refused += one.refused;
    all.filtered += one.filtered;
  }
  output.status_line("");
  print_summary(output, all);
  return all.refused > 0 ? ExitCode::kPartly : ExitCode::kOk;
}

}  // namespace freshet::cli
