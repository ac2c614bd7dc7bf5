#include <algorithm>

#include "common/base64.h"
#include "server/kinesis/operation.h"

namespace freshet::kinesis {
namespace {

constexpr std::size_t kStreamsPerPage = 100;

// The token is the last name shown: it gives nothing that ExclusiveStartStreamName does not.
Result<std::string> decode_token(std::string_view token) {
  std::string name(base64_decoded_bytes_max(token.size()), '\0');
  std::ptrdiff_t bytes = base64_decode(token, name.data());
  if (bytes < 0) return broken_meaning("Invalid NextToken.");
  name.resize(static_cast<std::size_t>(bytes));
  if (!matches(Pattern::kName, name)) return broken_meaning("Invalid NextToken.");
  return name;
}

// A key sees the streams that one of its rules names, and no other.
std::vector<std::string> visible_names(const Call& call) {
  std::vector<std::string> names = call.services.streams.list();
  std::erase_if(names, [&](const std::string& name) {
    return !authorize(call.principal, call.operation, name).has_value();
  });
  return names;
}

aws::Document summary(const Services& services, const pipeline::StreamInfo& stream) {
  aws::Document document = aws::Document::map();
  document.set("StreamName", stream.name);
  document.set("StreamARN", services.stream_arn(stream.name));
  document.set("StreamStatus", "ACTIVE");
  document.set("StreamModeDetails", aws::Document::map().set("StreamMode", mode_name(stream.mode)));
  document.set("StreamCreationTimestamp", aws::Document::timestamp(stream.created_us / 1000));
  return document;
}

}  // namespace

Result<aws::Document> list_streams(const Call& call) {
  Input input(call.request);
  std::optional<std::int64_t> limit = input.integer("Limit", {1, 10'000});
  std::optional<std::string> after = input.text("ExclusiveStartStreamName", kNameRule);
  std::optional<std::string> token = input.text("NextToken", kNextTokenRule);
  FRESHET_TRY_STATUS(input.status());
  if (token && after) {
    return broken_meaning("NextToken and ExclusiveStartStreamName cannot be provided together.");
  }
  if (token) {
    FRESHET_TRY(after, decode_token(*token));
  }
  std::vector<std::string> names = visible_names(call);
  if (names.empty()) FRESHET_TRY_STATUS(authorize_account(call.principal, call.operation));
  std::size_t page = std::min(kStreamsPerPage, static_cast<std::size_t>(limit.value_or(10'000)));
  auto begin = after ? std::ranges::upper_bound(names, *after) : names.begin();
  auto end = static_cast<std::size_t>(names.end() - begin) > page
                 ? begin + static_cast<std::ptrdiff_t>(page)
                 : names.end();
  aws::Document shown = aws::Document::list();
  aws::Document summaries = aws::Document::list();
  for (auto name = begin; name != end; ++name) {
    std::optional<pipeline::StreamInfo> stream = call.services.streams.find(*name);
    if (!stream) continue;  // deleted meanwhile
    shown.push(*name);
    summaries.push(summary(call.services, *stream));
  }
  aws::Document document = aws::Document::map();
  document.set("StreamNames", std::move(shown));
  document.set("HasMoreStreams", end != names.end());
  document.set("StreamSummaries", std::move(summaries));
  if (end != names.end()) document.set("NextToken", base64_encode(*(end - 1)));
  return document;
}

}  // namespace freshet::kinesis
