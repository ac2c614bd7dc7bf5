// Tags: the old calls by stream name, and the new ones by ARN.
#include <fmt/format.h>

#include "server/kinesis/operation.h"

namespace freshet::kinesis {
namespace {

constexpr std::size_t kTagsMax = 50;

using Tags = std::map<std::string, std::string>;

Result<aws::Document> add_tags(const Call& call, const StreamReference& reference,
                               const Tags& added) {
  MutexLock lock(call.services.settings_mutex);
  FRESHET_TRY(pipeline::StreamInfo stream,
              open_stream(call.services, call.principal, call.operation, reference));
  Tags tags = stream.tags;
  for (const auto& [key, value] : added) tags[key] = value;
  if (tags.size() > kTagsMax) {
    return limit_reached(fmt::format("Stream {} would have {} tags; the limit is {}.", stream.name,
                                     tags.size(), kTagsMax));
  }
  FRESHET_TRY_STATUS(call.services.streams.set_tags(stream.name, tags));
  return aws::Document();
}

Result<aws::Document> remove_tags(const Call& call, const StreamReference& reference,
                                  const std::vector<std::string>& keys) {
  MutexLock lock(call.services.settings_mutex);
  FRESHET_TRY(pipeline::StreamInfo stream,
              open_stream(call.services, call.principal, call.operation, reference));
  Tags tags = stream.tags;
  for (const std::string& key : keys) tags.erase(key);
  FRESHET_TRY_STATUS(call.services.streams.set_tags(stream.name, tags));
  return aws::Document();
}

aws::Document tag_document(const std::string& key, const std::string& value) {
  return aws::Document::map().set("Key", key).set("Value", value);
}

// ResourceARN; the only resources here are streams.
StreamReference read_resource(Input& input) {
  StreamReference reference;
  reference.arn = input.text("ResourceARN", kResourceArnRule, Input::kRequired);
  return reference;
}

}  // namespace

Result<aws::Document> add_tags_to_stream(const Call& call) {
  Input input(call.request);
  StreamReference reference = read_stream_reference(input);
  Tags tags = input.tags("Tags", Input::kRequired);
  FRESHET_TRY_STATUS(input.status());
  return add_tags(call, reference, tags);
}

Result<aws::Document> tag_resource(const Call& call) {
  Input input(call.request);
  StreamReference reference = read_resource(input);
  Tags tags = input.tags("Tags", Input::kRequired);
  FRESHET_TRY_STATUS(input.status());
  return add_tags(call, reference, tags);
}

Result<aws::Document> remove_tags_from_stream(const Call& call) {
  Input input(call.request);
  StreamReference reference = read_stream_reference(input);
  std::vector<std::string> keys = input.tag_keys("TagKeys");
  FRESHET_TRY_STATUS(input.status());
  return remove_tags(call, reference, keys);
}

Result<aws::Document> untag_resource(const Call& call) {
  Input input(call.request);
  StreamReference reference = read_resource(input);
  std::vector<std::string> keys = input.tag_keys("TagKeys");
  FRESHET_TRY_STATUS(input.status());
  return remove_tags(call, reference, keys);
}

Result<aws::Document> list_tags_for_stream(const Call& call) {
  Input input(call.request);
  StreamReference reference = read_stream_reference(input);
  std::optional<std::string> after = input.text("ExclusiveStartTagKey", kTagKeyRule);
  std::optional<std::int64_t> limit = input.integer("Limit", {1, kTagsMax});
  FRESHET_TRY_STATUS(input.status());
  FRESHET_TRY(pipeline::StreamInfo stream,
              open_stream(call.services, call.principal, call.operation, reference));
  aws::Document tags = aws::Document::list();
  std::int64_t left = limit.value_or(kTagsMax);
  auto tag = after ? stream.tags.upper_bound(*after) : stream.tags.begin();
  for (; tag != stream.tags.end() && left > 0; ++tag, --left) {
    tags.push(tag_document(tag->first, tag->second));
  }
  aws::Document document = aws::Document::map();
  document.set("Tags", std::move(tags));
  document.set("HasMoreTags", tag != stream.tags.end());
  return document;
}

Result<aws::Document> list_tags_for_resource(const Call& call) {
  Input input(call.request);
  StreamReference reference = read_resource(input);
  FRESHET_TRY_STATUS(input.status());
  FRESHET_TRY(pipeline::StreamInfo stream,
              open_stream(call.services, call.principal, call.operation, reference));
  aws::Document tags = aws::Document::list();
  for (const auto& [key, value] : stream.tags) tags.push(tag_document(key, value));
  return aws::Document::map().set("Tags", std::move(tags));
}

}  // namespace freshet::kinesis
