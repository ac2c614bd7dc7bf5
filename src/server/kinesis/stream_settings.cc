// What can be changed on a stream beside its shards and tags: retention, record size, mode.
#include <fmt/format.h>

#include "server/kinesis/operation.h"

namespace freshet::kinesis {
namespace {

constexpr std::int64_t kHourUs = 3'600'000'000;
constexpr std::int64_t kRetentionHoursMin = 24;
constexpr std::int64_t kRetentionHoursMax = 8760;

struct Retention {
  pipeline::StreamInfo stream;
  std::int64_t hours = 0;
};

Result<Retention> decode_retention(const Call& call) {
  Input input(call.request);
  StreamReference reference = read_stream_reference(input);
  std::optional<std::int64_t> hours = input.integer("RetentionPeriodHours", {}, Input::kRequired);
  FRESHET_TRY_STATUS(input.status());
  Retention retention;
  FRESHET_TRY(retention.stream,
              open_stream(call.services, call.principal, call.operation, reference));
  retention.hours = *hours;
  if (*hours < kRetentionHoursMin) {
    return broken_meaning(fmt::format(
        "Minimum allowed retention period is {} hours. Requested retention period ({} hours) is "
        "too short.",
        kRetentionHoursMin, *hours));
  }
  if (*hours > kRetentionHoursMax) {
    return broken_meaning(fmt::format(
        "Maximum allowed retention period is {} hours. Requested retention period ({} hours) is "
        "too long.",
        kRetentionHoursMax, *hours));
  }
  return retention;
}

Error wrong_direction(const Retention& retention, std::string_view relation,
                      std::string_view other) {
  return broken_meaning(fmt::format(
      "Requested retention period ({} hours) for stream {} can not be {} than existing retention "
      "period ({} hours). Use {} API.",
      retention.hours, retention.stream.name, relation, retention.stream.retention_us / kHourUs,
      other));
}

}  // namespace

Result<aws::Document> increase_stream_retention_period(const Call& call) {
  MutexLock lock(call.services.settings_mutex);
  FRESHET_TRY(Retention retention, decode_retention(call));
  if (retention.hours * kHourUs < retention.stream.retention_us) {
    return wrong_direction(retention, "shorter", "DecreaseStreamRetentionPeriod");
  }
  FRESHET_TRY_STATUS(
      call.services.streams.set_retention(retention.stream.name, retention.hours * kHourUs));
  return aws::Document();
}

Result<aws::Document> decrease_stream_retention_period(const Call& call) {
  MutexLock lock(call.services.settings_mutex);
  FRESHET_TRY(Retention retention, decode_retention(call));
  if (retention.hours * kHourUs > retention.stream.retention_us) {
    return wrong_direction(retention, "longer", "IncreaseStreamRetentionPeriod");
  }
  FRESHET_TRY_STATUS(
      call.services.streams.set_retention(retention.stream.name, retention.hours * kHourUs));
  return aws::Document();
}

Result<aws::Document> update_max_record_size(const Call& call) {
  Input input(call.request);
  StreamReference reference = read_stream_reference(input);
  std::optional<std::int64_t> kib =
      input.integer("MaxRecordSizeInKiB", {1024, 10240}, Input::kRequired);
  FRESHET_TRY_STATUS(input.status());
  FRESHET_TRY(pipeline::StreamInfo stream,
              open_stream(call.services, call.principal, call.operation, reference));
  FRESHET_TRY_STATUS(call.services.streams.set_record_bytes_max(
      stream.name, static_cast<std::uint64_t>(*kib) * 1024));
  return aws::Document();
}

Result<aws::Document> update_stream_mode(const Call& call) {
  static constexpr std::string_view kModes[] = {"PROVISIONED", "ON_DEMAND"};
  Input input(call.request);
  StreamReference reference;
  reference.arn = input.text("StreamARN", kStreamArnRule, Input::kRequired);
  std::optional<std::string> mode;
  if (std::optional<Input> details = input.structure("StreamModeDetails", Input::kRequired)) {
    mode = details->text("StreamMode", {.values = kModes}, Input::kRequired);
    input.take(*details);
  }
  FRESHET_TRY_STATUS(input.status());
  FRESHET_TRY(pipeline::StreamInfo stream,
              open_stream(call.services, call.principal, call.operation, reference));
  FRESHET_TRY_STATUS(call.services.streams.set_mode(
      stream.name,
      mode == "ON_DEMAND" ? pipeline::StreamMode::kOnDemand : pipeline::StreamMode::kProvisioned));
  return aws::Document();
}

}  // namespace freshet::kinesis
