// The JSON of PutRecord and PutRecords, read with simdjson's on-demand parser: one pass, no tree.
// Members may come in any order, with escapes, with unknown members between them.
#include <simdjson.h>

#include <fmt/format.h>

#include <cstring>

#include "server/kinesis/put_request.h"

namespace freshet::kinesis {
namespace {

namespace ondemand = simdjson::ondemand;

// A parser keeps four bytes and more for each byte of its largest text. Few requests are larger
// than this; they pay for a parser of their own, and no thread keeps tens of MiB for them.
constexpr std::size_t kKeptParserBytesMax = 1u << 20;

Error not_json(simdjson::error_code error) {
  return unreadable_body(
      fmt::format("the body is not valid JSON: {}", simdjson::error_message(error)));
}

class JsonPutReader {
 public:
  JsonPutReader(PutBatchBuilder::Kind kind, std::string& body)
      : kind_(kind), body_(body), builder_(kind, body.size()) {}

  Result<PutRequest> read(ondemand::parser& parser) {
    body_.reserve(body_.size() + simdjson::SIMDJSON_PADDING);
    ondemand::document document;
    ondemand::object object;
    if (auto error = parser.iterate(body_.data(), body_.size(), body_.capacity()).get(document)) {
      return not_json(error);
    }
    if (auto error = document.get_object().get(object)) return not_json(error);
    FRESHET_TRY_STATUS(read_top(object));
    // Behind the last token there is no location left.
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
      return unreadable_body("more text stands behind the body's object");
    return finish();
  }

 private:
  struct Member {
    std::string_view name;
    ondemand::value value;
  };

  // Nearly every name stands in the body as it is; unescaping each would cost 10 ns a member.
  static Result<std::string_view> name_of(simdjson::simdjson_result<ondemand::field>& field) {
    ondemand::raw_json_string raw;
    if (auto error = field.key().get(raw)) return not_json(error);
    const char* end = raw.raw();
    while (*end != '"' && *end != '\\') ++end;  // stage 1 has found the closing quote
    if (*end == '"') return std::string_view(raw.raw(), static_cast<std::size_t>(end - raw.raw()));
    std::string_view name;
    if (auto error = field.unescaped_key().get(name)) return not_json(error);
    return name;
  }

  // Calls `read` with each member of `object`.
  template <typename Read>
  Status each_member(ondemand::object& object, Read read) {
    for (auto field : object) {
      Member member;
      FRESHET_TRY(member.name, name_of(field));
      if (auto error = field.value().get(member.value)) return not_json(error);
      FRESHET_TRY_STATUS(read(member));
    }
    return ok();
  }

  Status read_top(ondemand::object& object) {
    PutFields fields;
    FRESHET_TRY_STATUS(each_member(object, [&](Member& member) -> Status {
      if (member.name == "StreamName")
        return read_text(member.value, "streamName", reference_.name);
      if (member.name == "StreamARN") return read_text(member.value, "streamARN", reference_.arn);
      if (kind_ == PutBatchBuilder::Kind::kList) {
        return member.name == "Records" ? read_records(member.value) : ok();
      }
      if (member.name == "SequenceNumberForOrdering") {
        return read_text(member.value, "sequenceNumberForOrdering", order_number_);
      }
      return read_record_member(member, fields);
    }));
    if (kind_ == PutBatchBuilder::Kind::kList) return ok();
    FRESHET_TRY_STATUS(check_members(reference_, 1));
    return builder_.add(fields);
  }

  Status read_records(ondemand::value& value) {
    if (records_given_) return unreadable_body("records is given twice");
    bool null = false;
    if (auto error = value.is_null().get(null)) return not_json(error);
    if (null) return ok();
    ondemand::array records;
    if (value.get_array().get(records)) return unreadable_body("records must be a list");
    records_given_ = true;
    for (auto item : records) {
      ondemand::object record;
      if (auto error = item.get_object().get(record)) {
        if (error != simdjson::INCORRECT_TYPE) return not_json(error);
        return unreadable_body(
            fmt::format("records.{} must be an object", builder_.record_count() + 1));
      }
      if (builder_.record_count() == kPutRecordsMax) return too_many_records();
      PutFields fields;
      FRESHET_TRY_STATUS(
          each_member(record, [&](Member& member) { return read_record_member(member, fields); }));
      FRESHET_TRY_STATUS(builder_.add(fields));
    }
    return ok();
  }

  Status read_record_member(Member& member, PutFields& fields) {
    if (member.name == "Data") return read_data(member.value, fields.data);
    if (member.name == "PartitionKey") {
      return read_key(member.value, fields.partition_key);
    }
    if (member.name == "ExplicitHashKey") {
      return read_view(member.value, "explicitHashKey", fields.explicit_hash_key);
    }
    return ok();
  }

  // The text between the quotes as it stands in the body; nothing where the value is no string.
  static std::optional<std::string_view> raw_text(ondemand::value& value) {
    std::string_view token = value.raw_json_token();
    while (!token.empty() && std::strchr(" \t\r\n", token.back()) != nullptr)
      token.remove_suffix(1);
    if (token.size() < 2 || token.front() != '"' || token.back() != '"') return std::nullopt;
    return token.substr(1, token.size() - 2);
  }
  static bool has_escapes(std::string_view text) {
    return std::memchr(text.data(), '\\', text.size()) != nullptr;
  }

  // Null counts as missing, as AWS's own services take it.
  Result<bool> begin_text(ondemand::value& value, std::string_view member,
                          const std::optional<std::string_view>& before) {
    if (before) return twice(member);
    bool null = false;
    if (auto error = value.is_null().get(null)) return not_json(error);
    return !null;
  }
  Error twice(std::string_view member) const {
    return unreadable_body(fmt::format("{} is given twice", builder_.path_of_next(member)));
  }
  Error not_a_string(std::string_view member) const {
    return unreadable_body(fmt::format("{} must be a string", builder_.path_of_next(member)));
  }

  Status read_data(ondemand::value& value, std::optional<std::string_view>& data) {
    FRESHET_TRY(bool given, begin_text(value, "data", data));
    if (!given) return ok();
    std::optional<std::string_view> text = raw_text(value);
    if (!text) return not_a_string("data");
    data = builder_.keep_base64(*text);
    if (!data && has_escapes(*text)) {  // some clients write '/' as "\/"
      std::string_view unescaped;
      if (auto error = value.get_string().get(unescaped)) return not_json(error);
      data = builder_.keep_base64(unescaped);
    }
    if (!data)
      return unreadable_body(fmt::format("{} is not base64", builder_.path_of_next("data")));
    return ok();
  }

  Status read_key(ondemand::value& value, std::optional<std::string_view>& key) {
    FRESHET_TRY_STATUS(read_view(value, "partitionKey", key));
    if (key) key = builder_.keep(*key);
    return ok();
  }

  // A view into the body or the parser: good until the next document.
  Status read_view(ondemand::value& value, std::string_view member,
                   std::optional<std::string_view>& view) {
    FRESHET_TRY(bool given, begin_text(value, member, view));
    if (!given) return ok();
    view = raw_text(value);
    if (!view) return not_a_string(member);
    if (!has_escapes(*view)) return ok();
    std::string_view unescaped;
    if (auto error = value.get_string().get(unescaped)) return not_json(error);
    view = unescaped;
    return ok();
  }

  Status read_text(ondemand::value& value, std::string_view path,
                   std::optional<std::string>& text) {
    if (text) return unreadable_body(fmt::format("{} is given twice", path));
    bool null = false;
    if (auto error = value.is_null().get(null)) return not_json(error);
    if (null) return ok();
    std::string_view view;
    if (auto error = value.get_string().get(view)) {
      if (error != simdjson::INCORRECT_TYPE) return not_json(error);
      return unreadable_body(fmt::format("{} must be a string", path));
    }
    text = std::string(view);
    return ok();
  }

  Result<PutRequest> finish() {
    std::optional<std::size_t> count;
    if (records_given_ || kind_ == PutBatchBuilder::Kind::kOne) count = builder_.record_count();
    FRESHET_TRY_STATUS(check_members(reference_, count));
    if (order_number_) FRESHET_TRY_STATUS(check_order_number(*order_number_));
    return PutRequest{std::move(reference_), std::move(builder_).finish()};
  }

  PutBatchBuilder::Kind kind_;
  std::string& body_;
  PutBatchBuilder builder_;
  StreamReference reference_;
  std::optional<std::string> order_number_;
  bool records_given_ = false;
};

}  // namespace

Result<PutRequest> decode_put_json(PutBatchBuilder::Kind kind, std::string& body) {
  JsonPutReader reader(kind, body);
  if (body.size() > kKeptParserBytesMax) {
    ondemand::parser parser;
    return reader.read(parser);
  }
  thread_local ondemand::parser parser;
  return reader.read(parser);
}

}  // namespace freshet::kinesis
